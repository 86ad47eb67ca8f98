"""A recorded series that is no metric."""

from __future__ import annotations

from imsobs.explain.explanation import Explanation, Row, placed
from imsobs.explain.readers import series_in, users
from imsobs.model import Model
from imsobs.spec.load import Document


def explained(name: str, model: Model, document: Document) -> Explanation:
    """Return what a recorded series is computed from, and who reads it."""
    record = next(record for record in model.records if record.name == name)
    return Explanation(
        "rule",
        name,
        placed(record.description or "recorded series", document, record.path),
        {
            "expression": [Row(" ".join(record.expr.split()))],
            "evaluated": [Row(f"every {record.interval}, in group {record.group}")],
            "reads": read(series_in(record.expr), model, document),
            "used by": users({name}, model, document),
        },
    )


def read(names: frozenset[str], model: Model, document: Document) -> list[Row]:
    """Return series that an expression reads, with what records each, down to the metrics."""
    rows = []
    for name in sorted(names):
        if name in model.computed:
            record = next(record for record in model.records if record.name == name)
            expr = " ".join(record.expr.split())
            rows.append(placed(f"rule {name} = {expr}", document, record.path))
            rows += read(series_in(record.expr) - {name}, model, document)
        elif name in model.series:
            metric = model.series[name].metric
            rows.append(placed(f"metric {metric}", document, ("metrics", metric)))
    return list(dict.fromkeys(rows))
