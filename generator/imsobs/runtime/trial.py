"""A project of its own beside the real one: rendered elsewhere, on ports that are free.

What the drill, the tests and the benchmarks start, so that they never touch a running stack.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from imsobs import write, yamlio
from imsobs.compile import read_spec, render_model
from imsobs.errors import ExitCode, ImsobsError
from imsobs.spec.schema.stack import Stack


def free_ports(count: int) -> list[int]:
    """Return ports of loopback that nobody uses now; all are held at once, so none repeats."""
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]
    finally:
        for probe in probes:
            probe.close()


def own_ports(stack: Stack) -> dict[str, Any]:
    """Return an overlay that gives every component of the stack a free port for each it has."""
    parts = stack.model_dump(exclude_none=True)
    wanted = [
        (name, label)
        for name, part in parts.items()
        if isinstance(part, dict)
        for label in part.get("ports", {})
    ]
    found: dict[str, Any] = {}
    for (name, label), port in zip(wanted, free_ports(len(wanted)), strict=True):
        found.setdefault(name, {"ports": {}})["ports"][label] = port
    return {"stack": found}


def render_trial(folder: Path, spec: Path, *overlays: Mapping[str, Any]) -> Path:
    """Render a spec, with own ports and overlays laid over it, into ``folder`` and return it.

    Raises ImsobsError with every problem when the overlays do not fit the spec.
    """
    base = read_spec([spec])
    if base.model is None:
        raise ImsobsError("\n".join(base.lines()), exit_code=ExitCode.INPUT)
    folder.mkdir(parents=True, exist_ok=True)
    files = [spec]
    for number, overlay in enumerate((own_ports(base.model.spec.stack), *overlays)):
        files.append(folder / f"overlay-{number}.yaml")
        files[-1].write_text(yamlio.dump(dict(overlay)), encoding="utf-8")
    compiled = read_spec(files)
    if compiled.model is None:
        raise ImsobsError("\n".join(compiled.lines()), exit_code=ExitCode.INPUT)
    write.apply(folder, write.changes(folder, render_model(compiled.model)))
    return folder
