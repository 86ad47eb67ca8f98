"""Metrics: one source each, names that end in unit and kind, labels and values that exist."""

from __future__ import annotations

from collections.abc import Iterator

from imsobs import outside, promql
from imsobs.checks import ratios
from imsobs.checks.rules import located
from imsobs.model import Model, conventions
from imsobs.model.expected import expected_metrics
from imsobs.model.kinds import KEYS, KINDS
from imsobs.model.kinds.kind import Kind
from imsobs.model.kinds.pipeline import ALIVE, RECEIVED
from imsobs.model.metrics import source_of
from imsobs.model.rules import number
from imsobs.problems import KeyPath, Problem, available
from imsobs.promql import labels as promql_labels
from imsobs.spec.schema.metrics import AttributeValue, Metric
from imsobs.spec.schema.root import Spec

# Series that Prometheus makes by itself.
_OF_PROMETHEUS = (
    "up", "ALERTS", "ALERTS_FOR_STATE", "target_info", "scrape_duration_seconds",
    "scrape_samples_scraped", "scrape_samples_post_metric_relabeling", "scrape_series_added",
)  # fmt: skip
# Units of what cannot be less than nothing.
_NEVER_NEGATIVE = ("_seconds", "_bytes", "_usd", "_tokens", "_ratio")


def check(model: Model) -> Iterator[Problem]:
    """Yield every metric/* problem that the metric's own page does not allow."""
    taken = _derived_names(model)
    for name, metric in model.spec.metrics.items():
        for problem in (*_metric(name, metric, model), *_derived_name(name, metric, taken, model)):
            if problem.check not in metric.allow:
                yield problem
    # Those of packs come last: of two, the one that was added is told.
    received = [name for name, one in model.spec.metrics.items() if one.pipeline == RECEIVED]
    for name in received[:-1]:
        message = f"the spans that come in are counted once, and {received[-1]} has them"
        yield Problem(("metrics", name, "pipeline"), message, "metric/received-twice")


def _metric(name: str, metric: Metric, model: Model) -> Iterator[Problem]:
    path: KeyPath = ("metrics", name)
    source = source_of(metric, model.spec)
    if source is None:
        yield Problem(path, f"give exactly one source: {', '.join(KEYS)}", "metric/one-source")
        return
    kind, sources = source
    if kind.named_here:
        yield from _name(path, name, metric)
    yield from _fold(path, metric, kind)
    known = kind.declared(model.spec)
    for source_name in sources:
        if known is not None and source_name not in known:
            message = f'{kind.name} "{source_name}" is not declared; '
            message += available(source_name, known)
            yield Problem((*path, kind.name), message, "metric/unknown-source")
            return
    if metric.ratio is not None:
        yield from ratios.problems((*path, "ratio"), metric.ratio, metric.labels, model)
        if metric.type != "gauge":
            yield Problem((*path, "type"), "a ratio goes up and down: a gauge", "metric/ratio-type")
    elif metric.rule is not None:
        yield from _rule(path, metric.rule, metric, model)
    if kind.labels_declared:
        yield from _labels(path, metric, kind, sources, model)
    own = list(kind.problems(path, metric))
    yield from own
    if metric.exemplars and not (
        kind.exemplars and (metric.type, metric.value) == ("histogram", "duration")
    ):
        message = "only a histogram of the duration of spans has exemplars"
        yield Problem((*path, "exemplars"), message, "metric/exemplars")
    elif metric.exemplars and not model.spec.stack.jaeger:
        message = "exemplars lead to traces, and stack.jaeger is null: none are stored"
        yield Problem((*path, "exemplars"), message, "stack/left-out")
    if metric.stack in type(model.spec.stack).model_fields and (
        metric.stack not in model.spec.stack.components()
    ):
        message = f"stack.{metric.stack} is null: nothing exposes it"
        yield Problem((*path, "stack"), message, "stack/left-out")
    elif metric.stack in outside.NOT_SCRAPED and not own:
        message = (
            f"the rendered Prometheus does not scrape {metric.stack}, so this has no values; where"
            " a job of yours does: allow: {metric/not-scraped: REASON}"
        )
        yield Problem((*path, "stack"), message, "metric/not-scraped")
    if kind.measured:
        yield from _value(path, metric, kind, sources, model.spec)
        yield from _buckets(path, metric, model.spec)


