"""The demo: stub vendors, the gateway under instrumentation, and traffic, in one command.

python -m gateway.demo                      # a minute of ordinary traffic
python -m gateway.demo --spike 180          # then errors, until CriticalErrorRate fires
python -m gateway.demo --keep               # and go on until Ctrl-C
"""

from __future__ import annotations

import argparse
import itertools
import shlex
import signal
import subprocess
import sys
from pathlib import Path

from gateway.launch import Launch, LaunchError, Running, running
from gateway.traffic import Order, Report, send

_KEEP_SECONDS = 600.0
_STEP_SECONDS = 10.0
_PHASES = (
    ("steady", "ordinary traffic"),
    ("hostile", "callers who mean no good"),
    ("errors", "an error spike: no vendor answers"),
)


def main() -> int:
    """Run the demo as the command line says; exit code 1 when a process does not start."""
    parser = argparse.ArgumentParser(prog="python -m gateway.demo", description=__doc__)
    parser.add_argument("--root", type=Path, default=Path.cwd(), help="folder of the rendered app/")
    parser.add_argument("--host", default="127.0.0.1", help="where the gateway listens")
    parser.add_argument("--port", type=int, default=8080, help="gateway, 0: any free one")
    parser.add_argument("--vendor-port", type=int, default=8090, help="stubs, 0: any free one")
    parser.add_argument("--endpoint", help="OTLP over HTTP, else as app/otel.env says")
    parser.add_argument("--logs", type=Path, default=Path("logs/demo"))
    parser.add_argument("--steady", type=float, default=60.0, help="seconds of ordinary traffic")
    parser.add_argument("--hostile", type=float, default=10.0, help="seconds of hostile traffic")
    parser.add_argument("--spike", type=float, default=0.0, help="seconds of errors")
    parser.add_argument("--rate", type=float, default=8.0, help="scenarios per second")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--meanwhile", help="command to run beside the traffic, which goes on until it ended"
    )
    parser.add_argument("--keep", action="store_true", help="go on until Ctrl-C")
    given = parser.parse_args()
    launch = Launch(
        root=given.root.resolve(),
        logs=given.logs.resolve(),
        host=given.host,
        port=given.port,
        vendor_port=given.vendor_port,
        endpoint=given.endpoint,
    )
    # A plain kill ends the demo as Ctrl-C does, so that no process is left behind.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with running(launch) as where:
            _show(where, given)
    except LaunchError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped")
    return 0


def _show(where: Running, given: argparse.Namespace) -> None:
    print(f"gateway  {where.gateway_url}  (log: {where.gateway_log})")
    print(f"vendors  {where.vendors_url}  (log: {where.vendors_log})")
    durations = {"steady": given.steady, "hostile": given.hostile, "errors": given.spike}
    beside = subprocess.Popen(shlex.split(given.meanwhile)) if given.meanwhile else None
    try:
        for seed, (mode, description) in enumerate(_PHASES, start=given.seed):
            if durations[mode] > 0:
                print(f"{durations[mode]:g} s of {description} ...", flush=True)
                order = Order(mode, duration=durations[mode], rate=given.rate, seed=seed)
                _tell(send(where.gateway_url, order))
        seeds = itertools.count(given.seed + len(_PHASES))
        while beside is not None and beside.poll() is None:
            order = Order("steady", duration=_STEP_SECONDS, rate=given.rate, seed=next(seeds))
            send(where.gateway_url, order)
    finally:
        if beside is not None and beside.poll() is None:
            beside.terminate()
            beside.wait()
    if beside is not None and beside.returncode != 0:
        sys.exit(beside.returncode)
    print("Look at it:")
    print("  imsobs status")
    print("  http://127.0.0.1:9090   Prometheus: sum by (route) (rate(ims_requests_total[5m]))")
    print("  http://127.0.0.1:16686  Jaeger")
    print("  http://127.0.0.1:9093   Alertmanager")
    if not given.keep:
        print("The gateway ends with its traffic: in a minute ServiceDown fires, as it should.")
    else:
        print("ordinary traffic goes on until Ctrl-C", flush=True)
        for seed in seeds:
            order = Order("steady", duration=_KEEP_SECONDS, rate=given.rate, seed=seed)
            send(where.gateway_url, order)


def _tell(report: Report) -> None:
    total = sum(report.requests.values())
    print(f"  {total} requests in {report.seconds:.0f} s, {report.errors} answered with an error")
    for (method, route, status), count in sorted(report.requests.items()):
        print(f"  {count:6}  {method} {route or '(no route)'} {status or 'no answer'}")


if __name__ == "__main__":
    sys.exit(main())
