"""Resolved labels: nothing optional is left."""

from __future__ import annotations

import re
from dataclasses import dataclass

from imsobs.expressions import finds
from imsobs.model.numbers import faulty_values
from imsobs.model.routes import Routes, resolve_routes
from imsobs.promql.matchers import is_one_of
from imsobs.spec.schema.root import Spec
from imsobs.spec.schema.signals import Label

# Where instrumentations put the route of a request.
ROUTE = "http.route"


@dataclass(frozen=True)
class ResolvedLabel:
    """A label's closed set.

    matches: value -> RE2 pattern of the raw texts that mean it, first match wins; the
    value ``*`` keeps the text. values: every value a series may carry, missing and
    overflow included; None when the pattern ``*`` leaves it open (then limit bounds it).
    routes: how the value is found by the paths that ``paths`` names, None when there are none.
    """

    name: str
    description: str
    attributes: tuple[str, ...]
    resource_attributes: tuple[str, ...]
    paths: tuple[str, ...]
    routes: Routes | None
    intrinsic: str | None
    first_word: bool
    case: str | None
    matches: dict[str, str]
    values: tuple[str, ...] | None
    limit: int
    missing: str
    overflow: str


def exact(texts: list[str]) -> str:
    """Return the RE2 pattern that matches exactly these texts."""
    escaped = [re.sub(r"([.\\+*?\[^\]$(){}=!<>|:#&~-])", r"\\\1", text) for text in texts]
    escaped = [text.replace(r"\-", "-").replace(r"\:", ":").replace(r"\=", "=") for text in escaped]
    escaped = [re.sub(r"\\([<>!#&~])", r"\1", text) for text in escaped]
    return "^" + (escaped[0] if len(escaped) == 1 else "(?:" + "|".join(escaped) + ")") + "$"


def resolve_label(name: str, spec: Spec) -> ResolvedLabel:
    """Return the label with its values, wherever the spec takes them from."""
    label = spec.labels[name]
    origin = spec.labels.get(label.values_of or "", label)
    if label.values_of_labels:
        matches = {other: exact([other]) for other in spec.labels}
    elif label.values_of_events:
        matches = {event: exact([event]) for event in spec.events}
    elif label.values_of_sources:
        matches = {source: exact([source]) for source in spec.sources}
    elif label.values_of_measures:
        matches = {value: exact([value]) for value in faulty_values(spec)}
    else:
        matches = _matches(origin)
    matches |= _probed(name, matches, spec)
    is_open = "*" in matches
    values = None if is_open else tuple(dict.fromkeys([*matches, label.missing, label.overflow]))
    return ResolvedLabel(
        name=name,
        description=label.description,
        attributes=tuple(label.attributes),
        resource_attributes=tuple(label.resource_attributes),
        paths=tuple(label.paths),
        routes=resolve_routes(list(matches)) if label.paths else None,
        intrinsic=label.intrinsic,
        first_word=label.word == "first",
        case=label.case,
        matches=matches,
        values=values,
        limit=(label.limit or 1) if values is None else len(values),
        missing=label.missing,
        overflow=label.overflow,
    )


def probed_routes(spec: Spec) -> list[str]:
    """Return the routes that the Collector's probe asks, without their query."""
    service = spec.service
    if service.health is None or not any(metric.probe for metric in spec.metrics.values()):
        return []
    routes = [service.health, service.health_detailed if service.components else None]
    routes += [one.health for one in spec.services.values() if one.url is not None]
    return [*dict.fromkeys(route.partition("?")[0] for route in routes if route is not None)]


def _probed(name: str, matches: dict[str, str], spec: Spec) -> dict[str, str]:
    """Return the patterns of the probed routes that a route label does not list.

    They count as the first value under ``apart``, so that queries need not name them; without
    one, each is a value of its own.
    """
    label = spec.labels[name]
    paths = probed_routes(spec) if ROUTE in label.attributes else []
    unlisted = [path for path in paths if value_of(path, matches) is None]
    apart = next((value for value in matches if is_one_of(value, label.apart)), None)
    if apart is None or not unlisted:
        return {path: exact([path]) for path in unlisted}
    return {apart: f"(?:{matches[apart]})|(?:{exact(unlisted)})"}


def value_of(raw: str, matches: dict[str, str]) -> str | None:
    """Return the value that a raw text becomes, None when it is none of a label's own."""
    # What RE2 refuses finds nothing; a check reports it.
    return next((value for value, pattern in matches.items() if finds(pattern, raw)), None)


def apart_values(name: str, spec: Spec) -> tuple[str, ...]:
    """Return the values of a label that ratios and objectives leave out, such as health routes.

    These are the values under ``apart``, and the probed routes that are values of their own.
    """
    label = spec.labels.get(name)
    if label is None:
        return ()
    probed = probed_routes(spec) if ROUTE in label.attributes else []
    matches = _matches(label)
    has_apart = any(is_one_of(value, label.apart) for value in matches)
    own = [
        path
        for path in probed
        if value_of(path, matches) in ((path,) if has_apart else (None, path))
    ]
    return tuple(
        dict.fromkeys([*label.apart, *(path for path in own if not is_one_of(path, label.apart))])
    )


def apart_in(series: str, spec: Spec) -> dict[str, tuple[str, ...]]:
    """Return the values set apart in a series: label -> values.

    series: a metric, or one of the three of a histogram.
    """
    names = [series, *(series.removesuffix(end) for end in ("_bucket", "_sum", "_count"))]
    metric = next((spec.metrics[name] for name in names if name in spec.metrics), None)
    if metric is None:
        return {}
    labels = [label for label in metric.labels if label not in metric.when]
    return {label: values for label in labels if (values := apart_values(label, spec))}


def _matches(label: Label) -> dict[str, str]:
    if label.patterns is not None:
        return dict(label.patterns)
    if isinstance(label.values, dict):
        return {
            value: exact([*dict.fromkeys([value, *texts])]) for value, texts in label.values.items()
        }
    return {value: exact([value]) for value in label.values or []}
