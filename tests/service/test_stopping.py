"""Nothing that waits is lost when a service is stopped, and stopping takes bounded time."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from faults.conftest import eventually
from golden.collector import ROOT
from service.servers import BIN, SERVERS, environment, serving, start
from service.sink import Sink

from imsobs.runtime.trial import free_ports

pytestmark = [pytest.mark.native, pytest.mark.timeout(300)]
# Of a script, on a busy machine: it imports the SDK before it does anything.
ENDS_SECONDS = 120
WORKERS = {"uvicorn": 1}
SCRIPT = str(Path(__file__).parent / "scripts" / "waits.py")
# How a process ended that a signal ended, as supervisors see it.
BY_TERM = -signal.SIGTERM


@pytest.mark.parametrize("server", SERVERS)
def test_all_arrives_when_stopped(server: str, tmp_path: Path) -> None:
    with Sink() as sink, serving(server, sink.url, tmp_path / "log") as service:
        service.pids(WORKERS.get(server, 4))
        assert len(service.get("/work", 50)) == 50
        code = service.stop()
        assert sink.answered("/work").total() == 50
    # As without the instrumentation.
    assert code == {"uvicorn": BY_TERM}.get(server, 0)


@pytest.mark.parametrize("server", SERVERS)
def test_all_arrives_after_ctrl_c(server: str, tmp_path: Path) -> None:
    with Sink() as sink, serving(server, sink.url, tmp_path / "log") as service:
        service.pids(WORKERS.get(server, 4))
        assert len(service.get("/work", 50)) == 50
        # A terminal sends it to every process.
        os.killpg(service.process.pid, signal.SIGINT)
        assert service.process.wait(60) in (0, -signal.SIGINT)
        assert sink.answered("/work").total() == 50


@pytest.mark.parametrize("server", ["uvicorn-workers", "gunicorn", "gunicorn-preload"])
def test_all_arrives_when_workers_are_replaced_under_traffic(server: str, tmp_path: Path) -> None:
    with Sink() as sink, serving(server, sink.url, tmp_path / "log") as service:
        service.replace_workers()
        service.stop()
        spans = sum(span.server for span in sink.spans)
        assert service.answered == spans > 0
        # Four before and four in their place.
        assert len(sink.answered("/pid")) >= 8
        assert sink.answered("/work")


@contextmanager
def script(how: str, endpoint: str, log: Path, **more: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run the script until it waits to be stopped."""
    process = start(("python", SCRIPT, how), endpoint, log, **more)
    try:
        eventually(lambda: "ready" in log.read_text() or process.poll() is not None, 60)
        yield process
    finally:
        process.kill()
        process.wait()


def worked(sink: Sink) -> int:
    """Return how much of the script's work arrived."""
    return sum(span.name.startswith("work") for span in sink.spans)


@pytest.mark.parametrize(
    ("how", "sent", "code"),
    [
        ("plain", signal.SIGTERM, BY_TERM),
        ("plain", signal.SIGHUP, -signal.SIGHUP),
        ("plain", signal.SIGINT, -signal.SIGINT),
        ("default", signal.SIGINT, -signal.SIGINT),
        ("default", signal.SIGQUIT, -signal.SIGQUIT),
        ("handler", signal.SIGTERM, 7),
        # A thread that never ends would keep the process for ever.
        ("thread", signal.SIGTERM, BY_TERM),
        ("deaf", signal.SIGTERM, BY_TERM),
    ],
)
def test_all_of_a_script_arrives(how: str, sent: signal.Signals, code: int, tmp_path: Path) -> None:
    with Sink() as sink, script(how, sink.url, tmp_path / "log", IMSOBS_STOP_SECONDS="2") as run:
        run.send_signal(sent)
        assert run.wait(ENDS_SECONDS) == code
        assert worked(sink) == 50
        assert sum(record.body == "work begins" for record in sink.records) == 1


