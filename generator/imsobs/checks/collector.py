"""The Collector: series within the plan, traces that can be sampled, secrets that are found."""

from __future__ import annotations

from collections.abc import Iterator

from imsobs import expressions
from imsobs.model import Model
from imsobs.model.sampling import SPAN_BYTES, SPANS_PER_TRACE, room
from imsobs.model.series_budget import series_budget
from imsobs.problems import KeyPath, Problem
from imsobs.spec.schema.base import seconds
from imsobs.spec.values import short


def check(model: Model) -> Iterator[Problem]:
    """Yield the collector/*, sampling/* and redaction/* problems."""
    yield from _series(model)
    yield from _sampling(model)
    yield from _redaction(model)


def _series(model: Model) -> Iterator[Problem]:
    budget, allowed = series_budget(model.spec, model.metrics), model.spec.collector.max_series
    if budget.worst > allowed:
        largest = ", ".join(f"{name} {count}" for name, count in budget.largest())
        message = (
            f"the labels allow {budget.worst} series, more than max_series = {allowed}; give the "
            f"largest ({largest} per service and environment, or per process) fewer labels, values "
            "or buckets, or raise max_series"
        )
        yield Problem(("collector", "max_series"), message, "collector/series-budget")


def _sampling(model: Model) -> Iterator[Problem]:
    sampling = model.spec.sampling
    from_spans = [name for name, m in model.metrics.items() if m.kind.signal == "span"]
    if sampling.sdk_sampler != "always_on" and from_spans:
        message = (
            f'"{sampling.sdk_sampler}" drops spans before {len(from_spans)} metrics are counted '
            "from them; use always_on, and sampling.rate for what is kept"
        )
        yield Problem(("sampling", "sdk_sampler"), message, "sampling/sdk")
    if seconds(sampling.slow) == 0 and sampling.rate < 1:
        message = f"no trace is faster than {sampling.slow}, so every one is kept and rate ="
        message += f" {sampling.rate:g} has no effect; write rate: 1, or how slow is slow"
        yield Problem(("sampling", "slow"), message, "sampling/slow")
    longest = seconds(sampling.longest_request)
    for key in ("slow", "decision_wait"):
        if getattr(sampling, key) != "0s" and seconds(getattr(sampling, key)) >= longest:
            message = (
                f"a trace is held for longest_request = {sampling.longest_request} at most, which "
                f"is no longer than {key} = {getattr(sampling, key)}; make longest_request longer"
            )
            yield Problem(("sampling", key), message, "sampling/longest-request")
    if sampling.max_traces is not None and sampling.max_traces > room(model.spec):
        need = sampling.max_traces * SPANS_PER_TRACE * SPAN_BYTES / 2**20
        message = (
            f"{sampling.max_traces} traces of {SPANS_PER_TRACE} spans need {need:.0f} MiB, more "
            f"than half of memory_limit_mib = {model.spec.collector.memory_limit_mib}; at most "
            f"{room(model.spec)}, or raise memory_limit_mib"
        )
        yield Problem(("sampling", "max_traces"), message, "sampling/max-traces")


def _redaction(model: Model) -> Iterator[Problem]:
    redaction = model.spec.redaction
    patterns: list[tuple[KeyPath, str]] = [
        (("redaction", "values", name), text) for name, text in redaction.values.items()
    ]
    for kind in ("drop", "keep"):
        patterns += [
            (("redaction", kind, index), text)
            for index, text in enumerate(getattr(redaction, kind))
        ]
    for path, pattern in patterns:
        if found := expressions.fault(pattern):
            message = f'pattern "{short(pattern)}" is not valid: {found}'
            yield Problem(path, message, "redaction/pattern")
        elif path[1] == "values" and expressions.finds(pattern, ""):
            message = f'pattern "{pattern}" matches the empty text, hence every text'
            yield Problem(path, message, "redaction/matches-everything")
        elif path[1] == "keep":
            for key in redaction.keys:
                if expressions.finds(pattern, key):
                    message = f'pattern "{pattern}" keeps "{key}", which redaction.keys masks'
                    yield Problem(path, message, "redaction/keeps-secret")
