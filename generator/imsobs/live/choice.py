"""What a reader chose: range, refresh and values of variables, from the address of a page."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.datastructures import QueryParams

from imsobs.preview.fetch import Prometheus
from imsobs.preview.interpolate import duration, shown_seconds, substitute, variable_texts

RANGES = (300, 900, 1800, 3600, 3 * 3600, 6 * 3600, 24 * 3600, 2 * 86400, 7 * 86400, 30 * 86400)
REFRESHES = (0, 10, 30, 60, 300)
_MOST_VALUES, _LONGEST_VALUE = 50, 500
_QUERY = re.compile(r"label_values\((?P<selector>.*),\s*(?P<label>\w+)\)", re.DOTALL)


@dataclass(frozen=True)
class Variable:
    """A variable of a dashboard: its name, its title, its values, and which of them are chosen."""

    name: str
    title: str
    options: tuple[str, ...]
    chosen: tuple[str, ...]


@dataclass(frozen=True)
class Choice:
    """seconds: length of the range. refresh: seconds, 0 for never. values: by variable."""

    seconds: int
    refresh: int
    values: Mapping[str, tuple[str, ...]]

    @property
    def key(self) -> tuple[object, ...]:
        """Return what tells one choice from another."""
        return self.seconds, tuple(sorted(self.values.items()))


def variables_of(dashboard: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the variables that a reader may choose values of."""
    return [one for one in dashboard["templating"]["list"] if one["type"] == "query"]


def choice_of(dashboard: Mapping[str, Any], query: QueryParams) -> Choice:
    """Return what the address asks for; what it asks wrongly is left out."""
    names = {one["name"] for one in variables_of(dashboard)}
    values = {
        name: tuple(
            sorted({text[:_LONGEST_VALUE] for text in query.getlist(f"var-{name}") if text})
        )[:_MOST_VALUES]
        for name in sorted(names)
    }
    return Choice(
        _one_of(query.get("range"), RANGES, shown_seconds(dashboard)),
        _one_of(query.get("refresh"), REFRESHES, 30),
        {name: chosen for name, chosen in values.items() if chosen},
    )


def _one_of(text: str | None, allowed: tuple[int, ...], default: int) -> int:
    return int(text) if text and text.isdigit() and int(text) in allowed else default


def ranges(dashboard: Mapping[str, Any]) -> list[tuple[int, str]]:
    """Return (seconds, text) of the ranges to choose from, the dashboard's own among them."""
    return [(one, f"last {duration(one)}") for one in sorted({*RANGES, shown_seconds(dashboard)})]


def with_options(
    dashboard: Mapping[str, Any], choice: Choice, prometheus: Prometheus, end: float
) -> list[Variable]:
    """Return the variables with the values that the range holds, each by those before it."""
    texts = variable_texts(dashboard, choice.values)
    found = []
    for one in variables_of(dashboard):
        asked = _QUERY.fullmatch(str(one["query"]))
        if asked is None:
            continue
        selector = substitute(asked["selector"], texts)
        options = prometheus.label_values(asked["label"], selector, end - choice.seconds, end)
        chosen = choice.values.get(one["name"], ())
        title = one.get("label") or one["name"]
        found.append(
            Variable(one["name"], title, tuple(sorted({*options, *chosen} - {""})), chosen)
        )
    return found
