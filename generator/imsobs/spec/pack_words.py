"""Words of packs: what ``<word>`` stands for in a pack that lies under a spec."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from imsobs.spec.expand.shape import is_number
from imsobs.spec.schema.service import Service
from imsobs.spec.schema.stack import Stack
from imsobs.spec.services import probed as others

_HEALTH = {key: Service.model_fields[key] for key in ("health", "health_detailed")}
# Labels whose first value tests speak of.
_OF_LABELS = ("cache", "queue", "agent_type", "action")
# What is spent per hour in the tests of a budget, as a share of the limit of a month.
_USD = {
    "usd_just_within": 0.00134,
    "usd_far_beyond": 0.2,
    "usd_a_while": 0.016,
    "usd_at_once": 0.06,
}
# Every word that a pack may use.
WORDS = (
    "namespace",
    "prefix",
    "service",
    "environment",
    "process_job",
    "label",
    "event",
    "attribute",
    "expected",
    "route",
    "users",
    "stopped",
    "stopped_at",
    *_OF_LABELS,
    *_USD,
)


def words(sources: list[dict[str, Any]], kinds: set[str], expected: list[str]) -> dict[str, str]:
    """Return what ``<word>`` stands for in the packs of a spec. sources: the spec, then its packs.

    namespace: service.namespace; prefix: the same as metric names write it, with ``_`` for ``-``.
    process_job: a scrape job of the series that each process has of its own. The others are what
    tests speak of: the first service and the last environment, the first label and event, the
    first metric that is expected, the first route that users ask for, and what the time of spans
    is called, or ``other``. users: matcher of the requests of users. stopped, stopped_at: a
    component that may be down, and its address. cache and others: the first value of the label of
    that name. usd_*: amounts of tests, of the limit of the last environment.
    """
    spec = sources[0]
    service = spec["service"]
    namespace = service["namespace"]
    timed = any(_is_timed(*entry) for source in sources for entry in entries_of(source))
    labels = next((source["labels"] for source in sources if source.get("labels")), None)
    routes, apart = _routes(sources)
    stopped, port = _stopped(spec)
    return {
        "namespace": namespace,
        "prefix": namespace.replace("-", "_"),
        "service": _one(service.get("names"), 0),
        "environment": _one(service.get("environments"), -1),
        "process_job": f"{namespace}-{'state' if 'state' in kinds else 'processes'}",
        "label": _one(labels, 0),
        "event": _one(spec.get("events"), 0),
        "attribute": "duration" if timed else "other",
        "expected": _one(expected, 0),
        "route": next(
            (r for r in routes if not _is_apart(r, apart) and _stands_in_quotes(r)), "other"
        ),
        "stopped": stopped,
        "stopped_at": f"127.0.0.1:{port}",
        **{label: _first_value(label, sources) for label in _OF_LABELS},
        **{word: f"{share * _limit(spec):.9g}" for word, share in _USD.items()},
        "users": f'route!~"{"|".join(map(_pattern, apart))}"' if apart else "",
    }


def _first_value(label: str, sources: list[dict[str, Any]]) -> str:
    for source in sources:
        labels = source.get("labels")
        given = labels.get(label) if isinstance(labels, dict) else None
        values = (given.get("values") or given.get("patterns")) if isinstance(given, dict) else None
        if isinstance(values, list | dict) and values:
            return next((name for name in map(str, values) if _stands_in_quotes(name)), "other")
    return "other"


def _stands_in_quotes(value: str) -> bool:
    """Return whether a value is the same in a selector as elsewhere in a test."""
    return not {'"', "\\", "\n"} & set(value)


def _limit(spec: dict[str, Any]) -> float:
    """Return what the last environment may spend in a month, USD; 0 without a limit."""
    budget = spec.get("budget")
    limit = budget.get("monthly_usd") if isinstance(budget, dict) else None
    if isinstance(limit, dict):
        limit = limit.get(_one(spec["service"].get("environments"), -1))
    return float(limit) if is_number(limit) else 0.0


def by_default(spec: dict[str, Any]) -> set[str]:
    """Return what a spec has that is no entry of its own.

    Components of its stack and a health route, unless it says null; a limit of what the last
    environment may spend, as ``budget.ENVIRONMENT``; the cluster, and where its samples are sent.
    """
    health = spec["service"].get("health", _HEALTH["health"].default)
    probed = {"service.health"} if health is not None else set()
    if _limit(spec):
        probed.add(f"budget.{_one(spec['service'].get('environments'), -1)}")
    return probed | _of_cluster(spec) | {f"stack.{name}" for name in components(spec)}


def _of_cluster(spec: dict[str, Any]) -> set[str]:
    """Return ``kubernetes`` where that section is, empty too, and its remote store."""
    given = spec.get("kubernetes")
    if not isinstance(given, dict):
        return set()
    prometheus = given.get("prometheus")
    sent = isinstance(prometheus, dict) and prometheus.get("remote_write") is not None
    return {"kubernetes"} | ({"kubernetes.prometheus.remote_write"} if sent else set())


def components(spec: dict[str, Any]) -> set[str]:
    """Return the components of the stack that a spec does not leave out."""
    given = spec.get("stack")
    own = given if isinstance(given, dict) else {}
    fields = Stack.model_fields.items()
    return {name for name, field in fields if own.get(name, field.default) is not None}


def _stopped(spec: dict[str, Any]) -> tuple[str, int]:
    """Return Jaeger, or Alertmanager where there is none, and the port that is scraped."""
    component, port = (
        ("jaeger", "telemetry") if "jaeger" in components(spec) else ("alertmanager", "http")
    )
    found: Any = spec.get("stack")
    for key in (component, "ports", port):
        found = found.get(key) if isinstance(found, dict) else None
    default: int = getattr(Stack.model_fields[component].default.ports, port)
    return component, found if type(found) is int else default


def _routes(sources: list[dict[str, Any]]) -> tuple[list[str], list[str]]:
    """Return the values of the label ``route``, and those that are no requests of users.

    These are the ones under ``apart``, and the health routes, which the model adds by itself.
    """
    merged: dict[str, Any] = {}
    for source in reversed(sources):
        labels = source.get("labels")
        label = labels.get("route") if isinstance(labels, dict) else None
        merged |= label if isinstance(label, dict) else {}
    given = merged.get("values") or merged.get("patterns") or ()
    apart = merged.get("apart")
    texts = [text for text in apart if isinstance(text, str)] if isinstance(apart, list) else []
    service = sources[0]["service"]
    probed = {key: service.get(key, field.default) for key, field in _HEALTH.items()}
    if probed["health"] is None or not service.get("components"):
        del probed["health_detailed"]
    for path in [*probed.values(), *others(sources[0])]:
        if isinstance(path, str) and not _is_apart(path.partition("?")[0], texts):
            texts.append(path.partition("?")[0])
    return [str(value) for value in given], texts


def _is_apart(route: str, apart: list[str]) -> bool:
    return any(
        route.startswith(text[:-1]) if text.endswith("*") else route == text for text in apart
    )


def _pattern(text: str) -> str:
    """Return the pattern of a route inside a PromQL string; a last ``*`` is any rest."""
    whole = text.removesuffix("*")
    escaped = re.sub(r"([.\\+*?\[^\]$(){}|])", r"\\\\\1", whole).replace('"', '\\"')
    return escaped + (".*" if text.endswith("*") else "")


def _one(names: Any, index: int) -> str:
    """Return one of some names; what is missing or malformed is told by the schema."""
    return str(list(names)[index]) if isinstance(names, list | dict) and names else "other"


def _is_timed(path: tuple[str, str], metric: Any) -> bool:
    if path[0] != "metrics" or not isinstance(metric, dict) or "span" not in metric:
        return False
    return metric.get("value", path[1].rpartition("_duration_")[2]) in ("duration", "seconds")


def per_process(sources: list[dict[str, Any]]) -> set[str]:
    """Return the kinds of series that processes have of their own: ``processes``, ``state``.

    The first are metrics of the SDK, the second gauges of events and spans.
    """
    metrics = [m for data in sources for path, m in entries_of(data) if path[0] == "metrics"]
    given = [metric for metric in metrics if isinstance(metric, dict)]
    kinds = {"processes"} if any("sdk" in metric for metric in given) else set()
    if any("fold" in metric and "sdk" not in metric for metric in given):
        kinds.add("state")
    return kinds


def expected(spec: dict[str, Any]) -> list[str]:
    """Return the metrics of a spec that are expected with others."""
    return [
        path[1]
        for path, metric in entries_of(spec)
        if path[0] == "metrics" and isinstance(metric, dict) and metric.get("expected_with")
    ]


def derived(prefix: str, kinds: set[str], expected: list[str]) -> set[str]:
    """Return the metrics that the model adds for such series (model/conventions.py)."""
    added = {
        "process_series_limit": bool(kinds),
        "process_alive": "state" in kinds,
        "expected_causes": bool(expected),
        "expected_seen": bool(expected),
    }
    return {f"metrics.{prefix}_{name}" for name, is_added in added.items() if is_added}


def entries_of(data: dict[str, Any]) -> Iterator[tuple[tuple[str, str], Any]]:
    """Yield (section, name) and entry of every section that is a mapping."""
    for section, entries in data.items():
        if isinstance(entries, dict):
            yield from (((section, name), entry) for name, entry in entries.items())
