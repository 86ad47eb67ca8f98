"""What prices share: where they were read, and service tiers at a factor of the price."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from imsobs.spec.expand.shape import Entry, is_number, mapping
from imsobs.spec.schema.prices import TOKENS


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
    """Return the rates of a tier; what is wrong with the price's own is told there, once."""
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