def _name(path: KeyPath, name: str, metric: Metric) -> Iterator[Problem]:
    if metric.type == "counter" and not name.endswith("_total"):
        message = f"a counter's name ends in _total; name it {name}_total"
        yield Problem(path, message, "metric/counter-suffix")
    if metric.type != "counter" and name.endswith("_total"):
        message = f"only a counter's name ends in _total; this is a {metric.type}"
        yield Problem(path, message, "metric/counter-suffix")
    word = name.removesuffix("_total").rsplit("_", 1)[-1]
    if word in conventions.FOREIGN_UNITS:
        base = conventions.FOREIGN_UNITS[word]
        better = name.removesuffix("_total").removesuffix(word) + base
        better += "_total" if name.endswith("_total") else ""
        message = f'unit "{word}" is not a base unit; use {base} and name it {better}'
        yield Problem(path, message, "metric/base-unit")
    unit = conventions.unit_of(name)
    aliases = {"ratio": "1", "seconds": "s", "bytes": "By", "usd": "USD"}
    given = aliases.get(metric.unit or "", metric.unit)
    if given is not None and given != unit:
        message = f'unit "{metric.unit}" does not fit the name, which says "{unit}"; '
        message += "rename the metric or drop the unit"
        yield Problem((*path, "unit"), message, "metric/unit-name")


def _fold(path: KeyPath, metric: Metric, kind: Kind) -> Iterator[Problem]:
    folded = metric.type == "gauge" and kind.folded
    if folded and metric.fold is None:
        message = (
            "each process of the service reports this gauge; say how its values become one: fold:"
            " sum (each has its own part, as agents that run in it), max or min (all report the"
            " same thing, as the depth of a shared queue), or last (what any reported last)"
        )
        if kind.measured and metric.value == "count":
            name = str(path[-1]).removesuffix("_total")
            message += f"; a counter's name ends in _total, as {name}_total"
        yield Problem(path, message, "metric/fold")
    if metric.fold is not None and not folded:
        message = (
            f"a {metric.type} from {kind.name} is not folded; only a gauge from"
            f" {', '.join(name for name, each in KINDS.items() if each.folded)} is reported by"
            " each process"
        )
        yield Problem((*path, "fold"), message, "metric/fold")


def _derived_names(model: Model) -> dict[str, str]:
    """Return name -> what it is the name of, of the series that there are besides."""
    namespace = model.spec.service.namespace
    taken = {conventions.process_alive(namespace): "what tells which processes report"}
    for metric in model.metrics.values():
        if metric.exposed != metric.name:
            taken[metric.exposed] = f"{metric.name} as each process reports it"
        if metric.type == "histogram":
            series = conventions.histogram_series(metric.name)
            taken |= dict.fromkeys(series, f"a series of the histogram {metric.name}")
    taken[conventions.process_series_limit(namespace)] = "the limit of the series of processes"
    taken |= dict.fromkeys(expected_metrics(model.spec, model.metrics), "what is expected")
    return taken


def _derived_name(
    name: str, metric: Metric, taken: dict[str, str], model: Model
) -> Iterator[Problem]:
    source = source_of(metric, model.spec)
    if source is None or metric.pipeline == ALIVE:
        return
    prometheus = dict.fromkeys(_OF_PROMETHEUS, "what Prometheus itself says of alerts and scrapes")
    known = {**taken, **(prometheus if source[0].named_here else {})}
    if name in known:
        message = f"this is the name of {known[name]}; choose another"
        yield Problem(("metrics", name), message, "metric/derived-name")


def _rule(path: KeyPath, rule: str, metric: Metric, model: Model) -> Iterator[Problem]:
    found = promql_labels.findings(rule, model.series)
    for finding in found:
        yield located(finding, rule, (*path, "rule"))
    if found:
        return
    have = promql_labels.output_labels(promql.parse(rule), model.series)
    declared = frozenset(metric.labels)
    if have is not None and have != declared:
        message = (
            f"the rule gives the labels {_listing(have)}, but {_listing(declared)} are declared"
        )
        yield Problem((*path, "labels"), message, "metric/rule-labels")


def _listing(labels: frozenset[str]) -> str:
    return ", ".join(sorted(labels)) or "none"


