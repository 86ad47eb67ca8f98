"""Plan of docs/reference/prices.md: the price table, row by row, as the Collector has it."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from typing import Any

from imsobs import artifacts
from imsobs.model import Model
from imsobs.model.prices import NO_RATE, PriceRow
from imsobs.model.rules import number
from imsobs.pages import Page, TextPage
from imsobs.spec.schema.prices import TOKENS

_PLAIN = 4
_NANOSECONDS = 1_000_000_000


def plan(model: Model) -> Iterator[Page]:
    """Yield the page."""
    vendors: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for row in model.prices:
        vendors.setdefault(row.vendor, {}).setdefault(row.model, []).append(_cells(row))
    yield TextPage(f"{artifacts.REFERENCE}/prices.md", "docs/prices.md.j2", {"vendors": vendors})


def _cells(row: PriceRow) -> dict[str, Any]:
    others = zip(TOKENS[_PLAIN:], row.rates[_PLAIN:], strict=False)
    return {
        "names": list(row.names) or "all",
        "tier": row.tier,
        "length": _length(row),
        "rates": [number(rate) for rate in row.rates[:_PLAIN]],
        "others": [
            f"{kind.replace('_', ' ')} {number(rate)}" for kind, rate in others if rate != NO_RATE
        ],
        "since": _day(row.since),
        "until": None if row.until is None else _day(row.until),
        "source": row.price.source or "unknown",
        "checked": row.price.checked or "unknown",
    }


def _length(row: PriceRow) -> str:
    if row.above:
        return f"above {row.above:,}"
    return "any" if row.upto is None else f"up to {row.upto:,}"


def _day(nanoseconds: int) -> str:
    """Return the day of a midnight, ISO 8601."""
    moment = datetime.datetime.fromtimestamp(nanoseconds / _NANOSECONDS, datetime.UTC)
    return moment.date().isoformat()
