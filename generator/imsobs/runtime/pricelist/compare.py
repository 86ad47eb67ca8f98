"""The spec's prices beside the list's: what is missing or out of date, as a change to review."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from imsobs.model import Model
from imsobs.model.labels import ResolvedLabel, value_of
from imsobs.model.prices import NO_RATE, STANDARD, PriceRow, by_model, in_force
from imsobs.runtime.pricelist.entries import Entry, Table
from imsobs.runtime.pricelist.proposal import ordered, proposal
from imsobs.spec.schema.prices import TOKENS, Price

_DAY_NANOSECONDS = 86_400 * 1_000_000_000
_EPOCH = datetime.date(1970, 1, 1)


@dataclass(frozen=True)
class Difference:
    """What of one tier, and one step of it, is not as the list has it.

    rates: kind of tokens -> what the spec has and what the list has, USD per million; None:
    no rate.
    """

    names: tuple[str, ...]
    tier: str
    above: int
    rates: dict[str, tuple[Decimal | None, Decimal]]

    def __str__(self) -> str:
        where = self.tier + (f" above {self.above}" if self.above else "")
        if all(before is None for before, _ in self.rates.values()):
            new = ", ".join(f"{kind} {_shown(after)}" for kind, (_, after) in self.rates.items())
            return f"{where}: not in the spec; {new}"
        changes = ", ".join(
            f"{kind} {_shown(before)} -> {_shown(after)}"
            for kind, (before, after) in self.rates.items()
        )
        return f"{where}: {changes}"


@dataclass(frozen=True)
class Finding:
    """What is to be said of a model.

    kind: ``missing`` (the spec has no price), ``changed``, ``unlisted`` (the list has none) or
    ``current``. since: from when on what the spec has holds. proposal: the model's prices as the
    spec writes them.
    """

    vendor: str
    model: str
    kind: str
    since: datetime.date | None = None
    differences: tuple[Difference, ...] = ()
    proposal: tuple[dict[str, Any], ...] = ()


def compare(model: Model, entries: list[Entry], day: datetime.date) -> list[Finding]:
    """Return a finding for every model that the spec's labels and the list have in common.

    day: on which the list was read, from which on what is proposed holds.
    """
    vendors, models = model.labels.get("vendor"), model.labels.get("model")
    if vendors is None or models is None:
        return []
    named: dict[tuple[str, str], list[Entry]] = {}
    for entry in entries:
        vendor, name = _value(vendors, entry.provider), _value(models, entry.name)
        if vendor is not None and name is not None:
            named.setdefault((vendor, name), []).append(entry)
    rows = by_model(in_force(model.prices, _nanoseconds(day)))
    findings = [_finding(key, named[key], rows.get(key, []), model, day) for key in sorted(named)]
    for vendor, priced in model.spec.prices.items():
        for name in priced:
            if (vendor, name) not in named:
                findings.append(Finding(vendor, name, "unlisted"))
    return findings


def _value(label: ResolvedLabel, text: str) -> str | None:
    """Return the label's value of a raw text, as the Collector finds it."""
    own = {value: pattern for value, pattern in label.matches.items() if value != "*"}
    return value_of(text, own)


def _nanoseconds(day: datetime.date) -> int:
    return (day - _EPOCH).days * _DAY_NANOSECONDS


def _finding(
    key: tuple[str, str],
    entries: list[Entry],
    rows: list[PriceRow],
    model: Model,
    day: datetime.date,
) -> Finding:
    vendor, name = key
    groups = _alike(entries)
    prices = model.spec.prices.get(vendor, {}).get(name, [])

    def price_of(snapshot: str) -> Price | None:
        return next((row.price for row in _of_name(rows, snapshot)), None)

    def is_right(table: Table, names: list[str]) -> bool:
        reported = _differences(tuple(names), table, rows)
        return not any(difference.tier == STANDARD for difference in reported)

    proposed = proposal(name, groups, prices, price_of, is_right, day)
    if not rows:
        return Finding(vendor, name, "missing", None, (), proposed)
    found = [
        difference
        for table, group in groups
        for difference in _differences(tuple(entry.name for entry in group), table, rows)
    ]
    if not found:
        return Finding(vendor, name, "current")
    since = max(row.price.since for row in rows)
    return Finding(vendor, name, "changed", since, tuple(found), proposed)


def _alike(entries: list[Entry]) -> list[tuple[Table, list[Entry]]]:
    """Return the entries by what they cost."""
    groups: list[tuple[Table, list[Entry]]] = []
    for entry in sorted(entries, key=lambda entry: entry.name):
        for table, group in groups:
            if table == entry.table:
                group.append(entry)
                break
        else:
            groups.append((entry.table, [entry]))
    return groups


def _table(rows: list[PriceRow]) -> Table:
    """Return what the spec's rows say, in the list's shape."""
    table: Table = {}
    for row in rows:
        rates = zip(TOKENS, row.rates, strict=False)
        table.setdefault(row.tier, {})[row.above] = {
            kind: Decimal(repr(rate)) for kind, rate in rates if rate != NO_RATE
        }
    return table


def _differences(
    names: tuple[str, ...], listed: Table, rows: list[PriceRow]
) -> Iterator[Difference]:
    """Yield what is otherwise for names that cost the same in the list.

    What only the spec has is no difference: the list does not know everything.
    """
    reported: dict[tuple[str, int], dict[str, tuple[Decimal | None, Decimal]]] = {}
    for name in names:
        own = _table(_of_name(rows, name))
        for tier, steps in listed.items():
            for above, rates in steps.items():
                mine = own.get(tier, {}).get(above, {})
                changed = {
                    kind: (mine.get(kind), rate)
                    for kind, rate in ordered(rates)
                    if mine.get(kind) != rate
                }
                if changed:
                    reported.setdefault((tier, above), changed)
    for (tier, above), changed in reported.items():
        yield Difference(names, tier, above, changed)


def _of_name(rows: list[PriceRow], name: str) -> list[PriceRow]:
    return [row for row in rows if not row.names or name in row.names]


def _shown(rate: Decimal | None) -> str:
    return "none" if rate is None else format(rate.normalize(), "f")
