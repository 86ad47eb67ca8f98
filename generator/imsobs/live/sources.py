"""Where live pages read from: Prometheus, Jaeger, Alertmanager, the records, the runbooks."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from imsobs import artifacts
from imsobs.errors import ImsobsError
from imsobs.files import read_regular
from imsobs.preview.fetch import Prometheus
from imsobs.runtime import record_store
from imsobs.runtime.firing import FiringAlert, firing
from imsobs.runtime.loopback import loopback_client
from imsobs.runtime.paths import layout_for
from imsobs.runtime.process.plan import load_plan
from imsobs.runtime.records import Record, Wanted

MOST_RECORDS = 200


@dataclass(frozen=True)
class Sources:
    """prometheus, jaeger, alertmanager: base URLs. root: of the project."""

    prometheus: str
    jaeger: str | None
    alertmanager: str | None
    root: Path

    def metrics(self) -> Prometheus:
        """Return Prometheus."""
        return Prometheus(self.prometheus)

    def trace_link(self, trace: str) -> str:
        """Return the address of a trace's page (32 hex digits)."""
        return f"{(self.jaeger or '').rstrip('/')}/trace/{trace}"

    def alerts(self) -> list[FiringAlert] | None:
        """Return what fires; None when Prometheus does not answer."""
        with loopback_client(5) as client:
            return firing(client, self.prometheus, self.alertmanager)

    def records(
        self, seconds: int, *, level: str | None = None, trace: str | None = None
    ) -> tuple[Sequence[Record], str]:
        """Return the newest log records, the newest first, and where they were found.

        Raises ImsobsError: the stack is down, or what holds them does not answer.
        """
        end = time.time_ns()
        wanted = Wanted(end - seconds * 10**9, end, MOST_RECORDS, trace, level)
        layout = layout_for(self.root)
        found, where = record_store.find(load_plan(layout.root), layout, wanted)
        return found[::-1], where

    def runbook(self, name: str) -> str | None:
        """Return the Markdown of a runbook by the name of its file, without ``.md``."""
        read = partial(read_regular, self.root / artifacts.RUNBOOKS / f"{name}.md")
        try:
            return read().decode("utf-8")
        except (OSError, ImsobsError, UnicodeDecodeError):
            return None
