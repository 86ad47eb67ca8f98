"""Series that the components of the stack expose about themselves, taken from running ones."""

from __future__ import annotations

import asyncio
import re
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import httpx2

from gateway.launch import Launch, running
from gateway.traffic import Order, drive
from imsobs import artifacts
from imsobs.runtime.build.binaries import resolve_binary
from imsobs.runtime.process.stack import RunningStack, running_stack
from imsobs.runtime.trial import free_ports, render_trial
from imsobs.shipped import shipped
from release.registry import pods
from release.registry.attributes import ROOT
from release.registry.exposition import asked

# Those that run natively, in the order that they are started in.
_NATIVE = ("otelcol", "prometheus", "alertmanager", "jaeger", "loki")
# Promtail is built here too, and runs beside them; Grafana is not built here.
COMPONENTS = (*_NATIVE, "promtail")
# A short life, in which everything happens once.
_FAST = {
    "scrape": {"interval": "2s", "timeout": "2s"},
    "sampling": {"slow": "1s", "decision_wait": "2s"},
    "alerting": {"fast": "2s", "slow": "10s"},
}
_SETTLE_SECONDS = 12
# What the demo writes to its console is the log file that Promtail reads.
_LOG_FILE = "logs/gateway.log"
_TABLE = re.compile(
    r"^### (?P<name>otelcol_\w+)\n(?:(?!^###).*\n)*?"
    r"\| (?P<unit>\S+) \| (?P<type>\w+) \|(?P<rest>.*)\|$",
    re.MULTILINE,
)
# Labels that appear after a fault only: attributes that the processor's internal/telemetry sets.
_AFTER_FAULTS = {"otelcol_deltatocumulative_datapoints_total": ["error"]}
_UNITS = {"s": "seconds", "By": "bytes", "ms": "milliseconds", "1": "ratio"}


def collected() -> dict[str, Any]:
    """Return the data of series.json: of each component, its version, names, types, labels."""
    with tempfile.TemporaryDirectory() as name:
        found = _live(Path(name))
        for component, series in pods.found(Path(name) / "pods").items():
            found[component] |= series
    documented = _documented()
    for name, entry in documented.items():
        found["otelcol"].setdefault(name, entry)
    for name, labels in _AFTER_FAULTS.items():
        found["otelcol"][name]["labels"] += labels
    versions = shipped().versions()
    return {
        "sources": {component: versions[component] for component in COMPONENTS},
        "components": {name: dict(sorted(found[name].items())) for name in COMPONENTS},
    }


def _live(folder: Path) -> dict[str, dict[str, Any]]:
    """Return what the stack exposes after the demo's traffic."""
    port, tail = free_ports(2)
    here = {
        "service": {"url": f"http://127.0.0.1:{port}", "log_file": _LOG_FILE},
        "stack": {"promtail": {"ports": {"http": tail}}},
    }
    root = render_trial(folder / "project", ROOT / "spec/ims.yaml", _FAST, here)
    with running_stack(root, folder / "state", only=_NATIVE) as stack, _promtail(stack):
        endpoint = f"http://127.0.0.1:{stack.port('otelcol', 'otlp_http')}"
        launch = Launch(
            root=root,
            logs=root / Path(_LOG_FILE).parent,
            port=port,
            endpoint=endpoint,
            env={"LOG_CONSOLE_LEVEL": "INFO"},
        )
        with running(launch) as app:
            asyncio.run(_drive(app.gateway_url))
            httpx.post(f"{endpoint}/v1/traces", content=b"no message")
            time.sleep(_SETTLE_SECONDS)
            found = {component: _scraped(stack, component) for component in _NATIVE}
            found["prometheus"] |= _of_scrapes(stack)
            found["promtail"] = asked(f"http://127.0.0.1:{tail}/metrics")
    return found


@contextmanager
def _promtail(stack: RunningStack) -> Iterator[None]:
    """Run Promtail as its container does: natively `imsobs up` starts none."""
    root = stack.layout.root
    file = root / artifacts.PROMTAIL
    # Natively Loki answers below a path of its own.
    file.write_text(
        file.read_text("utf-8").replace("/loki/api", f"/{stack.layout.loki_path()}/loki/api")
    )
    command = [
        str(resolve_binary("promtail", ROOT)),
        f"-config.file={artifacts.PROMTAIL}",
        "-positions.file=positions.yaml",
        "-client.external-labels=deployment_environment_name=development",
    ]
    with subprocess.Popen(command, cwd=root) as process:
        try:
            yield
        finally:
            process.terminate()


async def _drive(url: str) -> None:
    async with httpx2.AsyncClient(base_url=url, timeout=60.0) as client:
        await drive(client, Order(mode="steady", count=150, seed=7, traced=True))


def _scraped(stack: RunningStack, component: str) -> dict[str, Any]:
    port = "telemetry" if component in ("otelcol", "jaeger") else "http"
    path = f"{stack.layout.loki_path()}/" if component == "loki" else ""
    return asked(f"http://127.0.0.1:{stack.port(component, port)}/{path}metrics")


def _of_scrapes(stack: RunningStack) -> dict[str, Any]:
    """Return the series that Prometheus itself writes of each scrape."""
    base = f"http://127.0.0.1:{stack.port('prometheus', 'http')}"
    answer = httpx.get(
        f"{base}/api/v1/label/__name__/values", params={"match[]": '{__name__=~"up|scrape_.*"}'}
    )
    return {name: {"type": "gauge", "labels": []} for name in answer.json()["data"]}


def _documented() -> dict[str, Any]:
    """Return what the Collector's modules say of their metrics: some appear after a fault only.

    The modules and versions are those that the binary was built of.
    """
    binary = str(resolve_binary("otelcol", ROOT))
    listed = subprocess.run(
        ["go", "version", "-m", binary], capture_output=True, text=True, check=True
    )
    cache = subprocess.run(
        ["go", "env", "GOMODCACHE"], capture_output=True, text=True, check=True
    ).stdout.strip()
    found: dict[str, Any] = {}
    for module, version in re.findall(r"\tdep\t(\S+)\t(\S+)", listed.stdout):
        escaped = re.sub(r"[A-Z]", lambda m: f"!{m[0].lower()}", module)
        for file in sorted(Path(cache, f"{escaped}@{version}").glob("**/documentation.md")):
            found |= {name: {"type": kind} for name, kind in _table(file.read_text("utf-8"))}
    return found


def _table(text: str) -> Iterator[tuple[str, str]]:
    """Yield the name as Prometheus shows it, and the type, of each documented metric."""
    for match in _TABLE.finditer(text):
        name, kind = match["name"], match["type"].lower()
        monotonic = kind == "sum" and "| true |" in f"|{match['rest']}|"
        unit = _UNITS.get(match["unit"], "")
        if unit and unit not in name.split("_") and not (unit == "ratio" and kind == "sum"):
            name += f"_{unit}"
        if monotonic:
            yield f"{name}_total", "counter"
        else:
            yield name, "histogram" if kind == "histogram" else "gauge"
