"""The price table resolved: one row per model, names, tier, length of input and time (ADR 20)."""

from __future__ import annotations

import datetime
import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from imsobs.spec.schema.prices import TOKENS, Price, Rates, TierRates
from imsobs.spec.schema.root import Spec

# What a call of no tier in particular has, and the words for it.
STANDARD = "standard"
STANDARD_WORDS = (STANDARD, "default", "auto", "on_demand")
# In place of a rate: tokens of this kind have no price here.
NO_RATE = -1.0
_PLAIN = 4
_DAY_NANOSECONDS = 86_400 * 1_000_000_000
# Days from year 1 to 1970, which is day 1 of ``date.toordinal``.
_EPOCH_DAYS = 719_163


@dataclass(frozen=True)
class PriceRow:
    """One set of rates, and the calls that it is for.

    names: of the model, empty for every one. since, until: Unix time, ns; until None: for
    good. above: input tokens that a call has more than, 0 for none in particular; upto: that
    it has at most, None for any number. rates: USD per million tokens, in the order of
    TOKENS; the four of plain text alone, or all, NO_RATE where there is none.
    """

    vendor: str
    model: str
    tier: str
    names: tuple[str, ...]
    since: int
    until: int | None
    above: int
    upto: int | None
    rates: tuple[float, ...]
    price: Price


def price_rows(spec: Spec) -> tuple[PriceRow, ...]:
    """Return every row; of those that are for a call, the last is the one that holds."""
    return tuple(
        row
        for vendor, models in spec.prices.items()
        for model, prices in models.items()
        for row in _of_model(vendor, model, prices)
    )


def names_of(model: str, price: Price, prices: list[Price]) -> tuple[str, ...]:
    """Return the names of the model that a price is for; empty when it is for every one."""
    if not any(other.snapshots for other in prices):
        return ()
    return tuple(price.snapshots) or (model,)


def _of_model(vendor: str, model: str, prices: list[Price]) -> Iterator[PriceRow]:
    ordered = sorted(prices, key=lambda price: price.since)
    for place, price in enumerate(ordered):
        names = names_of(model, price, prices)
        # A price holds until the next one for the same names, whatever tiers that one has.
        later = (
            next_price.since
            for next_price in ordered[place + 1 :]
            if not names or set(names) & set(names_of(model, next_price, prices))
        )
        until = next(later, None)
        times = (_nanoseconds(price.since), None if until is None else _nanoseconds(until))
        for tier, rates in ((STANDARD, price), *price.tiers.items()):
            upto = None
            if tier != STANDARD and not rates.above and price.above:
                upto = min(price.above)
            for above, step in _steps(rates):
                yield PriceRow(vendor, model, tier, names, *times, above, upto, _rates(step), price)


def _steps(rates: TierRates) -> list[tuple[int, Rates]]:
    return [(0, rates), *rates.above.items()]


def _rates(given: Rates) -> tuple[float, ...]:
    rate = {kind: getattr(given, kind) for kind in TOKENS}
    for kind in ("cached_read", "cache_write"):
        rate[kind] = rate["input"] if rate[kind] is None else rate[kind]
    for kind in ("audio", "image"):
        cached = f"{kind}_cached_read"
        rate[cached] = rate[f"{kind}_input"] if rate[cached] is None else rate[cached]
    found = tuple(NO_RATE if value is None else float(value) for value in rate.values())
    plain, other = found[:_PLAIN], found[_PLAIN:]
    return plain if set(other) == {NO_RATE} else found


def _nanoseconds(day: datetime.date) -> int:
    # A price changes at midnight UTC, wherever this runs.
    return (day.toordinal() - _EPOCH_DAYS) * _DAY_NANOSECONDS


def in_force(rows: Iterable[PriceRow], nanoseconds: int) -> list[PriceRow]:
    """Return the rows that hold at a Unix time, ns."""
    return [
        row
        for row in rows
        if row.since <= nanoseconds and (row.until is None or nanoseconds < row.until)
    ]


def by_model(rows: Iterable[PriceRow]) -> dict[tuple[str, str], list[PriceRow]]:
    """Return (vendor, model) -> its rows."""
    return {
        key: list(group)
        for key, group in itertools.groupby(rows, key=lambda row: (row.vendor, row.model))
    }
