"""Storage: redaction of what is kept, and which traces are kept."""

from __future__ import annotations

from typing import Any

from generator.model import Model
from generator.outputs.collector.env import Reference
from generator.outputs.collector.ottl import matches, set_to, text
from generator.spec.schema.base import seconds

MASK = "****"
# Loki refuses a structured metadata field of more than 64 KB for good.
_LONGEST_FIELD = 32_768
# What the logging instrumentation repeats in attributes though the record carries it.
_REPEATED = ["otelTraceID", "otelSpanID", "otelTraceSampled", "otelServiceName", "color_message"]


def value_patterns(model: Model) -> list[str]:
    """Return RE2 patterns of what is masked inside texts: the spec's own, and key=value."""
    redaction = model.spec.redaction
    keys = "|".join(key.replace("_", "[_.-]?") for key in redaction.keys)
    # Quoted (JSON, repr; also with the quotes escaped) or bare up to the next separator.
    quoted = r"""(?:\\?["'](?:[^"'\\]|\\[^"'])*\\?["'])"""
    bare = r"""[^\s,;&"'}\])\\]+"""
    assignment = rf"""(?i)\b(?:[A-Za-z0-9]+[_.-])*(?:{keys})\\?["']?\s*[:=]\s*(?:{quoted}|{bare})"""
    return [*redaction.values.values(), assignment]


def key_patterns(model: Model) -> list[str]:
    """Return RE2 patterns of attribute keys whose whole value is masked."""
    keys = "|".join(key.replace("_", "[_.-]?") for key in model.spec.redaction.keys)
    return [rf"(?i)(?:^|[._-])(?:{keys})$"]


def redaction_processor(model: Model) -> dict[str, Any]:
    """Return the redaction processor's settings: attributes, events, bodies, resources."""
    return {
        "allow_all_keys": True,
        "blocked_key_patterns": key_patterns(model),
        "blocked_values": value_patterns(model),
        "ignored_key_patterns": model.spec.redaction.keep,
        "redact_all_types": False,
        "summary": "info",
    }


def trace_groups(model: Model) -> list[dict[str, Any]]:
    """Return what the redaction processor does not reach: names, messages, dropped keys.

    A span counts as redacted when its name or status message was masked too.
    """
    count = 'span.attributes["redaction.masked.count"]'
    statements = _drop("span", model)
    for path in ("span.name", "span.status.message"):
        for pattern in value_patterns(model):
            statements.append(set_to(count, "1", f"{count} == nil and {matches(path, pattern)}"))
            statements.append(f"replace_pattern({path}, {text(pattern)}, {text(MASK)})")
    events = _drop("spanevent", model)
    for pattern in value_patterns(model):
        events.append(f"replace_pattern(spanevent.name, {text(pattern)}, {text(MASK)})")
    return [
        {"context": "span", "statements": statements},
        {"context": "spanevent", "statements": events},
        {"context": "span", "statements": [_truncated("span")]},
    ]


def log_groups(model: Model) -> list[dict[str, Any]]:
    """Return the log store's clean-up: dropped keys, repeated attributes, capped texts."""
    statements = [
        *_drop("log", model),
        *(f"delete_key(log.attributes, {text(key)})" for key in _REPEATED),
        _truncated("log"),
    ]
    return [{"context": "log", "statements": statements}]


def _drop(context: str, model: Model) -> list[str]:
    patterns = model.spec.redaction.drop
    return [f"delete_matching_keys({context}.attributes, {text(pattern)})" for pattern in patterns]


def _truncated(context: str) -> str:
    return f"truncate_all({context}.attributes, {_LONGEST_FIELD})"


def tail_sampling(model: Model) -> dict[str, Any]:
    """Return the tail sampler: every error, every slow trace, a share of the rest.

    The share is decided by the hash of the trace id, spread evenly over the 64-bit
    integers, so that several Collectors decide alike. (The sampler's own probabilistic
    policy takes a percentage as a number, which cannot come from TRACE_SAMPLING_RATE.)
    """
    sampling = model.spec.sampling
    rate = Reference("TRACE_SAMPLING_RATE", str(sampling.rate))
    below = f"(Double({rate}) * 2.0 - 1.0) * {float(2**63):.1f}"
    in_share = f"Double(FNV(span.trace_id.string)) <= {below}"
    return {
        "decision_wait": sampling.decision_wait,
        "num_traces": sampling.max_traces,
        "decision_cache": {
            "sampled_cache_size": sampling.max_traces * 2,
            "non_sampled_cache_size": sampling.max_traces * 2,
        },
        "policies": [
            {"name": "errors", "type": "status_code", "status_code": {"status_codes": ["ERROR"]}},
            {"name": "slow", "type": "latency", "latency": {"threshold_ms": seconds(sampling.slow) * 1000}},
            {
                "name": "share",
                "type": "ottl_condition",
                "ottl_condition": {"error_mode": "ignore", "span": [in_share]},
            },
        ],
    }
