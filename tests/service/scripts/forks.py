"""A process that forks while it works. argv[1]: which trouble that may make."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
import time
from multiprocessing import get_context

import requests
from opentelemetry import metrics, trace
from opentelemetry._logs import get_logger_provider

log = logging.getLogger("script")
# One of the meters and instruments that the rendered settings let through.
sizes = metrics.get_meter("opentelemetry.instrumentation.asgi").create_histogram(
    "http.server.request.body.size"
)


def count(times: int) -> None:
    for _ in range(times):
        sizes.record(100)


def talk(name: str) -> None:
    for number in range(500):
        log.warning("%s %s", name, number)
        if number % 50 == 0:
            time.sleep(0.05)


how = sys.argv[1]
fork = get_context("fork").Process
if how == "counts":
    count(5)
    child = fork(target=count, args=(2,))
    child.start()
    child.join()
elif how == "talks":
    # The exporter keeps its connection, which the children then have too.
    log.warning("hello")
    time.sleep(2)
    children = [fork(target=talk, args=(f"child {n}",)) for n in range(4)]
    for child in children:
        child.start()
    talk("parent")
    for child in children:
        child.join()
elif how == "while-sending":
    # Metrics are sent every ten seconds; the test's Collector takes four to answer.
    count(1)
    (reader,) = metrics.get_meter_provider()._metric_readers  # type: ignore[attr-defined]
    while not reader._export_lock.locked():
        time.sleep(0.1)
    child = fork(target=count, args=(2,))
    child.start()
    child.join()
elif how == "while-locked":
    # A lock that the parent's threads take whenever they send: of the C library, say.
    lock = threading.Lock()

    def slow(*_: object) -> None:
        with lock:
            time.sleep(0.05)

    requests.sessions.get_netrc_auth = slow
    children = []
    for number in range(4):
        while not lock.locked():
            log.warning("parent")
            time.sleep(0.001)
        children.append(fork(target=log.warning, args=("child %s", number)))
        children[-1].start()
    for child in children:
        child.join()
elif how == "first-export":
    before = {*sys.modules}
    log.warning("hello")
    with trace.get_tracer("t").start_as_current_span("hello"):
        count(1)
    for provider in (
        trace.get_tracer_provider(),
        get_logger_provider(),
        metrics.get_meter_provider(),
    ):
        provider.force_flush()  # type: ignore[attr-defined]
    print("imported:", *sorted({*sys.modules} - before))
elif how == "helpers":
    says = "from opentelemetry import trace; trace.get_tracer('t').start_span('helps').end()"
    subprocess.run([sys.executable, "-c", says], check=True)
    serves = "from opentelemetry import trace; trace.get_tracer('t')" + (
        ".start_span('serves', kind=trace.SpanKind.SERVER).end()"
    )
    subprocess.run([sys.executable, "-c", serves], check=True)
    with trace.get_tracer("t").start_as_current_span("leads"):
        os.getpid()
