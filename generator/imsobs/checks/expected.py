"""Expectations: a source that sends, another that was counted and can cause it, and no circle."""

from __future__ import annotations

from collections.abc import Iterator

from imsobs.model import Model
from imsobs.model.expected import expectations, selector_of
from imsobs.model.kinds import KINDS
from imsobs.model.kinds.kind import Kind
from imsobs.model.metrics import source_of
from imsobs.problems import KeyPath, Problem, available
from imsobs.promql import labels as promql_labels
from imsobs.spec.schema.base import seconds
from imsobs.spec.schema.queries import CountedBy, ExpectedWith

Source = tuple[Kind, tuple[str, ...]]
_SHORTEST = "5m"
_SENT = ", ".join(kind.name for kind in KINDS.values() if kind.sent)


def check(model: Model) -> Iterator[Problem]:
    """Yield the metric/expected-* problems, and what an expectation names that does not exist."""
    for name, given in expectations(model.spec).items():
        path: KeyPath = ("metrics", name, "expected_with")
        source = source_of(model.spec.metrics[name], model.spec)
        if source is not None and not source[0].sent:
            message = f"what is expected is what the service sends ({_SENT}),"
            message += f" not a metric from {source[0].name}"
            yield Problem(path, message, "metric/expected-with")
        named = list(_counted(path, given, model))
        if given.minus is not None:
            named += _counted((*path, "minus"), given.minus, model)
        yield from named
        if not named:
            yield from _causes(path, name, given, model)
        if seconds(given.within) < seconds(_SHORTEST):
            message = f"{given.within} is too short to see both; at least {_SHORTEST}"
            yield Problem((*path, "within"), message, "metric/expected-with")
    yield from _circles(model)


def _counted(path: KeyPath, given: CountedBy, model: Model) -> Iterator[Problem]:
    metric = model.spec.metrics.get(given.metric)
    counted = [
        name
        for name, one in model.spec.metrics.items()
        if one.type != "gauge" and (source := source_of(one, model.spec)) and source[0].sent
    ]
    if metric is None:
        message = f'metric "{given.metric}" is not in the catalogue;'
        message += f" {available(given.metric, counted)}"
        yield Problem((*path, "metric"), message, "promql/unknown-metric")
    elif given.metric not in counted:
        message = f'"{given.metric}" does not count what the service sends; name a counter or'
        message += f" histogram from {_SENT}"
        yield Problem((*path, "metric"), message, "metric/expected-with")
    else:
        for finding in promql_labels.findings(selector_of(given, model.spec), model.series):
            yield Problem((*path, "where"), finding.message, finding.check)


def _causes(path: KeyPath, name: str, given: ExpectedWith, model: Model) -> Iterator[Problem]:
    own = source_of(model.spec.metrics[name], model.spec)
    cause = source_of(model.spec.metrics[given.metric], model.spec)
    if own is not None and cause is not None and own[0] is cause[0] and {*cause[1]} <= {*own[1]}:
        message = f'"{given.metric}" is of the same source, {" and ".join(cause[1])}: one never'
        message += " comes without the other; name what causes it"
        yield Problem((*path, "metric"), message, "metric/expected-with")


def _circles(model: Model) -> Iterator[Problem]:
    """Yield each circle once, at the metric of it that the spec has first."""
    given = expectations(model.spec)
    sources = {name: source_of(metric, model.spec) for name, metric in model.spec.metrics.items()}
    told_of: set[frozenset[str]] = set()
    for start in given:
        # Metrics of one source come and stay away together: where one leads, all of them do.
        chains = [[start]]
        reached: set[Source | None] = set()
        while chains:
            chain = chains.pop()
            cause = given[chain[-1]].metric
            source = sources.get(cause)
            if source is None or source in reached:
                continue
            if source == sources[start] and len(chain) > 1:
                circle = frozenset(chain)
                if circle not in told_of:
                    told_of.add(circle)
                    listed = " -> ".join([*chain, cause])
                    message = "this ends where it begins, so nothing is told where all of it is"
                    message += f" missing: {listed}; leave one of them out"
                    where = ("metrics", start, "expected_with", "metric")
                    yield Problem(where, message, "metric/expected-circle")
                continue
            reached.add(source)
            chains += [[*chain, other] for other in given if sources[other] == source]
