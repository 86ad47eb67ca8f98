"""Metrics: what is measured, under which name and with which labels."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from imsobs.changes.change import Change, Rank, paired
from imsobs.model import Model
from imsobs.model.conventions import histogram_series
from imsobs.model.metrics import ResolvedMetric
from imsobs.model.uses import uses_by_metric
from imsobs.problems import KeyPath, listed

_UNBOUNDED = "any value"
# What makes a metric mean something else, by field, and how it is called.
_MEANING = {"type": "type", "unit": "unit", "buckets": "buckets", "fold": "fold"}
_SOURCE = {
    "source_kind": "kind of source",
    "sources": "source",
    "value": "value",
    "when": "condition",
    "sdk_attributes": "attributes",
    "interval": "interval",
    "exemplars": "exemplars",
}


def changes(before: Model, after: Model) -> Iterator[Change]:
    """Yield what changed of the metrics, renamed ones told as such."""
    pairs = paired(before.metrics, after.metrics, _definition)
    used, still_used = uses_by_metric(before), uses_by_metric(after)
    for name in pairs.removed:
        uses = tuple(used.get(name, ()))
        yield Change(Rank.breaking, ("metrics", name), "removed", removed=True, uses=uses)
    for old, new in pairs.renamed.items():
        text = f"renamed from {old}, with the same definition"
        uses = tuple(used.get(old, ()))
        yield Change(Rank.breaking, ("metrics", new), text, uses=uses)
    for name in pairs.added:
        budget = after.metrics[name].series_budget
        text = f"added: at most {budget} series of a service and environment"
        yield Change(Rank.behaviour, ("metrics", name), text)
    for name in pairs.both:
        uses = tuple(still_used.get(name, ()))
        yield from _changed(before.metrics[name], after.metrics[name], uses)


def bridges(before: Model, after: Model) -> list[tuple[str, str]]:
    """Return (old series, new series) of every renamed metric, for rules that bridge the two."""
    found: list[tuple[str, str]] = []
    for old, new in paired(before.metrics, after.metrics, _definition).renamed.items():
        if before.metrics[old].type == "histogram":
            found += zip(histogram_series(old), histogram_series(new), strict=True)
        else:
            found.append((old, new))
    return found


def _definition(metric: ResolvedMetric) -> ResolvedMetric:
    return replace(metric, name="", description="", group="")


def _changed(
    before: ResolvedMetric, after: ResolvedMetric, uses: tuple[str, ...]
) -> Iterator[Change]:
    path: KeyPath = ("metrics", after.name)
    for fields, rank in ((_MEANING, Rank.breaking), (_SOURCE, Rank.behaviour)):
        for field, title in fields.items():
            old, new = getattr(before, field), getattr(after, field)
            if old != new:
                yield Change(rank, path, f"{title}: {_text(old)} -> {_text(new)}", uses=uses)
    for label in before.labels.keys() - after.labels.keys():
        yield Change(Rank.breaking, path, f"label {label} removed", uses=uses)
    for label in after.labels.keys() - before.labels.keys():
        yield Change(Rank.behaviour, path, f"label {label} added", uses=uses)
    for label in sorted(before.labels.keys() & after.labels.keys()):
        yield from _values(path, label, before, after, uses)
    if before.series_budget != after.series_budget:
        text = f"series: at most {before.series_budget} -> {after.series_budget}"
        yield Change(Rank.behaviour, path, text)
    if before.description != after.description:
        yield Change(Rank.cosmetic, path, "description")
    if before.group != after.group:
        yield Change(Rank.cosmetic, path, f"group: {before.group} -> {after.group}")


def _values(
    path: KeyPath,
    label: str,
    before: ResolvedMetric,
    after: ResolvedMetric,
    uses: tuple[str, ...],
) -> Iterator[Change]:
    old, new = before.labels[label], after.labels[label]
    if old == new:
        return
    if old is None or new is None:
        ends = [_UNBOUNDED if values is None else listed(values) for values in (old, new)]
        rank = Rank.behaviour if new is None else Rank.breaking
        yield Change(rank, path, f"label {label}: {ends[0]} -> {ends[1]}", uses=uses)
        return
    if lost := [value for value in old if value not in new]:
        yield Change(Rank.breaking, path, f"label {label} loses {listed(lost)}", uses=uses)
    if gained := [value for value in new if value not in old]:
        yield Change(Rank.behaviour, path, f"label {label} gains {listed(gained)}")


def _text(value: object) -> str:
    match value:
        case None | () | "":
            return "none"
        case tuple():
            return listed(str(entry) for entry in value)
        case dict():
            return listed(f"{key} {_text(entry)}" for key, entry in value.items()) or "none"
    return str(value)
