"""What the spec would say of a model, were the list right: its prices as they are written."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

from imsobs.model.prices import STANDARD
from imsobs.runtime.pricelist.entries import Entry, Rates, Table
from imsobs.spec.schema.prices import TOKENS, Price

Written = dict[str, Any]


def proposal(
    name: str,
    groups: list[tuple[Table, list[Entry]]],
    prices: list[Price],
    in_force: Callable[[str], Price | None],
    is_right: Callable[[Table, list[str]], bool],
    day: datetime.date,
) -> tuple[Written, ...]:
    """Return a model's prices: those that it has, and what the list says, laid over them.

    groups: names that cost the same in the list. in_force: name -> its price on ``day``.
    A price whose own rates are right, or which begins on ``day``, is completed where it is; one
    that changed holds from ``day`` on. What only the spec has stays.
    """
    split = len(groups) > 1
    parts = [[entry.name for entry in group] for _, group in groups]
    completed: list[tuple[Price, list[str]]] = []
    new: list[Written] = []
    for (table, group), names in zip(groups, parts, strict=True):
        own = in_force(names[0])
        written = {} if own is None else _written(own)
        begins = day
        if own is not None and (is_right(table, names) or own.since == day):
            begins = own.since
            completed.append((own, names))
        if split:
            written.pop("snapshots", None)
            written |= {} if names == [name] else {"snapshots": names}
        written |= {
            "from": begins.isoformat(),
            "source": next((entry.source for entry in group if entry.source), "unknown"),
            "checked": day.isoformat(),
        }
        tiers = {tier: _rates(steps) for tier, steps in table.items() if tier != STANDARD}
        new.append(_laid(_rates(table[STANDARD]) | ({"tiers": tiers} if tiers else {}), written))
    kept = [
        part
        for price in prices
        for part in _kept(price, parts, [names for other, names in completed if other is price])
    ]
    return (*kept, *new)


def _kept(price: Price, parts: list[list[str]], completed: list[list[str]]) -> Iterable[Written]:
    """Yield a price for the names that no new price replaces.

    Prices that follow each other are for the same names, so it comes apart where they do.
    """
    if not price.snapshots:
        if not completed:
            yield _written(price)
        return
    replaced = {name for names in parts for name in names}
    unknown = [name for name in price.snapshots if name not in replaced]
    for names in (*parts, unknown):
        mine = [name for name in price.snapshots if name in names]
        whole = len(parts) == 1 and completed
        if mine and names not in completed and not whole:
            yield {**_written(price), "snapshots": mine if len(parts) > 1 else price.snapshots}
            if len(parts) == 1:
                return


def _written(price: Price) -> Written:
    """Return a price as the spec has it."""
    return {
        key: value.isoformat() if isinstance(value, datetime.date) else value
        for key, value in price.model_dump(by_alias=True, exclude_unset=True).items()
    }


def _laid(top: Written, bottom: Written) -> Written:
    """Return a mapping over another, mappings inside them likewise."""
    both = {
        key: _laid(value, bottom[key]) if isinstance(value, dict) and key in bottom else value
        for key, value in top.items()
    }
    return {**bottom, **both}


def _rates(steps: dict[int, Rates]) -> Written:
    found: Written = {kind: float(rate) for kind, rate in ordered(steps[0])}
    above = {
        step: {kind: float(rate) for kind, rate in ordered(rates)}
        for step, rates in steps.items()
        if step
    }
    return found | ({"above": above} if above else {})


def ordered(rates: Rates) -> list[tuple[str, Decimal]]:
    """Return the rates in the order of the spec."""
    return [(kind, rates[kind]) for kind in TOKENS if kind in rates]
