"""Verify: the real software validates what was rendered.

Stage 8, after write. Each module of this package has ``verify(root) -> Iterator[Verdict]``; a
validator that is not here (an optional binary, Docker) is a skipped verdict that says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Verdict:
    """What one validator said of one file.

    component: the validator (``promtool``, ``otelcol``). subject: the file, relative to the
    root. detail: its words when it objects, or why it was skipped. spec: the places of the
    spec that its objection is about, as far as they are known.
    """

    component: str
    subject: str
    ok: bool
    detail: str
    skipped: bool = False
    spec: tuple[str, ...] = ()


def verify_all(root: Path) -> Iterator[Verdict]:
    """Yield every verdict on the rendered files below ``root``, module by module."""
    # Imported here: they import this package.
    from imsobs.runtime.verify import alerting, cluster, compose, grafana, log_stores, pipeline

    for validators in (pipeline, alerting, log_stores, grafana, compose, cluster):
        yield from validators.verify(root)
