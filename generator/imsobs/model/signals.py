"""Resolved labels, span sources, events and prices: nothing optional is left."""

from __future__ import annotations

import re
from dataclasses import dataclass

from imsobs.model.numbers import faulty_values
from imsobs.model.routes import Routes, resolve_routes
from imsobs.spec.schema.root import Spec
from imsobs.spec.schema.signals import Label, Price


@dataclass(frozen=True)
class ResolvedLabel:
    """A label's closed set.

    matches: value -> RE2 pattern of the raw texts that mean it, first match wins; the
    value ``*`` keeps the text. values: every value a series may carry, missing and
    overflow included; None when the pattern ``*`` leaves it open (then limit bounds it).
    routes: how the paths named by ``paths`` tell the value, None when there are none.
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


@dataclass(frozen=True)
class PriceRow:
    """One price, USD per million tokens, valid from a Unix time (ns) on."""

    vendor: str
    model: str
    since_unix_nano: int
    input: float
    output: float
    cached_read: float
    cache_write: float


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
    elif label.values_of_measures:
        matches = {value: exact([value]) for value in faulty_values(spec)}
    else:
        matches = _matches(origin)
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


def _matches(label: Label) -> dict[str, str]:
    if label.patterns is not None:
        return dict(label.patterns)
    if isinstance(label.values, dict):
        return {
            value: exact([*dict.fromkeys([value, *texts])]) for value, texts in label.values.items()
        }
    return {value: exact([value]) for value in label.values or []}


def price_rows(spec: Spec) -> tuple[PriceRow, ...]:
    """Return every price, oldest first, so that the last one that applies wins."""
    rows = [
        _row(vendor, model, price)
        for vendor, models in spec.prices.items()
        for model, prices in models.items()
        for price in prices
    ]
    return tuple(sorted(rows, key=lambda row: row.since_unix_nano))


def _row(vendor: str, model: str, price: Price) -> PriceRow:
    # Days since 1970 in UTC: a price changes at midnight UTC, wherever this runs.
    days = price.since.toordinal() - 719163
    return PriceRow(
        vendor=vendor,
        model=model,
        since_unix_nano=days * 86_400 * 1_000_000_000,
        input=price.input,
        output=price.output,
        cached_read=price.input if price.cached_read is None else price.cached_read,
        cache_write=price.input if price.cache_write is None else price.cache_write,
    )
