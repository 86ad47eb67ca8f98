"""Who reads a series: rules, alerts, runbooks and panels, also by way of recorded series."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from imsobs import promql
from imsobs.explain.explanation import Row, placed
from imsobs.model import Model
from imsobs.problems import KeyPath
from imsobs.spec.load import Document


@dataclass(frozen=True)
class Reader:
    """One place that reads series. records: the series that it records, empty for none."""

    text: str
    path: KeyPath
    names: frozenset[str]
    records: str = ""


def readers(model: Model) -> Iterator[Reader]:
    """Yield everything that reads series, from rules to panels."""
    for record in model.records:
        yield Reader(f"rule {record.name}", record.path, series_in(record.expr), record.name)
    for alert in model.alerts.values():
        names = series_in(alert.expr) | frozenset(alert.reads)
        yield Reader(f"alert {alert.name}", alert.path, names)
    for alert in model.alerts.values():
        for title, query in (alert.runbook.queries if alert.runbook else {}).items():
            path = (*alert.path, "runbook", "queries", title)
            yield Reader(f'runbook of {alert.name}, "{title}"', path, series_in(query))
    for uid, dashboard in model.dashboards.items():
        for panel in dashboard.panels():
            texts = [query.text for query in panel.queries if query.language == "promql"]
            names = frozenset[str]().union(*map(series_in, texts))
            yield Reader(f'panel "{panel.title}" of {uid}', panel.path, names)


def series_in(expression: str) -> frozenset[str]:
    """Return the series that an expression selects; none where it does not parse."""
    try:
        return frozenset(promql.metric_names(expression))
    except ValueError:
        return frozenset()


def users(series: Collection[str], model: Model, document: Document) -> list[Row]:
    """Return who reads series, those who read them themselves first."""
    every = list(readers(model))
    rows: list[Row] = []
    known: set[str] = set()
    step, by = set(series), ""
    waiting: list[tuple[str, set[str]]] = []
    while True:
        for reader in every:
            if reader.text in known or not reader.names & step or reader.records in step:
                continue
            known.add(reader.text)
            rows.append(placed(f"{reader.text}{by}", document, reader.path))
            if reader.records:
                waiting.append((f", by {reader.records}", {reader.records}))
        if not waiting:
            return rows
        by, step = waiting.pop(0)
