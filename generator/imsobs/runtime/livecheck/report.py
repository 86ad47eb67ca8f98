"""The whole of a live check, and its verdict."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from imsobs.model import Model
from imsobs.runtime.livecheck.broken import Broken, broken
from imsobs.runtime.livecheck.foreign import Sender, Undeclared, senders, undeclared
from imsobs.runtime.livecheck.losses import Loss, losses
from imsobs.runtime.livecheck.metrics import Seen, State, seen
from imsobs.runtime.livecheck.scopes import Scope, Unmatched, scopes, unmatched
from imsobs.runtime.livecheck.window import Window


class Finding(StrEnum):
    """What a check can be made to fail on."""

    missing = "missing"
    quiet = "quiet"
    outside = "outside"
    undeclared = "undeclared"
    unmatched = "unmatched"
    broken = "broken"


class Verdict(StrEnum):
    """What a live check says."""

    ok = "ok"
    findings = "findings"
    # Something was lost on its way: what was not seen may have been sent.
    invalid = "invalid"


@dataclass(frozen=True)
class Report:
    """What was seen in the seconds before ``end`` (Unix time)."""

    end: float
    seconds: int
    metrics: list[Seen]
    undeclared: list[Undeclared]
    senders: list[Sender]
    broken: list[Broken]
    scopes: list[Scope]
    unmatched: list[Unmatched]
    losses: list[Loss]

    def counts(self) -> Mapping[Finding, int]:
        """Return how many there are of each finding."""
        states = [row.state for row in self.metrics]
        return {
            Finding.missing: states.count(State.missing),
            Finding.quiet: states.count(State.quiet),
            Finding.outside: sum(len(row.outside) for row in self.metrics) + len(self.senders),
            Finding.undeclared: len(self.undeclared),
            Finding.unmatched: len(self.unmatched),
            Finding.broken: sum(not one.is_overflow for one in self.broken),
        }

    def verdict(self, fail_on: Collection[Finding]) -> Verdict:
        """Return what it comes to, when these findings are failures."""
        if self.losses:
            return Verdict.invalid
        found = self.counts()
        return Verdict.findings if any(found[one] for one in fail_on) else Verdict.ok

    def as_json(self, fail_on: Collection[Finding] = ()) -> dict[str, Any]:
        """Return plain data, the shape of ``imsobs live-check --format json``."""
        return {
            "verdict": self.verdict(fail_on),
            "fail_on": sorted(fail_on),
            "found": dict(self.counts()),
            **asdict(self),
        }


def report(
    model: Model,
    prometheus: str,
    seconds: int,
    *,
    end: float | None = None,
    service: str | None = None,
) -> Report:
    """Return what was seen in the seconds before a time; now when it is None.

    service: only what this one reports; what was lost is always told.
    Raises ImsobsError (OUTSIDE) when Prometheus cannot be asked.
    """
    end = time.time() if end is None else end
    jobs = f"{model.spec.service.namespace}-.*"
    with Window(prometheus, end, seconds) as window:
        series = window.series()
        came_in = scopes(model, window, service)
        return Report(
            end,
            seconds,
            list(seen(model, window, series, service)),
            [one for one in undeclared(model, series) if service in (None, one.service)],
            list(senders(model, series)) if service is None else [],
            [one for one in broken(model, window) if service in (None, one.service)],
            came_in,
            list(unmatched(model, came_in)),
            list(losses(window, jobs)),
        )
