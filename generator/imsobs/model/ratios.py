"""Shares of what was counted: one safe expression for rules, metrics and panels.

Absent while idle, because 0 / 0 says nothing and a 0 would page; 0 or 1 when the series of one
side never existed, because a counter that never counted has no series (Prometheus does not know
what could have been counted).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from imsobs.model import conventions
from imsobs.promql.matchers import selector
from imsobs.spec.schema.queries import RatioOf

Apart = Callable[[str], Mapping[str, Sequence[str]]]


def _nothing(series: str) -> dict[str, Sequence[str]]:
    return {}


def ratio(part: str, wholes: Sequence[str]) -> str:
    """Return ``part / sum of wholes`` of vectors that keep the same labels.

    wholes: one vector or two; ``part`` may be one of them.
    """
    # Nothing but a filter on the divisor decides whether there is a value: a 0 that is put in
    # for a missing part counts only where the whole is above 0.
    dividend = "\n      or ".join([part, *(f"{whole} * 0" for whole in wholes if whole != part)])
    whole = wholes[0]
    if len(wholes) == 2:
        first, second = wholes
        # Where one of the two is missing, the other is the whole.
        whole = f"({first} + {second}\n      or {first}\n      or {second})"
    return f"(\n    {dividend}\n  )\n  / ({whole} > 0)"


def expression(given: RatioOf, labels: Sequence[str], apart: Apart = _nothing) -> str:
    """Return the expression of a rule's ratio.

    labels: kept in the result, besides those of service and environment. apart: series ->
    values that are left out, by label.
    """
    by = ", ".join(dict.fromkeys([*conventions.IDENTITY_LABELS, *labels]))

    def counted(name: str, where: Mapping[str, str | list[str]]) -> str:
        others = {label: values for label, values in apart(name).items() if label not in labels}
        selected = selector(name, where, others)
        return f"sum by ({by}) (increase({selected}[{given.over}] anchored))"

    wholes = [given.of] if isinstance(given.of, str) else given.of or [given.part]
    part = counted(given.part, {**given.among, **given.where})
    return ratio(part, [counted(name, given.among) for name in wholes])
