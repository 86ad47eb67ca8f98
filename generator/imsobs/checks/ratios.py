"""Ratios: counters that exist, with labels and values that they have."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from imsobs.model import Model
from imsobs.problems import KeyPath, Problem, available
from imsobs.promql import labels as promql_labels
from imsobs.promql.matchers import selector
from imsobs.spec.schema.queries import RatioOf


def problems(
    path: KeyPath, ratio: RatioOf, labels: Iterable[str], model: Model
) -> Iterator[Problem]:
    """Yield what a ratio at ``path`` names that does not exist. labels: that it keeps apart."""
    whole = ratio.of if isinstance(ratio.of, list) else [ratio.of] if ratio.of else []
    named: list[tuple[KeyPath, str]] = [((*path, "part"), ratio.part)]
    named += [((*path, "of"), name) for name in whole]
    counters = [name for name, entry in model.series.items() if entry.type != "gauge"]
    for where, name in named:
        entry = model.series.get(name)
        if entry is None:
            message = f'metric "{name}" is not in the catalogue; {available(name, counters)}'
            yield Problem(where, message, "promql/unknown-metric")
        elif entry.unsure:
            continue
        elif entry.type == "gauge":
            message = f'a ratio is of what was counted, and "{name}" is a gauge'
            yield Problem(where, message, "rule/ratio-of-gauge")
        else:
            for label in labels:
                if label not in entry.labels:
                    message = f'"{name}" has no label "{label}" to keep apart;'
                    message += f" {available(label, entry.labels)}"
                    yield Problem(where, message, "promql/unknown-grouping-label")
    if not ratio.where and whole in ([], [ratio.part]):
        message = "part and whole are the same, so it is always 1; say with where which part"
        yield Problem(path, message, "rule/ratio-of-itself")
    selected = [("where", ratio.part)] + [("among", name) for name in (ratio.part, *whole)]
    for key, name in selected:
        if name in model.series and model.series[name].type != "gauge":
            narrowed = selector(name, getattr(ratio, key))
            for finding in promql_labels.findings(narrowed, model.series):
                yield Problem((*path, key), finding.message, finding.check)
