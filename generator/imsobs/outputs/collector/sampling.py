"""Which traces are kept: the tail sampler, and statements that show it a trace's end (ADR 21)."""

from __future__ import annotations

from typing import Any

from imsobs.model import Model, conventions
from imsobs.model.sampling import most_held
from imsobs.outputs.collector.identity import Group
from imsobs.outputs.collector.ottl import attribute, decimal, set_to, text
from imsobs.outputs.references import Reference, join
from imsobs.spec.schema.base import seconds

# The kinds of span that a request ends with.
_ENDS = "(span.kind == SPAN_KIND_SERVER or span.kind == SPAN_KIND_CONSUMER)"
_ROOT = "IsRootSpan()"
_PARENT = "span.parent_span_id.string"
_ASIDE = attribute("span", f"{conventions.MARKS}parent")
_NO_PARENT, _NOT_ROOT = text("0" * 16), text("f" * 16)


def request_groups(model: Model) -> list[Group]:
    """Return statements that change parent ids, so that the sampler finds the end of a trace.

    The sampler takes a span without a parent for the root. But the parent of a request whose
    client sends a traceparent may never arrive: its parent id is saved and cleared. And a span
    without a parent that is no request is not the root: it gets a parent id.
    """
    other = f"{_ROOT} and not {_ENDS}"
    if not _by_request(model):
        statements = [set_to(_PARENT, _NOT_ROOT)]
        return [{"context": "span", "conditions": [other], "statements": statements}]
    called = f"{_ENDS} and not {_ROOT}"
    statements = [
        set_to(_ASIDE, _PARENT, called),
        set_to(_PARENT, _NO_PARENT, called),
        set_to(_PARENT, _NOT_ROOT, other),
    ]
    # One walk over the spans for both: most are neither.
    return [{"context": "span", "conditions": [called, other], "statements": statements}]


def parent_group(model: Model) -> Group:
    """Return the statements that restore the parent ids of kept spans."""
    other = set_to(_PARENT, _NO_PARENT, f"{_PARENT} == {_NOT_ROOT}")
    called = set_to(_PARENT, _ASIDE, f"{_ROOT} and {_ENDS} and {_ASIDE} != nil")
    return {"context": "span", "statements": [other, called] if _by_request(model) else [other]}


def _by_request(model: Model) -> bool:
    return model.spec.sampling.ends_with == "request"


def tail_sampling(model: Model) -> dict[str, Any]:
    """Return the tail sampler: every error, every slow or large trace, a share of the rest.

    Each batch is decided on as it comes in: an error, however late, releases all that is held of
    its trace. That a trace was given up is not remembered, so that of a request which fails
    after ``longest_request`` the last spans are kept.

    The share is decided by the hash of the trace id, spread evenly over the 64-bit
    integers, so that several Collectors decide alike. (The sampler's own probabilistic
    policy takes a percentage as a number, which cannot come from TRACE_SAMPLING_RATE.)
    """
    sampling = model.spec.sampling
    held = most_held(model.spec)
    # The sampler keeps what takes longer than its threshold, the spec what takes as long.
    slow = {"threshold_ms": seconds(sampling.slow) * 1000 - 1}
    rate = Reference("TRACE_SAMPLING_RATE", decimal(sampling.rate))
    below = join("(Double(", rate, f") * 2.0 - 1.0) * {float(2**63):.1f}")
    in_share = join("Double(FNV(span.trace_id.string)) <= ", below)
    return {
        "sampling_strategy": "span-ingest",
        "decision_wait": sampling.longest_request,
        "decision_wait_after_root_received": sampling.decision_wait,
        "num_traces": held,
        # That a trace is kept is remembered, for its late spans.
        "decision_cache": {"sampled_cache_size": held * 2},
        "policies": [
            {"name": "errors", "type": "status_code", "status_code": {"status_codes": ["ERROR"]}},
            {"name": "slow", "type": "latency", "latency": slow},
            {"name": "large", "type": "span_count", "span_count": {"min_spans": sampling.large}},
            {
                "name": "share",
                "type": "ottl_condition",
                "ottl_condition": {"error_mode": "ignore", "span": [in_share]},
            },
        ],
    }