def test_a_script_that_ends_sends_all(tmp_path: Path) -> None:
    with Sink() as sink, script("ends", sink.url, tmp_path / "log") as run:
        assert run.wait(ENDS_SECONDS) == 0
        assert worked(sink) == 50


@pytest.mark.parametrize(("how", "code"), [("child", 0), ("child-stopped", BY_TERM)])
def test_all_of_a_forked_child_arrives(how: str, code: int, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with Sink() as sink, script(how, sink.url, log) as run:
        assert str(code) in log.read_text().splitlines()
        run.terminate()
        run.wait(ENDS_SECONDS)
        assert worked(sink) == 70
        # Each said the rest of its own, and none the other's.
        assert len({span.resource["service.instance.id"] for span in sink.spans}) == 2


@pytest.mark.parametrize("silent", [False, True])
def test_a_collector_that_is_away_delays_the_end_by_a_bounded_time(
    silent: bool, tmp_path: Path
) -> None:
    (closed,) = free_ports(1)
    with Sink(delay=60.0) as sink:
        endpoint = sink.url if silent else f"http://127.0.0.1:{closed}"
        with script("plain", endpoint, tmp_path / "log", IMSOBS_STOP_SECONDS="2") as run:
            begin = time.monotonic()
            run.terminate()
            assert run.wait(ENDS_SECONDS) == BY_TERM
            # Without a bound, at least the exporter's ten.
            assert time.monotonic() - begin < 9


@pytest.mark.parametrize("how", ["plain", "thread"])
def test_a_second_signal_ends_it_at_once(how: str, tmp_path: Path) -> None:
    with (
        Sink(delay=60.0) as sink,
        script(how, sink.url, tmp_path / "log", IMSOBS_STOP_SECONDS="60") as run,
    ):
        run.terminate()
        time.sleep(2)
        assert run.poll() is None
        begin = time.monotonic()
        run.terminate()
        assert run.wait(ENDS_SECONDS) == BY_TERM
        # Sent in vain, what waits would take the exporter's ten seconds.
        assert time.monotonic() - begin < 6


@pytest.mark.parametrize(
    ("how", "first", "second", "code"),
    [
        # systemd, with SendSIGHUP=.
        ("plain", signal.SIGTERM, signal.SIGHUP, BY_TERM),
        # Ctrl-C reaches gunicorn's workers, and then its master stops them.
        ("default", signal.SIGINT, signal.SIGQUIT, -signal.SIGINT),
        ("handler", signal.SIGTERM, signal.SIGQUIT, 7),
    ],
)
def test_another_signal_does_not_end_it(
    how: str, first: signal.Signals, second: signal.Signals, code: int, tmp_path: Path
) -> None:
    with Sink(delay=3.0) as sink, script(how, sink.url, tmp_path / "log") as run:
        run.send_signal(first)
        time.sleep(1)
        assert run.poll() is None
        run.send_signal(second)
        assert run.wait(ENDS_SECONDS) == code
        assert worked(sink) == 50


def test_process_1_of_a_container_ends_too(tmp_path: Path) -> None:
    """No signal ends such a process by default: it has to leave by itself."""
    alone = ("unshare", "--pid", "--fork", "--kill-child", "--mount-proc")
    if subprocess.run([*alone, "true"], capture_output=True).returncode:
        pytest.skip("process 1: needs the right to make a PID namespace (unshare)")
    with Sink() as sink:
        environ = environment(sink.url)
        command = [*alone, BIN / "opentelemetry-instrument", "python", SCRIPT, "plain"]
        log = tmp_path / "log"
        with log.open("wb") as output:
            process = subprocess.Popen(command, env=environ, cwd=ROOT, stdout=output)
        try:
            eventually(lambda: "ready" in log.read_text(), 60)
            (first,) = psutil.Process(process.pid).children()
            first.terminate()
            assert process.wait(ENDS_SECONDS) == 128 + signal.SIGTERM
            assert worked(sink) == 50
        finally:
            process.kill()
            process.wait()
