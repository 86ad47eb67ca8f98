"""Rendered place -> key path of the spec, of the files that other programs judge."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from imsobs import artifacts
from imsobs.model import Model
from imsobs.outputs.collector import count, derive
from imsobs.outputs.prometheus.rule_tests import test_file
from imsobs.outputs.prometheus.rules import DISABLED, rule_file
from imsobs.places import FilePlaces, Node, Places, entries, quoted
from imsobs.problems import KeyPath

# Beginning of a component's id -> what of the spec configures it.
_COMPONENTS: dict[str, KeyPath] = {
    "transform/derive": ("sources",),
    "transform/store": ("redaction",),
    "transform/stored": ("redaction",),
    "transform/requests": ("sampling",),
    "transform/probe": ("service", "probe"),
    "transform/sdk": ("metrics",),
    "redaction/": ("redaction",),
    "tail_sampling": ("sampling",),
    "http_check": ("service", "health"),
    "signal_to_metrics/": ("metrics",),
    "span_metrics/": ("metrics",),
    "delta_to_cumulative": ("collector", "max_series"),
    "memory_limiter": ("collector", "memory_limit_mib"),
    "prometheus/": ("stack", "otelcol", "ports"),
    "otlp": ("stack", "otelcol", "ports"),
}
_WHOLE: dict[str, KeyPath] = {
    artifacts.PROMETHEUS: ("scrape",),
    artifacts.JAEGER: ("stack", "jaeger"),
    artifacts.LOKI: ("stack", "loki"),
    artifacts.PROMTAIL: ("stack", "promtail"),
    artifacts.COLLECTOR_INGEST: ("stack", "ingest"),
}


def places(model: Model) -> Places:
    """Return the places of every file that a program of the stack is asked about."""
    return {
        **{file: FilePlaces(nodes={(): path}) for file, path in _WHOLE.items()},
        artifacts.COLLECTOR: FilePlaces(quoted(_collector(model)), _components()),
        artifacts.COMPOSE: FilePlaces(nodes=dict(_services(model))),
        artifacts.ALERTMANAGER: FilePlaces(nodes=dict(_alertmanager(model))),
        **{
            f"route {name}": FilePlaces(nodes={(): ("routing", "expect", name)})
            for name in model.spec.routing.expect
        },
        **_rules(model),
        **{
            test_file(name): FilePlaces(nodes={(): (*alert.path, "test")})
            for name, alert in model.alerts.items()
        },
    }


def _components() -> dict[Node, KeyPath]:
    return {(prefix,): path for prefix, path in _COMPONENTS.items()}


def _collector(model: Model) -> Iterator[tuple[str, KeyPath]]:
    yield from derive.places(model)
    of = {metric.exposed: name for name, metric in model.metrics.items()}
    for planned in (count.definitions, count.stored_definitions, count.state_definitions):
        for definition in (d for signal in ("span", "log") for d in planned(model, signal)):
            path: KeyPath = ("metrics", of[definition["name"]])
            yield definition["name"], path
            for text in definition.get("conditions", []):
                yield text, path
            for kind in ("sum", "gauge", "histogram"):
                if kind in definition:
                    yield definition[kind]["value"], path


def _services(model: Model) -> Iterator[tuple[Node, KeyPath]]:
    for name in type(model.spec.stack).model_fields:
        yield ("services", name), ("stack", name)


def _alertmanager(model: Model) -> Iterator[tuple[Node, KeyPath]]:
    spec = model.spec
    yield ("route",), ("routing",)
    yield from entries(("route", "routes"), spec.routing.routes, ("routing", "routes"))
    yield from entries(("inhibit_rules",), spec.inhibitions, ("inhibitions",))
    yield from entries(("time_intervals",), spec.mutes, ("mutes",))
    yield from entries(("receivers",), spec.receivers, ("receivers",))


def _rules(model: Model) -> Places:
    """Return the rules of each file, by their place and by group and name."""
    found: Places = {}
    groups: dict[str, list[str]] = {}
    size: Counter[tuple[str, str]] = Counter()
    records = [(rule_file(r.file), r.group, r.name, r.path) for r in model.records]
    alerts = [
        (rule_file(a.file) if a.enabled else DISABLED, a.group, a.name, a.path)
        for a in model.alerts.values()
    ]
    for file, group, name, path in (*records, *alerts):
        here = found.setdefault(file, FilePlaces())
        known = groups.setdefault(file, [])
        if group not in known:
            known.append(group)
        index = size[file, group]
        size[file, group] += 1
        here.nodes["groups", known.index(group), "rules", index] = path
        here.texts.setdefault(f"{group}/{name}", []).append(path)
    return found
