"""A rendered project of its own: other ports, short intervals, in a temporary folder."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import yaml

from generator import write
from generator.compile import read_spec, render_model

REPOSITORY = Path(__file__).resolve().parents[2]
SPEC = REPOSITORY / "spec" / "ims.yaml"


def free_ports(count: int) -> list[int]:
    """Return ports that were free a moment ago, all held at once so that none repeats."""
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]
    finally:
        for probe in probes:
            probe.close()


def ports_overlay() -> dict[str, Any]:
    """Return an overlay that gives every component of the stack ports of its own."""
    stack = yaml.safe_load(SPEC.read_text())["stack"]
    found: dict[str, Any] = {}
    wanted = [
        (name, port) for name, part in stack.items() for port in (part or {}).get("ports", {})
    ]
    for (name, port), number in zip(wanted, free_ports(len(wanted)), strict=True):
        found.setdefault(name, {"ports": {}})["ports"][port] = number
    return {"stack": found}


def merge(base: dict[str, Any], overlay: dict[str, Any]) -> dict[str, Any]:
    """Return base with overlay laid over it, mapping by mapping."""
    merged = dict(base)
    for key, value in overlay.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = merge(merged[key], value) if both else value
    return merged


def rendered_project(folder: Path, overlay: dict[str, Any]) -> Path:
    """Render the spec with an overlay into ``folder`` and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "overlay.yaml"
    file.write_text(yaml.safe_dump(overlay))
    compiled = read_spec([SPEC, file])
    assert compiled.model is not None, "\n".join(compiled.lines())
    write.apply(folder, write.changes(folder, render_model(compiled.model)))
    return folder
