"""Cost of a model call from its token usage and the price table, as OTTL statements.

Input tokens include the cached ones, output tokens include reasoning, so
``cost = (input - read - write) * p_input + read * p_read + write * p_write + output * p_output``,
prices being USD per million tokens. A call without a price or without usable token counts
is marked with the reason and never vanishes.
"""

from __future__ import annotations

from imsobs.model import conventions
from imsobs.model.numbers import fault_mark, largest_drift
from imsobs.model.signals import PriceRow
from imsobs.outputs.collector.ottl import any_of, attribute, decimal, set_to, text
from imsobs.spec.schema.signals import Usage

_KINDS = ("input", "output", "cached_read", "cache_write")
_PER_TOKENS = 1_000_000.0


def cost_statements(context: str, usage: Usage, prices: tuple[PriceRow, ...]) -> list[str]:
    """Return statements that set the cost (USD), or the reason why there is none.

    context: ``span`` or ``log``; the labels vendor, model and outcome are set before.
    """
    count = {kind: attribute(context, f"ims.tokens.{kind}") for kind in _KINDS}
    usable = attribute(context, "ims.tokens.usable")
    cost = attribute(context, conventions.COST)
    statements: list[str] = []
    tokens = usage.tokens()
    for kind in _KINDS:
        statements.append(set_to(count[kind], "0"))
        if kind in tokens:
            source = attribute(context, tokens[kind][0])
            statements.append(set_to(count[kind], source, f"{source} != nil"))
    present = any_of(
        f"{attribute(context, keys[0])} != nil" for keys in (usage.input, usage.output)
    )
    # Of numbers that cannot be, those that can be are no whole cost.
    faults = (
        [attribute(context, fault_mark(keys[0])) for keys in tokens.values()]
        if context == "span"
        else [attribute(context, conventions.INVALID_EVENT)]
    )
    sound = " and ".join(f"{mark} == nil" for mark in faults)
    whole = f"{count['input']} >= {count['cached_read']} + {count['cache_write']}"
    counted = f"{present} and {sound} and {whole}"
    if context == "span":
        # What came before somebody stopped listening is not what the vendor bills.
        counted += f' and {attribute(context, conventions.OUTCOME)} != "cancelled"'
    statements.append(set_to(usable, "true", counted))
    statements += [_price(context, row, count, usable, cost) for row in prices]
    if context == "span":
        statements += _unpriced(context, usable, cost)
    return statements


def _price(context: str, row: PriceRow, count: dict[str, str], usable: str, cost: str) -> str:
    fresh = f"{count['input']} - {count['cached_read']} - {count['cache_write']}"
    value = (
        f"(Double({fresh}) * {decimal(row.input)}"
        f" + Double({count['cached_read']}) * {decimal(row.cached_read)}"
        f" + Double({count['cache_write']}) * {decimal(row.cache_write)}"
        f" + Double({count['output']}) * {decimal(row.output)}) / {decimal(_PER_TOKENS)}"
    )
    when = "span.start_time_unix_nano" if context == "span" else "log.time_unix_nano"
    condition = (
        f"{usable} == true and {attribute(context, 'vendor')} == {text(row.vendor)}"
        f" and {attribute(context, 'model')} == {text(row.model)}"
        f" and {when} >= {row.since_unix_nano}"
    )
    return set_to(cost, value, condition)


def _unpriced(context: str, usable: str, cost: str) -> list[str]:
    reason = attribute(context, conventions.UNPRICED_REASON)
    # A vendor bills what it answered, whether or not somebody waited for the end.
    succeeded = f'{attribute(context, conventions.OUTCOME)} != "error"'
    return [
        f"delete_key({context}.attributes, {text(conventions.UNPRICED_REASON)})",
        set_to(reason, text("no_price"), f"{succeeded} and {cost} == nil"),
        set_to(reason, text("no_usage"), f"{succeeded} and {usable} == nil"),
    ]


def drift_statements(estimate_key: str) -> list[str]:
    """Return statements that set the drift of a priced event, in percent of its estimate.

    ``|actual - estimated| / estimated * 100``; an estimate of zero has no drift. An estimate
    so small that the drift could not be summed makes the event invalid.
    """
    estimate, cost = attribute("log", estimate_key), attribute("log", conventions.COST)
    drift = attribute("log", conventions.COST_DRIFT)
    known = f"{estimate} != nil and {estimate} > 0.0 and {cost} != nil"
    beyond = f"{drift} != nil and {drift} > {decimal(largest_drift())}"
    return [
        set_to(estimate, f"Double({estimate})", f"IsInt({estimate})"),
        set_to(
            drift,
            f"({cost} - {estimate}) / {estimate} * 100.0",
            f"{known} and {cost} >= {estimate}",
        ),
        set_to(
            drift, f"({estimate} - {cost}) / {estimate} * 100.0", f"{known} and {cost} < {estimate}"
        ),
        set_to(attribute("log", conventions.INVALID_EVENT), "true", beyond),
        f"delete_key(log.attributes, {text(conventions.COST_DRIFT)}) where {beyond}",
    ]
