"""A project of its own beside the real one: rendered elsewhere, on ports that are free.

What the drill, the tests and the benchmarks start, so that they never touch a running stack.
"""

from __future__ import annotations

import itertools
import secrets
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from imsobs import write, yamlio
from imsobs.compile import read_spec, render_model
from imsobs.errors import ExitCode, ImsobsError
from imsobs.spec.schema.stack import Stack

# Below those that systems give to connections and to whoever asks for any port: between the
# choice and its use, nobody takes one by chance. Each process begins elsewhere.
_PORTS = range(20_000, 32_768)
_next_ports = itertools.islice(itertools.cycle(_PORTS), secrets.randbelow(len(_PORTS)), None)


def free_ports(count: int) -> list[int]:
    """Return ports of loopback that nobody uses now; the next call returns others."""
    candidates = itertools.islice(_next_ports, len(_PORTS))
    found = list(itertools.islice(filter(_is_free, candidates), count))
    if len(found) < count:
        raise ImsobsError(
            f"no {count} ports of loopback are free from {_PORTS.start} to {_PORTS.stop - 1}"
        )
    return found


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


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
