"""Seen or not: what was counted beside what it must have caused, as Prometheus has it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from imsobs.model import conventions
from imsobs.runtime.process.plan import Plan

Vector = list[dict[str, Any]]


@dataclass(frozen=True)
class Expected:
    """One expectation of a service in an environment.

    metric: what is expected; cause: the selector of what causes it. causes, seen: how many of
    each were counted within this time.
    """

    metric: str
    service: str
    environment: str
    cause: str
    within: str
    causes: int
    seen: int
    hint: str

    @property
    def missing(self) -> bool:
        """Whether it should have been seen and never was."""
        return self.causes > 0 and self.seen == 0

    def line(self) -> str:
        """Return it as a sentence, with the hint where it is missing."""
        counted = (
            f"{self.seen:,} of {self.metric} from {self.service} in {self.environment},"
            f" beside {self.causes:,} of {self.cause} in {self.within}"
        )
        return f"{counted}. {self.hint}" if self.missing else counted


def expected(plan: Plan, ask: Callable[[str], Vector | None]) -> list[Expected] | None:
    """Return what was expected where its cause was counted; None when nobody could be asked.

    ask: gives the vector of an instant query, None when it cannot.
    """
    known = plan.expected
    if not known.of:
        return []
    causes, seen = ask(known.causes), ask(known.seen)
    if causes is None or seen is None:
        return None
    counted = {_key(row): row for row in seen}
    found = []
    for row in causes:
        metric, service, environment = _key(row)
        if metric not in known.of:
            # It was recorded before the spec changed.
            continue
        of = known.of[metric]
        number = _number(counted[_key(row)]) if _key(row) in counted else 0
        found.append(
            Expected(
                metric, service, environment, of.cause, of.within, _number(row), number, of.hint
            )
        )
    return sorted(found, key=lambda one: (one.environment, one.service, one.metric))


def _key(row: dict[str, Any]) -> tuple[str, str, str]:
    labels = row["metric"]
    return (
        labels.get("metric", ""),
        labels.get(conventions.SERVICE_NAME, ""),
        labels.get(conventions.ENVIRONMENT, ""),
    )


def _number(row: dict[str, Any]) -> int:
    value = float(row["value"][1])
    return round(value) if math.isfinite(value) else 0
