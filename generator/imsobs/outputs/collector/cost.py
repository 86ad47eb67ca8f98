"""Cost of a model call from its usage and the price table, as OTTL statements (ADR 20).

Input tokens include the cached ones, output tokens include reasoning, so
``cost = (input - read - write) * p_input + read * p_read + write * p_write + output * p_output``,
prices being USD per million tokens; audio and image tokens are parts of these with rates of their
own. What was used is put into the cache of a signal, where little else is; one comparison per
row of the table then finds the rates.
"""

from __future__ import annotations

from imsobs.dialects import SERVICE_TIERS
from imsobs.model import Model, conventions
from imsobs.model.labels import exact
from imsobs.model.numbers import fault_mark, largest_drift
from imsobs.model.prices import NO_RATE, STANDARD, STANDARD_WORDS, PriceRow
from imsobs.outputs.collector.ottl import any_of, attribute, decimal, matches, set_to, text
from imsobs.outputs.collector.values import FAULTY
from imsobs.spec.schema.prices import TOKENS, Usage

_PLAIN, _OTHER = TOKENS[:4], TOKENS[4:]
_PER_TOKENS = 1_000_000.0
# Between vendor, model and tier: no label's value has one.
SEPARATOR = "\n"


class Cache:
    """Cache paths of the intermediate results of a cost. context: ``span`` or ``log``."""

    def __init__(self, context: str) -> None:
        self.tokens = {kind: f"{context}.cache[{text(f'cost.{kind}')}]" for kind in TOKENS}
        names = ("price", "other", "usable", "pending", "tier", "rates")
        self.price, self.other, self.usable, self.pending, self.tier, self.rates = (
            f"{context}.cache[{text(f'cost.{name}')}]" for name in names
        )

    def rate(self, kind: str) -> str:
        """Return the path of a rate of the row that was found."""
        return f"{self.rates}[{TOKENS.index(kind)}]"


def reserved(context: str) -> list[str]:
    """Return the first statements of a source or event: they create the first cache entries.

    OTTL searches the cache from its start, and these entries are read most often: the price's
    key by every row of the table, the flags by every kind of tokens.
    """
    cache = Cache(context)
    flags = (cache.other, cache.usable, cache.pending)
    return [set_to(cache.price, text("")), *(set_to(flag, "false") for flag in flags)]


def cost_statements(context: str, usage: Usage, model: Model) -> list[str]:
    """Return statements that set the cost (USD), where there is one.

    context: ``span`` or ``log``; the labels vendor and model, and of spans the outcome, are
    set before, the model's name as it came in is in the cache under ``model``.
    """
    cache, cost = Cache(context), attribute(context, conventions.COST)
    others = any(getattr(usage, kind) for kind in _OTHER)
    statements = _tokens(context, usage, others, cache)
    statements += _price(context, usage, cache)
    statements += [_row(context, row, cache) for row in model.prices]
    plain = f"{cache.rates} != nil and {cache.other} == false"
    statements.append(set_to(cost, _sum(_plain_terms(cache)), plain))
    if others:
        statements.append(set_to(cost, _sum(_all_terms(cache)), _every_rate(cache)))
    for key in reversed(usage.reported_cost):
        path = attribute(context, key)
        statements.append(set_to(cost, f"Double({path})", f"{path} != nil and {path} > 0"))
    return statements


def _tokens(context: str, usage: Usage, others: bool, cache: Cache) -> list[str]:
    """Return statements that count tokens by kind, and return whether the counts are plausible."""

    def counted(kind: str, where: str | None = None) -> str:
        keys = getattr(usage, kind)
        used = f"Coalesce([{attribute(context, keys[0])}, 0])" if keys else "0"
        return set_to(cache.tokens[kind], used, where)

    count = cache.tokens
    statements = [counted(kind) for kind in _PLAIN]
    present = any_of(
        f"{attribute(context, keys[0])} != nil" for keys in (usage.input, usage.output)
    )
    # If one of the counts is invalid, the rest would give only a part of the cost.
    if context == "span":
        marks = [attribute(context, fault_mark(keys[0])) for keys in usage.tokens().values()]
        sound = any_of([f"{FAULTY} == false", " and ".join(f"{mark} == nil" for mark in marks)])
    else:
        sound = f"{attribute(context, conventions.INVALID_EVENT)} == nil"
    whole = f"{count['input']} >= {count['cached_read']} + {count['cache_write']}"
    conditions = [present, sound, whole]
    if others:
        keys_of_others = [getattr(usage, kind) for kind in _OTHER if "cached" not in kind]
        some = any_of(f"{attribute(context, keys[0])} > 0" for keys in keys_of_others if keys)
        there = f"{cache.other} == true"
        statements.append(set_to(cache.other, "true", some))
        statements += [counted(kind, there) for kind in _OTHER]
        parts = " and ".join(f"{left} >= {right}" for left, right in _parts_of_a_whole(cache))
        conditions.append(f"({cache.other} == false or ({parts}))")
    if context == "span":
        # The usage of a cancelled call is that up to then; the vendor may bill more.
        conditions.append(f'{attribute(context, conventions.OUTCOME)} != "cancelled"')
    return [*statements, set_to(cache.usable, "true", " and ".join(conditions))]