def _labels(
    path: KeyPath, metric: Metric, kind: Kind, sources: tuple[str, ...], model: Model
) -> Iterator[Problem]:
    spec = model.spec
    for label in metric.labels:
        if label not in spec.labels:
            message = f'label "{label}" is not declared; {available(label, spec.labels)}'
            yield Problem(_label_path(path, label, metric), message, "metric/unknown-label")
    for source in sources:
        offered = kind.offered(source, spec)
        if offered is None:
            continue
        for label in metric.labels:
            if label in spec.labels and label not in offered:
                message = f'{kind.name} "{source}" does not set the label "{label}"; '
                message += available(label, offered)
                yield Problem(_label_path(path, label, metric), message, "metric/label-not-set")
        for key, wanted in metric.when.items():
            fields = kind.enumerated(key, source, spec)
            yield from _when((*path, "when", key), wanted, source, offered, fields, model)


def _label_path(path: KeyPath, label: str, metric: Metric) -> KeyPath:
    if isinstance(metric.labels, dict):
        return (*path, "labels", label)
    return (*path, "labels", metric.labels.index(label))


def _when(
    path: KeyPath,
    wanted: str | list[str],
    source: str,
    offered: set[str],
    fields: tuple[str, ...],
    model: Model,
) -> Iterator[Problem]:
    """Yield values that never are. fields: those of what is no label; empty for a label."""
    key = str(path[-1])
    allowed: tuple[str, ...] | None = None
    if key in offered and key in model.labels:
        allowed = model.labels[key].values
    elif fields:
        allowed = fields
    elif key in offered:
        message = f'label "{key}" is not declared: declare it under labels, with its values'
        yield Problem(path, message, "metric/when")
    else:
        message = f'"{key}" is not a label or an enumerated field of "{source}"; '
        message += available(key, offered)
        yield Problem(path, message, "metric/when")
    for value in [wanted] if isinstance(wanted, str) else wanted:
        if allowed is not None and value not in allowed:
            message = f'{key} never is "{value}"; {available(value, allowed)}'
            yield Problem(path, message, "metric/when")


def _value(
    path: KeyPath, metric: Metric, kind: Kind, sources: tuple[str, ...], spec: Spec
) -> Iterator[Problem]:
    value = metric.value
    if isinstance(value, AttributeValue):
        if not kind.measures_attributes:
            message = "only spans have attributes; name a field of the event"
            yield Problem((*path, "value"), message, "metric/value")
        return
    for source in sources:
        offered = kind.values(source, spec)
        if value not in offered:
            message = f'{kind.name} "{source}" has no value "{value}"; {available(value, offered)}'
            yield Problem((*path, "value"), message, "metric/value")


def _buckets(path: KeyPath, metric: Metric, spec: Spec) -> Iterator[Problem]:
    if metric.type != "histogram":
        if metric.buckets:
            yield Problem((*path, "buckets"), "only a histogram has buckets", "metric/buckets")
        return
    if metric.value == "count":
        message = "a histogram observes a value: duration, cost, a field or attributes"
        yield Problem(path, message, "metric/value")
    if metric.buckets not in spec.buckets:
        name = metric.buckets or ""
        message = f'bucket list "{name}" is not declared; {available(name, spec.buckets)}'
        yield Problem((*path, "buckets") if name else path, message, "metric/buckets")
        return
    bounds = spec.buckets[metric.buckets]
    if sorted(set(bounds)) != bounds:
        message = "bucket bounds must rise, each given once"
        yield Problem(("buckets", metric.buckets), message, "metric/bucket-order")
    least = [bound for bound in bounds if bound < 0]
    if least and str(path[-1]).endswith(_NEVER_NEGATIVE):
        message = f"{number(least[0])} is below 0, and no value of {path[-1]} is"
        yield Problem(("buckets", metric.buckets), message, "metric/bucket-range")
    if metric.exemplars and (odd := [b for b in bounds if not _is_duration(b)]):
        message = (
            f"{odd[0]!r} s is no whole number of nanoseconds, or more than 292 years; the bounds "
            "of a histogram with exemplars are durations"
        )
        yield Problem(("buckets", metric.buckets), message, "metric/exemplars")


def _is_duration(bound: float) -> bool:
    """Return whether Go's time.Duration, 64 bits of nanoseconds, holds these seconds exactly."""
    nanoseconds = round(bound * 1e9)
    return nanoseconds / 1e9 == bound and abs(nanoseconds) < 2**63
