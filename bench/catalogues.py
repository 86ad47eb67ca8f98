"""Specs with more or fewer metrics, and wider labels, for the Collector's growth."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from bench.project import SPEC
from imsobs.spec.load import load

Spec = dict[str, Any]
# The spec's own kinds that cost something per span or log record.
_DERIVED = ("span", "event", "log")
# How many metrics a made-up source or event feeds: about as many as the spec's own do.
_PER_SIGNAL = 4


def real() -> Spec:
    """Return the project's spec as data, with a short wait before traces are sampled."""
    document, problems = load([SPEC])
    if problems:
        raise SystemExit("\n".join(document.format(problem) for problem in problems))
    spec = document.data
    spec["sampling"] |= {"slow": "1s", "decision_wait": "1s", "longest_request": "2s"}
    # More series and undecided traces than a benchmark makes: what is measured is cost, not the
    # limit.
    spec["sampling"]["max_traces"] = 30_000
    spec["collector"]["max_series"] = 1_000_000
    return spec


def derived(spec: Spec) -> list[str]:
    """Return the names of the metrics that are derived from spans and log records."""
    return [name for name, metric in spec["metrics"].items() if _kind(metric) in _DERIVED]


def _kind(metric: dict[str, Any]) -> str | None:
    return next((kind for kind in _DERIVED if kind in metric), None)


def of_same_signals(spec: Spec, count: int) -> Spec:
    """Return the spec with ``count`` derived metrics, all fed by what the service sends.

    Fewer: every n-th is kept. More: each is there again under other names, so that every
    span and record that is counted is counted that much more often.
    """
    changed = deepcopy(spec)
    names = derived(spec)
    kept = min(count, len(names))
    chosen = {names[n * len(names) // kept] for n in range(kept)}
    changed["metrics"] = {
        name: metric
        for name, metric in changed["metrics"].items()
        if _kind(metric) is None or name in chosen
    }
    for number in range(len(names), count):
        again, name = divmod(number, len(names))
        copied = deepcopy(spec["metrics"][names[name]])
        changed["metrics"][_renamed(names[name], again)] = copied
    return changed


def of_other_signals(spec: Spec, count: int) -> Spec:
    """Return the spec with ``count`` derived metrics, those above its own without traffic.

    They are fed by spans and events of another part of a service, which is not there.
    """
    changed = of_same_signals(spec, min(count, len(derived(spec))))
    for number in range(len(derived(changed)), count):
        group = number // (2 * _PER_SIGNAL)
        if number % 2:
            name = f"other_event_{group}"
            changed["events"].setdefault(
                name,
                {
                    "description": "An event of another part of the service.",
                    "fields": {"outcome": {"label": "outcome"}, "amount": {"type": "number"}},
                },
            )
            source = {"event": name}
        else:
            changed.setdefault("attributes", {})["other.kind"] = "string"
            name = f"other_span_{group}"
            changed["sources"].setdefault(
                name,
                {
                    "description": "A span of another part of the service.",
                    "kind": "internal",
                    "where": f'span.attributes["other.kind"] == "{group}"',
                    "labels": ["operation"],
                    "outcome": True,
                },
            )
            source = {"span": name}
        changed["metrics"][f"ims_other_{number}_total"] = {
            "type": "counter",
            "description": "A metric of another part of the service.",
            "labels": ["outcome"],
            **source,
        }
    return changed


def _renamed(name: str, number: int) -> str:
    stem, total, _ = name.rpartition("_total")
    return (
        f"{stem}_copy{number}_total"
        if total and name.endswith("_total")
        else f"{name}_copy{number}"
    )


def with_routes(spec: Spec, count: int) -> Spec:
    """Return the spec with a route label of ``count`` allowed values, ``/v1/route-N``."""
    changed = deepcopy(spec)
    changed["labels"]["route"]["values"] = [f"/v1/route-{number}" for number in range(count)]
    return changed
