"""Overhead in the service: what observing a request costs it.

The demo gateway answers requests in six scenarios, one process each, in turns:

- bare: no instrumentation, no log output;
- defaults: `opentelemetry-instrument` with its defaults, set to send logs as well
  (`OTEL_PYTHON_LOG_CORRELATION=true`, level INFO), without which most metrics of the spec
  could not be derived;
- rendered: the rendered `app/` settings (every span and record sent);
- lean: the same without what the plan's approach does not have either, spans of HTTP clients;
- plan: the original plan's approach, `bench/baseline`: prometheus_client, python-json-logger
  with redaction, and SDK tracing of 10 % of the requests;
- plan, all: the same with every trace sent, without which no failed or slow request is sure to
  be kept: the information that the lean settings give.

Telemetry goes to a Collector that takes it and forgets it (what the rendered one needs is a
page of its own), and yields the processor to the service (`nice`). CPU is that of the service's
process, all threads, until everything is exported. In-process requests go straight into the
ASGI app; the others through uvicorn over one connection. Requests: `health` does nothing,
`cached` evaluates five policies and hits the cache (6 log records), `generate` also calls a
model over HTTP and writes to the database (8 records). `record` is one log record.

In-process and through uvicorn, one request follows the other: a core that is never idle, which
shows what a request costs and the worst that exports do to it. At the planned rate (a million
requests a day, the three kinds in turns) the core is idle between two requests: what whoever
calls the service notices.

    python -m bench.overhead
    python -m bench.overhead --quick
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import yaml

from bench import otelcol, parts
from bench.harness import EXAMPLES, ROOT, alternate, cpu_seconds, measured
from bench.overhead_page import PACED, PACED_SCENARIOS, SCENARIOS, SETTINGS, Sample, page
from bench.project import await_http, process, rendered
from bench.report import write
from bench.service import LOG_CONFIG, REQUESTS, SCENARIO, TRACED, latencies, request
from gateway.launch import read_settings
from imsobs.runtime.trial import free_ports

# The SDK's longest wait before a batch is sent, of all scenarios, and some more.
_SETTLE_SECONDS = 5.5
_PLANNED_PER_SECOND = 1_000_000 / 86_400


@dataclass(frozen=True)
class Bench:
    """What the scenarios share: the rendered project, where OTLP and the vendors are."""

    root: Path
    otlp: str
    otlp_grpc: str
    vendors: str
    count: int
    paced: int


def main() -> None:
    """Run the benchmark and write its page."""
    parser = argparse.ArgumentParser(prog="python -m bench.overhead", description=__doc__)
    parser.add_argument("--count", type=int, default=1000, help="requests of a kind and sample")
    parser.add_argument("--paced", type=int, default=250, help="of a kind at the planned rate")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="small and rough")
    parser.add_argument("--out", type=Path, help="folder of the results")
    given = parser.parse_args()
    if given.quick:
        given.count, given.paced, given.rounds = 150, 50, 1
    with measured() as run, tempfile.TemporaryDirectory() as folder:
        samples = _benchmark(given, Path(folder))
    settings = {
        "requests of a kind": given.count,
        "at the planned rate": given.paced,
        "rounds": given.rounds,
    }
    write(page(__doc__ or "", samples, settings), run, given.out)


def _benchmark(given: argparse.Namespace, folder: Path) -> dict[str, list[Sample]]:
    root = rendered(folder / "project")
    config = otelcol.pass_through(yaml.safe_load((root / "collector/config.yaml").read_text()))
    vendor_port = free_ports(1)[0]
    with ExitStack() as stack:
        collector = stack.enter_context(
            otelcol.running(config, folder / "otelcol", cores=2, nice=19)
        )
        log = folder / "vendors.log"
        vendors = stack.enter_context(
            process(
                [
                    *(sys.executable, "-m", "uvicorn", "--factory", "--port", str(vendor_port)),
                    *("--log-level", "warning", "gateway.vendors.app:create_app"),
                ],
                log,
                {"PYTHONPATH": _python_path(), "IMS_STUB_LATENCY_SECONDS": "0"},
            )
        )
        await_http(f"http://127.0.0.1:{vendor_port}/health", vendors, log)
        bench = Bench(
            root,
            f"http://127.0.0.1:{collector.port}",
            f"http://127.0.0.1:{collector.grpc}",
            f"http://127.0.0.1:{vendor_port}",
            given.count,
            given.paced,
        )
        runs: dict[str, Callable[[], Sample]] = {}
        for name in SCENARIOS:
            here = bench
            if name == "lean":
                here = replace(bench, root=parts.changed(root, name, folder, *parts.LEAN))
            runs[f"{name}/in-process"] = lambda h=here, name=name: _in_process(h, name, folder)
            runs[f"{name}/uvicorn"] = lambda h=here, name=name: _uvicorn(h, name, folder)
            if name in PACED_SCENARIOS:
                runs[f"{name}/{PACED}"] = lambda h=here, name=name: _paced(h, name, folder)
        for part in parts.PARTS:
            here = replace(bench, root=parts.changed(root, part, folder, part))
            runs[part] = lambda h=here: _in_process(h, "rendered", folder)
        return alternate(runs, given.rounds)


def _python_path() -> str:
    return os.pathsep.join([str(ROOT), str(EXAMPLES)])


def environment(bench: Bench, scenario: str) -> dict[str, str]:
    """Return the variables of a scenario, and of no other."""
    kept = {
        k: v
        for k, v in os.environ.items()
        if not k.startswith(("OTEL_", "IMS_", "IMSOBS_", "LOG_"))
    }
    found = {
        **kept,
        "PYTHONPATH": _python_path(),
        SCENARIO: scenario,
        "OTEL_EXPORTER_OTLP_ENDPOINT": bench.otlp,
        parts.GRPC_ENDPOINT: bench.otlp_grpc,
        "IMS_OPENAI_URL": f"{bench.vendors}/openai/v1",
        "IMS_ANTHROPIC_URL": f"{bench.vendors}/anthropic",
    }
    if scenario == "defaults":
        found |= {
            "OTEL_SERVICE_NAME": "ims-core",
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
            "OTEL_LOGS_EXPORTER": "otlp",
            "OTEL_PYTHON_LOG_CORRELATION": "true",
            "OTEL_PYTHON_LOG_LEVEL": "info",
        }
    if scenario.startswith("plan"):
        found[TRACED] = "1.0" if scenario == "plan, all" else "0.1"
    if scenario in SETTINGS:
        found |= read_settings(bench.root / "app/otel.env", found)
        found[LOG_CONFIG] = "app/logging.json"
    return found


def command(scenario: str, *arguments: str) -> list[str]:
    """Return a Python command line, instrumented when the scenario is."""
    python = [sys.executable, *arguments]
    if scenario not in ("defaults", *SETTINGS):
        return python
    return [str(Path(sys.executable).with_name("opentelemetry-instrument")), *python]


def _in_process(bench: Bench, scenario: str, folder: Path) -> Sample:
    result = folder / "result.json"
    with (folder / f"{scenario}.log").open("ab") as errors:
        subprocess.run(
            command(
                scenario, "-m", "bench.service", f"--count={bench.count}", f"--result={result}"
            ),
            env=environment(bench, scenario),
            cwd=bench.root,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            check=True,
            timeout=600,
        )
    return dict(json.loads(result.read_text()))


@contextmanager
def _serving(
    bench: Bench, scenario: str, folder: Path
) -> Iterator[tuple[int, http.client.HTTPConnection]]:
    """Serve a scenario's gateway; yield its process id and a connection to it."""
    (port,) = free_ports(1)
    arguments = ["-m", "uvicorn", "--factory", "bench.service:create_app", "--port", str(port)]
    if scenario in SETTINGS:
        arguments += ["--log-config", "app/logging.json"]
    arguments += ["--no-access-log", "--timeout-keep-alive", "60"]
    log = folder / f"{scenario}-uvicorn.log"
    with log.open("ab") as errors:
        started = subprocess.Popen(
            command(scenario, *arguments),
            env=environment(bench, scenario),
            cwd=bench.root,
            stdout=subprocess.DEVNULL,
            stderr=errors,
        )
    try:
        await_http(f"http://127.0.0.1:{port}/health", started, log)
        client = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        yield started.pid, client
        client.close()
    finally:
        started.terminate()
        started.wait(30)


