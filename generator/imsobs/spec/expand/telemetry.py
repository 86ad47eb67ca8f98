"""What events, metrics and span sources say of each other."""

from __future__ import annotations

from typing import Any

from imsobs.spec.expand.shape import Entry, each, mapping, names

# Types of an event's field that a gauge or a histogram can be made of.
_NUMERIC = ("integer", "number")
# Keys of a label that say where a span has it.
_READ_FROM_SPANS = ("attributes", "paths", "intrinsic")
_OUTCOME = "outcome"


def events(data: Entry) -> Entry:
    """A name in ``labels`` is a field of that name whose values are those of the label."""

    def change(_: str, event: Entry) -> Entry:
        labels = names(event.get("labels", []))
        given = event.get("fields", {})
        if not labels or not isinstance(given, dict):
            return event
        fields: Entry = {label: {"label": label} for label in labels}
        for name, field in given.items():
            own = fields.get(name)
            fields[name] = {**own, **field} if own and isinstance(field, dict) else field
        return {**event, "fields": fields}

    return each(data, "events", change)


def metrics(data: Entry) -> Entry:
    """The type follows from the name and the buckets, the value from the name and the source."""
    known = mapping(data.get("events"))

    def change(name: str, metric: Entry) -> Entry:
        filled = dict(metric)
        if "type" not in metric:
            filled["type"] = _type(name, metric)
        if "value" not in metric and filled["type"] in ("gauge", "histogram"):
            value = _value(name, metric, known)
            filled |= {} if value is None else {"value": value}
        return filled

    return each(data, "metrics", change)


def _type(name: str, metric: Entry) -> str:
    if name.endswith("_total"):
        return "counter"
    return "histogram" if "buckets" in metric else "gauge"


def _value(name: str, metric: Entry, events: Entry) -> str | None:
    """Return the value that a name ends with: a span's duration, or an event's numeric field."""
    if "span" in metric:
        return "duration" if name.endswith("_duration_seconds") else None
    found: list[str] = []
    for event in names(metric.get("event"))[:1]:
        fields = mapping(mapping(events.get(event)).get("fields"))
        found = [
            field
            for field, entry in fields.items()
            if isinstance(field, str)
            and mapping(entry).get("type") in _NUMERIC
            and "label" not in mapping(entry)
            and name.endswith(f"_{field}")
        ]
    return max(found, key=len, default=None)


def sources(data: Entry) -> Entry:
    """A source sets the labels that the metrics of its spans have or select by."""
    used: dict[str, dict[str, None]] = {}
    for metric in mapping(data.get("metrics")).values():
        entry = mapping(metric)
        wanted = [*names(entry.get("labels", [])), *names(list(mapping(entry.get("when"))))]
        for source in names(entry.get("span")):
            used.setdefault(source, {}).update(dict.fromkeys(wanted))
    labels = mapping(data.get("labels"))

    def readable(label: str) -> bool:
        return any(mapping(labels.get(label)).get(key) for key in _READ_FROM_SPANS)

    def change(name: str, source: Entry) -> Entry:
        wanted = used.get(name, {})
        derived: dict[str, Any] = {"labels": [label for label in wanted if readable(label)]}
        if _OUTCOME in wanted:
            derived[_OUTCOME] = True
        return {**derived, **source}

    return each(data, "sources", change)