def _parts_of_a_whole(cache: Cache) -> list[tuple[str, str]]:
    count = cache.tokens
    return [
        (count["audio_input"], count["audio_cached_read"]),
        (count["image_input"], count["image_cached_read"]),
        (count["cached_read"], f"{count['audio_cached_read']} + {count['image_cached_read']}"),
        (count["output"], f"{count['audio_output']} + {count['image_output']}"),
        (_text_input(cache), "0"),
    ]


def _text_read(cache: Cache) -> str:
    count = cache.tokens
    return f"{count['cached_read']} - {count['audio_cached_read']} - {count['image_cached_read']}"


def _text_input(cache: Cache) -> str:
    """Return the input tokens of text that are neither read from nor written to a cache."""
    count = cache.tokens
    others = ("cache_write", "audio_input", "image_input")
    rest = " - ".join([count["input"], *(count[kind] for kind in others)])
    return f"{rest} - ({_text_read(cache)})"


def _price(context: str, usage: Usage, cache: Cache) -> list[str]:
    """Return what finds the tier of a call, and by it the key of its rows."""
    keys = usage.tier
    if keys is None:
        keys = SERVICE_TIERS if context == "span" else []
    usable = f"{cache.usable} == true"
    statements = [set_to(cache.tier, text(STANDARD))]
    for key in reversed(keys):
        path = attribute(context, key)
        there = f'{path} != nil and {path} != ""'
        statements.append(set_to(cache.tier, f"ToLowerCase(String({path}))", there))
    if keys:
        words = matches(cache.tier, exact(list(STANDARD_WORDS)))
        statements.append(set_to(cache.tier, text(STANDARD), words))
    parts = [attribute(context, "vendor"), attribute(context, "model"), cache.tier]
    key = f"Concat([{', '.join(parts)}], {text(SEPARATOR)})"
    return [*statements, set_to(cache.price, key, usable)]


def key_of(row: PriceRow) -> str:
    """Return the key of a row: vendor, model and tier."""
    return SEPARATOR.join([row.vendor, row.model, row.tier])


def _row(context: str, row: PriceRow, cache: Cache) -> str:
    when = "span.start_time_unix_nano" if context == "span" else "log.time_unix_nano"
    # The key first: it rules out nearly every row.
    conditions = [f"{cache.price} == {text(key_of(row))}"]
    if row.names:
        conditions.append(matches(f"{context}.cache[{text('model')}]", exact(list(row.names))))
    conditions.append(f"{when} >= {row.since}")
    if row.until is not None:
        conditions.append(f"{when} < {row.until}")
    if row.above:
        conditions.append(f"{cache.tokens['input']} > {row.above}")
    if row.upto is not None:
        conditions.append(f"{cache.tokens['input']} <= {row.upto}")
    rates = ", ".join(decimal(rate) for rate in row.rates)
    return set_to(cache.rates, f"[{rates}]", " and ".join(conditions))


def _sum(terms: list[tuple[str, str]]) -> str:
    products = " + ".join(f"Double({tokens}) * {rate}" for tokens, rate in terms)
    return f"({products}) / {decimal(_PER_TOKENS)}"


def _plain_terms(cache: Cache) -> list[tuple[str, str]]:
    count = cache.tokens
    fresh = f"{count['input']} - {count['cached_read']} - {count['cache_write']}"
    return [
        (fresh, cache.rate("input")),
        (count["cached_read"], cache.rate("cached_read")),
        (count["cache_write"], cache.rate("cache_write")),
        (count["output"], cache.rate("output")),
    ]


def _all_terms(cache: Cache) -> list[tuple[str, str]]:
    count = cache.tokens
    output = f"{count['output']} - {count['audio_output']} - {count['image_output']}"
    terms = [
        (_text_input(cache), cache.rate("input")),
        (_text_read(cache), cache.rate("cached_read")),
        (count["cache_write"], cache.rate("cache_write")),
        (output, cache.rate("output")),
    ]
    for kind in ("audio", "image"):
        sent, read = count[f"{kind}_input"], count[f"{kind}_cached_read"]
        terms += [
            (f"{sent} - {read}", cache.rate(f"{kind}_input")),
            (read, cache.rate(f"{kind}_cached_read")),
            (count[f"{kind}_output"], cache.rate(f"{kind}_output")),
        ]
    return terms


def _every_rate(cache: Cache) -> str:
    """Return the condition that audio and image tokens are there, and have a price each."""
    count = cache.tokens
    conditions = [f"{cache.other} == true", f"{cache.rates} != nil"]
    conditions.append(f"Len({cache.rates}) == {len(TOKENS)}")
    for kind in ("audio_input", "audio_output", "image_input", "image_output"):
        priced = f"{cache.rate(kind)} != {decimal(NO_RATE)}"
        conditions.append(f"({count[kind]} == 0 or {priced})")
    return " and ".join(conditions)


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
        set_to(
            drift,
            f"({cost} - {estimate}) / {estimate} * 100.0",
            f"{known} and {cost} >= {estimate}",
        ),
        set_to(
            drift, f"({estimate} - {cost}) / {estimate} * 100.0", f"{known} and {cost} < {estimate}"
        ),
        set_to(attribute("log", conventions.INVALID_EVENT), text("wrong_value"), beyond),
        f"delete_key(log.attributes, {text(conventions.COST_DRIFT)}) where {beyond}",
    ]
