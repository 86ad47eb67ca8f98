"""Verify: the real software judges what was rendered.

Stage 8, after write. Each module named below has ``verify(root) -> Iterator[Verdict]``; a
judge that is not here (an optional binary, Docker) is a skipped verdict that says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

MODULES: tuple[str, ...] = ("pipeline", "alerting", "log_stores", "grafana", "compose")
"""Modules of this package with a ``verify``."""


@dataclass(frozen=True)
class Verdict:
    """What one judge said of one file.

    component: the judge (``promtool``, ``otelcol``). subject: the file, relative to the
    root. detail: its words when it objects, or why it was skipped.
    """

    component: str
    subject: str
    ok: bool
    detail: str
    skipped: bool = False


Verifier = Callable[[Path], Iterator[Verdict]]


def verify_all(root: Path) -> Iterator[Verdict]:
    """Yield every verdict on the rendered files below ``root``, in order of the modules."""
    for name in MODULES:
        verifier: Verifier = import_module(f"imsobs.runtime.verify.{name}").verify
        yield from verifier(root)
