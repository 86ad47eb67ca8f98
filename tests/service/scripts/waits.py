"""A plain script that works until it is stopped. Prints `ready` when its work is done.

argv[1]: what it does about being stopped.
"""

from __future__ import annotations

import logging
import signal
import sys
import threading
import time
from multiprocessing import get_context

from opentelemetry import trace

tracer = trace.get_tracer("script")


def work(times: int) -> None:
    logging.getLogger("script").warning("work begins")
    for number in range(times):
        with tracer.start_as_current_span(f"work {number}"):
            pass


def child() -> None:
    """Work, and end as the parent wishes."""
    work(20)
    if how == "child-stopped":
        time.sleep(600)


how = sys.argv[1] if len(sys.argv) > 1 else "plain"
if __name__ == "__main__":
    work(50)
    if how == "handler":
        # Its own handler, which leaves in its own way.
        for number in (signal.SIGTERM, signal.SIGQUIT):
            signal.signal(number, lambda *_: sys.exit(7))
    elif how == "default":
        # As gunicorn's uvicorn workers do.
        for number in (signal.SIGINT, signal.SIGQUIT):
            signal.signal(number, signal.SIG_DFL)
    elif how == "thread":
        threading.Thread(target=time.sleep, args=(600,)).start()
    elif how.startswith("child"):
        process = get_context("fork").Process(target=child)
        process.start()
        if how == "child-stopped":
            time.sleep(1)
            process.terminate()
        process.join()
        print(process.exitcode, flush=True)
    print("ready", flush=True)
    if how == "deaf":
        while True:
            try:
                time.sleep(600)
            except SystemExit:
                print("no", flush=True)
    if how != "ends":
        time.sleep(600)
