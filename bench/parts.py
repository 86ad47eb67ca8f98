"""The rendered settings of the service, each time with one thing changed.

What a request costs less (or more) without a part is what that part costs.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

Sections = dict[str, Any]
# Where the Collector takes OTLP over gRPC.
GRPC_ENDPOINT = "BENCH_OTLP_GRPC_ENDPOINT"
_SENDERS = ("tracer_provider", "logger_provider")


def _batches(size: int) -> Callable[[Path], None]:
    def change(app: Path) -> None:
        sdk = _load(app)
        for provider in _SENDERS:
            sdk[provider]["processors"][0]["batch"]["max_export_batch_size"] = size
        _dump(app, sdk)

    return change


def _over_grpc(app: Path) -> None:
    sdk = _load(app)
    for provider in _SENDERS:
        batch = sdk[provider]["processors"][0]["batch"]
        batch["exporter"] = {"otlp_grpc": {"endpoint": f"${{{GRPC_ENDPOINT}}}"}}
    _dump(app, sdk)


def _without_section(name: str) -> Callable[[Path], None]:
    def change(app: Path) -> None:
        sdk = _load(app)
        del sdk[name]
        _dump(app, sdk)

    return change


def _without_instrumentations(*names: str) -> Callable[[Path], None]:
    return lambda app: _set(
        app, "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS", lambda old: ",".join([old, *names])
    )


def _standard_exporter(app: Path) -> None:
    sdk = _load(app)
    for provider in _SENDERS:
        batch = sdk[provider]["processors"][0]["batch"]
        batch["exporter"] = {"otlp_http": batch["exporter"]["imsobs_otlp_http"]}
        batch["max_export_batch_size"] = 128
    _dump(app, sdk)


def _trace_ids_in_every_record(app: Path) -> None:
    sdk = _load(app)
    sdk["instrumentation/development"]["python"]["logging"]["inject_trace_context"] = True
    _dump(app, sdk)


def _records_in_a_file(app: Path) -> None:
    _without_section("logger_provider")(app)
    file = app / "logging.json"
    logs = json.loads(file.read_text("utf-8"))
    logs["handlers"]["records"] = {
        "class": "logging.FileHandler",
        "filename": str(app / "records.jsonl"),
        "formatter": "json",
    }
    logs["root"]["handlers"].append("records")
    file.write_text(json.dumps(logs), "utf-8")


PARTS: dict[str, Callable[[Path], None]] = {
    "nothing": lambda _: None,
    "no log records sent": _without_section("logger_provider"),
    "no metrics of the SDK": _without_section("meter_provider"),
    "no spans of HTTP clients": _without_instrumentations("httpx", "httpx2"),
    "no spans of Redis and SQLite": _without_instrumentations("redis", "sqlite3"),
    "standard exporter": _standard_exporter,
    "trace ids in every record": _trace_ids_in_every_record,
    "records as JSON lines in a file instead": _records_in_a_file,
    "OTLP over gRPC": _over_grpc,
    "batches of 128": _batches(128),
    "batches of 2048": _batches(2048),
}
# What the rendered settings give beyond the hand-written observability of `bench/baseline`.
LEAN = ("no spans of HTTP clients",)


def changed(root: Path, name: str, folder: Path, *parts: str) -> Path:
    """Return a copy of a rendered project whose ``app/`` is changed in some parts."""
    copy = folder / name.replace(" ", "-")
    shutil.copytree(root / "app", copy / "app")
    for part in parts:
        PARTS[part](copy / "app")
    return copy


def _load(app: Path) -> Sections:
    return dict(yaml.safe_load((app / "otel-sdk.yaml").read_text("utf-8")))


def _dump(app: Path, sections: Sections) -> None:
    (app / "otel-sdk.yaml").write_text(yaml.safe_dump(sections, sort_keys=False), "utf-8")


def _set(app: Path, variable: str, value: Callable[[str], str]) -> None:
    file = app / "otel.env"
    lines = file.read_text("utf-8").splitlines()
    found = [
        f"{variable}={value(line.partition('=')[2])}" if line.startswith(f"{variable}=") else line
        for line in lines
    ]
    if found == lines:
        raise SystemExit(f"{file}: has no {variable} to change")
    file.write_text("\n".join(found) + "\n", "utf-8")
