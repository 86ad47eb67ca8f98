"""Prices: every row can be reached by a call, and no two are for the same one."""

from __future__ import annotations

from collections.abc import Iterator

from imsobs import expressions
from imsobs.model import Model
from imsobs.model.budget import usages
from imsobs.model.labels import value_of
from imsobs.model.numbers import LARGEST
from imsobs.model.prices import STANDARD_WORDS, names_of
from imsobs.problems import KeyPath, Problem, available
from imsobs.spec.schema.prices import Price, TierRates


def check(model: Model) -> Iterator[Problem]:
    """Yield the price/* problems."""
    yield from _none(model)
    labels = model.labels
    vendors = labels["vendor"].matches if "vendor" in labels else {}
    models = labels["model"].matches if "model" in labels else {}
    for vendor in model.spec.price_sources:
        if vendor not in model.spec.prices:
            message = f'no price of "{vendor}"; {available(vendor, model.spec.prices)}'
            yield Problem(("price_sources", vendor), message, "price/unused-source")
    for vendor, rows in model.spec.prices.items():
        if vendor not in vendors:
            message = f'vendor "{vendor}" is not a value of the label vendor; '
            message += available(vendor, vendors)
            yield Problem(("prices", vendor), message, "price/unknown-vendor")
        for name, prices in rows.items():
            path = ("prices", vendor, name)
            if name not in models:
                message = (
                    f'model "{name}" is not a value of the label model; {available(name, models)};'
                    " or give the price the snapshots of a new model"
                )
                yield Problem(path, message, "price/unknown-model")
            if not prices:
                yield Problem(path, "give at least one price", "price/empty")
            yield from _names(path, name, prices)
            for index, price in enumerate(prices):
                here = (*path, index)
                if name in models:
                    if vendor in vendors:
                        yield from _read_at(here, vendor, price)
                    yield from _snapshots(here, name, price, models)
                yield from _steps(here, price)
                yield from _tiers(here, price)


def _none(model: Model) -> Iterator[Problem]:
    """Yield metrics of a cost that nothing tells: no price, and no vendor that reports it."""
    spec = model.spec
    if spec.prices:
        return
    for name, metric in spec.metrics.items():
        if metric.value not in ("cost", "cost_drift"):
            continue
        if not any(usage.reported_cost for usage in usages(metric, spec)):
            message = (
                "a cost is computed from prices, and the spec has none; leave the metric out as"
                " well, or read the cost that a vendor reports (usage.reported_cost)"
            )
            yield Problem(("metrics", name, "value"), message, "price/none")


def _read_at(path: KeyPath, vendor: str, price: Price) -> Iterator[Problem]:
    missing = [key for key in ("source", "checked") if getattr(price, key) is None]
    if missing:
        message = f"a price says where and when it was read: give {' and '.join(missing)} here, or"
        message += f" for all prices of {vendor} in price_sources.{vendor}"
        yield Problem(path, message, "price/source")


def _names(path: KeyPath, model: str, prices: list[Price]) -> Iterator[Problem]:
    """Yield prices that are for the same calls, and sets of names that cross each other."""
    names = [set(names_of(model, price, prices)) for price in prices]
    for index, price in enumerate(prices):
        for before in range(index):
            shared = names[before] & names[index] or not (names[before] or names[index])
            if shared and price.since == prices[before].since:
                message = f"a price from {price.since} is given twice"
                yield Problem((*path, index, "from"), message, "price/duplicate-date")
                break
            if names[before] & names[index] and names[before] != names[index]:
                both = ", ".join(sorted(names[before] & names[index]))
                message = (
                    f"another price is for {both} too, but not for the same names; give prices "
                    "that follow each other the same snapshots"
                )
                yield Problem((*path, index, "snapshots"), message, "price/snapshots")
                break


def _snapshots(
    path: KeyPath, model: str, price: Price, models: dict[str, str]
) -> Iterator[Problem]:
    if any(expressions.fault(pattern) for pattern in models.values()):
        return  # which value a snapshot becomes is reported once the label's patterns are right
    own = {value: pattern for value, pattern in models.items() if value != "*"}
    for index, snapshot in enumerate(price.snapshots):
        value = value_of(snapshot, own)
        if value != model:
            becomes = f'"{value}"' if value else "no value"
            message = f'"{snapshot}" is {becomes} of the label model, so this price is never for it'
            yield Problem((*path, "snapshots", index), message, "price/snapshots")


def _steps(path: KeyPath, price: Price) -> Iterator[Problem]:
    entries: list[tuple[KeyPath, TierRates]] = [(path, price)]
    entries += [((*path, "tiers", tier), rates) for tier, rates in price.tiers.items()]
    for here, rates in entries:
        steps = list(rates.above)
        if steps != sorted(steps):
            message = f"steps must rise; found {', '.join(map(str, steps))}"
            yield Problem((*here, "above"), message, "price/steps")
        for step in steps:
            if step >= LARGEST["tokens"]:
                message = f"no call has more than {LARGEST['tokens']:.0f} tokens"
                yield Problem((*here, "above", step), message, "price/steps")


def _tiers(path: KeyPath, price: Price) -> Iterator[Problem]:
    for tier in price.tiers:
        if tier in STANDARD_WORDS:
            message = f'"{tier}" is no tier in particular: its rates are those of the price itself'
            yield Problem((*path, "tiers", tier), message, "price/tier")
