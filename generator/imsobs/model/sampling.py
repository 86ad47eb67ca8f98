"""How many undecided traces the Collector holds, and the memory that they need.

A trace is decided as soon as a span shows that it failed, is slow, or belongs to the kept
share; any other is held, because it may still fail. Spans arrive when they end, the request's
own last. So a trace is held until ``decision_wait`` after the request's span, and one without
such a span for ``longest_request`` (ADR 21).
"""

from __future__ import annotations

from imsobs.spec.schema.base import seconds
from imsobs.spec.schema.root import Spec

# Memory of a span that is held, with what keeps its trace together (`bench.held`).
SPAN_BYTES = 4.5 * 1024
SPANS_PER_TRACE = 6
# Of the Collector's memory limit, held traces get half; the rest is for everything else.
SHARE_OF_MEMORY = 0.5
# Of a pod's memory, the Collector's limit; the rest is for what no limiter counts.
SHARE_OF_POD = 0.75
_MIB = 1024 * 1024


def room(spec: Spec) -> int:
    """Return how many traces of SPANS_PER_TRACE spans fit into their share of the memory."""
    share = spec.collector.memory_limit_mib * _MIB * SHARE_OF_MEMORY
    return int(share / (SPANS_PER_TRACE * SPAN_BYTES))


def most_held(spec: Spec) -> int:
    """Return how many undecided traces are held at most; beyond, the oldest is given up."""
    given = spec.sampling.max_traces
    # Rounded down to hundreds: an estimate with more digits would look like a measurement.
    return room(spec) // 100 * 100 if given is None else given


def held_seconds(spec: Spec, duration: float, unended: float) -> float:
    """Return how long a trace is held on average, s.

    duration: mean time of a request, s; unended: share of traces without a request's span.
    The sampler looks once a second.
    """
    ended = duration + seconds(spec.sampling.decision_wait) + 1
    return (1 - unended) * ended + unended * seconds(spec.sampling.longest_request)
