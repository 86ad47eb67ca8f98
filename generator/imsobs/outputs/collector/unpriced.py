"""Why a model call has no cost, as OTTL statements; every such call is counted (ADR 20)."""

from __future__ import annotations

from imsobs.model import Model, conventions
from imsobs.model.labels import exact
from imsobs.model.prices import PriceRow
from imsobs.outputs.collector.cost import SEPARATOR, Cache, key_of
from imsobs.outputs.collector.ottl import attribute, matches, set_to, text


def unpriced_statements(model: Model) -> list[str]:
    """Return statements that set the reason on a span without a cost.

    They follow those that look for the cost. Of several reasons, the last that is true says
    most. A reason that the spec's label does not have becomes its overflow value.
    """
    cache = Cache("span")
    reason = attribute("span", conventions.UNPRICED_REASON)
    cost = attribute("span", conventions.COST)
    # The vendor bills what it generated, even if the client disconnected.
    answered = f'{attribute("span", conventions.OUTCOME)} != "error"'
    statements = [
        f"delete_key(span.attributes, {text(conventions.UNPRICED_REASON)})",
        set_to(cache.pending, "true", f"{answered} and {cost} == nil"),
    ]
    for name, condition in _reasons(model.prices, cache):
        here = " and ".join([f"{cache.pending} == true", *condition])
        statements.append(set_to(reason, text(_value(name, model)), here))
    return statements


def _value(reason: str, model: Model) -> str:
    label = model.labels.get(conventions.UNPRICED_REASON)
    if label is None or label.values is None or reason in label.values:
        return reason
    return label.overflow


def _reasons(rows: tuple[PriceRow, ...], cache: Cache) -> list[tuple[str, list[str]]]:
    """Return reason -> conditions that must hold; the reason that says most comes last."""
    reasons: list[tuple[str, list[str]]] = [("no_price", [])]
    if rows:
        known = matches(cache.price, exact([*dict.fromkeys(map(key_of, rows))]))
        reasons.append(("unknown_tier", [_of_models(rows, cache), f"not {known}"]))
        if named := tuple(row for row in rows if row.names):
            names = [SEPARATOR.join([row.vendor, name]) for row in named for name in row.names]
            parts = f"{attribute('span', 'vendor')}, span.cache[{text('model')}]"
            name = f"Concat([{parts}], {text(SEPARATOR)})"
            unnamed = f"not {matches(name, exact([*dict.fromkeys(names)]))}"
            reasons.append(("unknown_snapshot", [known, _of_models(named, cache), unnamed]))
    for row in rows:
        if row.upto is not None:
            longer = f"{cache.tokens['input']} > {row.upto}"
            reasons.append(("unknown_context", [f"{cache.price} == {text(key_of(row))}", longer]))
    reasons.append(("unknown_modality", [f"{cache.rates} != nil", f"{cache.other} == true"]))
    reasons.append(("no_usage", [f"{cache.usable} == false"]))
    return reasons


def _of_models(rows: tuple[PriceRow, ...], cache: Cache) -> str:
    """Return the condition that a call is of one of the models of these rows, in any tier."""
    models = dict.fromkeys(SEPARATOR.join([row.vendor, row.model, ""]) for row in rows)
    return matches(cache.price, exact([*models]).removesuffix("$"))
