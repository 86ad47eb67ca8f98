"""Prices: every row can be reached by a call."""

from __future__ import annotations

from collections.abc import Iterator

from imsobs.model import Model
from imsobs.problems import Problem, available

# The labels that a price row is chosen by.
PRICED_BY = ("vendor", "model")


def check(model: Model) -> Iterator[Problem]:
    """Yield price/unknown-vendor, price/unknown-model and price/duplicate-date."""
    labels = model.labels
    vendors = labels["vendor"].matches if "vendor" in labels else {}
    models = labels["model"].matches if "model" in labels else {}
    for vendor, rows in model.spec.prices.items():
        if vendor not in vendors:
            message = f'vendor "{vendor}" is not a value of the label vendor; '
            message += available(vendor, vendors)
            yield Problem(("prices", vendor), message, "price/unknown-vendor")
        for name, prices in rows.items():
            path = ("prices", vendor, name)
            if name not in models:
                message = (
                    f'model "{name}" is not a value of the label model; {available(name, models)}'
                )
                yield Problem(path, message, "price/unknown-model")
            if not prices:
                yield Problem(path, "give at least one price", "price/empty")
            dates = [price.since for price in prices]
            for index, date in enumerate(dates):
                if date in dates[:index]:
                    message = f"a price from {date} is given twice"
                    yield Problem((*path, index, "from"), message, "price/duplicate-date")
