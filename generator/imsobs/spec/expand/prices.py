"""What follows from prices: their models, where they were read, tiers at a factor of the price."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from imsobs.spec.expand.shape import Entry, is_number, mapping, names
from imsobs.spec.schema.prices import TOKENS

# What has a meaning in RE2; ``re.escape`` escapes more, and makes names hard to read.
_META = re.compile(r"[.+*?()|\[\]{}^$\\]")


def models(data: Entry) -> Entry:
    """Prices that name their snapshots declare their model: a value of the label `model`.

    So a model is one place of the spec. One whose prices name no snapshots must be a value of the
    label already, and so must every vendor: a name that is misspelt in the table is found.
    """
    label = mapping(mapping(data.get("labels")).get("model"))
    texts = {
        name: found
        for entries in mapping(data.get("prices")).values()
        for name, prices in mapping(entries).items()
        if isinstance(name, str) and (found := _snapshots(name, prices))
    }
    key = next((key for key in ("patterns", "values") if label.get(key)), None)
    known = label.get(key) if key else None
    if not isinstance(known, dict | list):
        return data
    new: Entry = {name: found for name, found in texts.items() if name not in known}
    if not new:
        return data
    if key == "patterns":
        new = {name: _one_of(found) for name, found in new.items()}
    # The first pattern that matches wins, and that of `*` takes everything: it stays the last.
    rest = {name: known[name] for name in ("*",) if isinstance(known, dict) and name in known}
    before = known if isinstance(known, dict) else {name: [name] for name in names(known)}
    values = {name: given for name, given in before.items() if name not in rest} | new | rest
    return {**data, "labels": {**data["labels"], "model": {**label, key: values}}}


def _snapshots(model: str, prices: Any) -> list[str]:
    """Return the texts that mean a model: those that its prices are for, if one names any."""
    listed = (
        [mapping(price).get("snapshots") for price in prices] if isinstance(prices, list) else []
    )
    if not any(listed):
        return []
    # A price without snapshots is for the bare name, beside one that names some.
    found = [name for given in listed for name in (names(given) if given else [model])]
    return list(dict.fromkeys(found))


def _one_of(texts: list[str]) -> str:
    escaped = [_META.sub(r"\\\g<0>", text) for text in texts]
    return f"^({'|'.join(escaped)})$" if len(escaped) > 1 else f"^{escaped[0]}$"


def sources(data: Entry) -> Entry:
    """A price was read where those of its vendor are read, unless it says otherwise."""
    shared = {
        vendor: {key: entry[key] for key in ("source", "checked") if key in entry}
        for vendor, entry in mapping(data.get("price_sources")).items()
        if isinstance(entry, dict)
    }
    return _each_price(data, lambda vendor, price: {**shared.get(vendor, {}), **price})


def tiers(data: Entry) -> Entry:
    """A tier that is a number costs that many times the price itself."""

    def change(_: Any, price: Entry) -> Entry:
        given = price.get("tiers")
        if not isinstance(given, dict):
            return price
        rates = {
            tier: _scaled(price, rate) if is_number(rate) and 0 < rate < math.inf else rate
            for tier, rate in given.items()
        }
        return {**price, "tiers": rates}

    return _each_price(data, change)


def _each_price(data: Entry, change: Callable[[Any, Entry], Entry]) -> Entry:
    vendors = data.get("prices")
    if not isinstance(vendors, dict):
        return data
    return {**data, "prices": {v: _of_vendor(v, entry, change) for v, entry in vendors.items()}}


def _of_vendor(vendor: Any, models: Any, change: Callable[[Any, Entry], Entry]) -> Any:
    if not isinstance(models, dict):
        return models
    return {
        name: [change(vendor, price) if isinstance(price, dict) else price for price in prices]
        if isinstance(prices, list)
        else prices
        for name, prices in models.items()
    }


def _scaled(price: Entry, factor: float) -> Entry:
    """Return the rates of a tier; faults of the price's own rates are reported there, once."""
    rates = _times(price, factor)
    steps = {step: _times(own, factor) for step, own in mapping(price.get("above")).items()}
    return rates | ({"above": steps} if steps else {})


def _times(rates: Any, factor: float) -> Entry:
    """Return rates multiplied as decimal numbers: 0.75 times 1.8 is 1.35 to the last digit."""
    scaled: Entry = {"input": 0.0, "output": 0.0}
    for kind in TOKENS:
        rate = mapping(rates).get(kind)
        if is_number(rate) and 0 <= rate < math.inf:
            scaled[kind] = float(Decimal(repr(rate)) * Decimal(repr(factor)))
    return scaled