def _uvicorn(bench: Bench, scenario: str, folder: Path) -> Sample:
    found = {}
    with _serving(bench, scenario, folder) as (pid, client):
        for kind in REQUESTS:
            _drive(client, kind, bench.count // 5 + 5)
            time.sleep(_SETTLE_SECONDS)
            before = cpu_seconds(pid)
            taken = _drive(client, kind, bench.count)
            time.sleep(_SETTLE_SECONDS)
            cpu = cpu_seconds(pid) - before
            found[kind] = {"cpu": cpu / bench.count * 1e6, **latencies(taken)}
    return found


def _paced(bench: Bench, scenario: str, folder: Path) -> Sample:
    """Return the latencies at the planned rate; whoever is late catches up."""
    taken: dict[str, list[float]] = {kind: [] for kind in REQUESTS}
    with _serving(bench, scenario, folder) as (_, client):
        for kind in REQUESTS:
            _drive(client, kind, bench.count // 5 + 5)
        time.sleep(_SETTLE_SECONDS)
        started = time.monotonic()
        for number in range(bench.paced * len(REQUESTS)):
            time.sleep(max(0.0, started + number / _PLANNED_PER_SECOND - time.monotonic()))
            kind = REQUESTS[number % len(REQUESTS)]
            taken[kind] += _drive(client, kind, 1)
    return {kind: latencies(seconds) for kind, seconds in taken.items()}


def _drive(client: http.client.HTTPConnection, kind: str, count: int) -> list[float]:
    taken = []
    for _ in range(count):
        method, path, body = request(kind)
        started = time.perf_counter()
        client.request(method, path, body or None, {"content-type": "application/json"})
        answer = client.getresponse()
        answer.read()
        taken.append(time.perf_counter() - started)
        if answer.status != 200:
            raise SystemExit(f"{kind}: answered with {answer.status}")
    return taken


if __name__ == "__main__":
    main()
