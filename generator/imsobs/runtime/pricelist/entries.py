"""The list as prices per million tokens. What it says is foreign: checked, entry by entry."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from imsobs.errors import ExitCode, ImsobsError
from imsobs.model.prices import STANDARD, STANDARD_WORDS
from imsobs.runtime.pricelist.fetch import Provider, price_list

_MOST_ENTRIES = 100_000
_LONGEST_NAME = 128
_LONGEST_SHOWN = 60
# A million tokens for a million USD, which is also the most that the spec takes.
_MOST = Decimal(1)
_MILLION = Decimal(1_000_000)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@/-]*")
# Key of the list -> kind of tokens.
_KINDS = {
    "input_cost_per_token": "input",
    "output_cost_per_token": "output",
    "cache_read_input_token_cost": "cached_read",
    "cache_creation_input_token_cost": "cache_write",
    "input_cost_per_audio_token": "audio_input",
    "output_cost_per_audio_token": "audio_output",
    "cache_read_input_audio_token_cost": "audio_cached_read",
    "input_cost_per_image_token": "image_input",
    "output_cost_per_image_token": "image_output",
    "cache_read_input_image_token_cost": "image_cached_read",
}
_KEY = re.compile(
    rf"({'|'.join(_KINDS)})(?:_above_([1-9]\d{{0,5}})k_tokens)?(?:_(?P<tier>[a-z]{{1,24}}))?"
)

Rates = dict[str, Decimal]
# Tier -> input tokens that a call has more than -> kind of tokens -> USD per million.
Table = dict[str, dict[int, Rates]]


@dataclass(frozen=True)
class Entry:
    """What the list says of one name of a model. source: where it says it has that from."""

    provider: str
    name: str
    table: Table
    source: str | None


@dataclass
class Read:
    """The entries that can be used, and what is odd about others: one line each."""

    entries: list[Entry] = field(default_factory=list)
    odd: list[str] = field(default_factory=list)


def read(content: bytes) -> Read:
    """Return the entries of the providers that are known; exit code 2 when it is no list."""
    found = Read()
    data = _parsed(content, found)
    if not isinstance(data, dict) or not all(isinstance(entry, dict) for entry in data.values()):
        raise ImsobsError("the list is no mapping of names to entries", exit_code=ExitCode.INPUT)
    if len(data) > _MOST_ENTRIES:
        raise ImsobsError(
            f"the list has {len(data)} entries; at most {_MOST_ENTRIES}", exit_code=ExitCode.INPUT
        )
    for name, entry in data.items():
        provider = entry.get("litellm_provider")
        known = price_list().providers.get(provider) if isinstance(provider, str) else None
        if known is not None:
            _add(name, entry, known, found)
    return found


def _parsed(content: bytes, found: Read) -> Any:
    def mapping(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        once = dict(pairs)
        if len(once) < len(pairs):
            twice = {name for name, times in Counter(key for key, _ in pairs).items() if times > 1}
            found.odd += [f"{_cut(name)}: stands twice, the last one counts" for name in twice]
        return once

    try:
        # As decimals: a price is what is written, not the nearest binary fraction.
        return json.loads(
            content.decode("utf-8"),
            parse_float=_decimal,
            parse_int=_decimal,
            parse_constant=Decimal,
            object_pairs_hook=mapping,
        )
    except (ValueError, RecursionError) as error:
        raise ImsobsError(f"the list is no JSON: {error}", exit_code=ExitCode.INPUT) from error


def _decimal(text: str) -> Decimal | str:
    """Return a number, or its text when no decimal is so large or so small."""
    try:
        return Decimal(text)
    except ArithmeticError:
        return text


def _add(name: str, entry: dict[str, Any], provider: Provider, found: Read) -> None:
    bare = name.removeprefix(provider.prefix)
    if len(bare) > _LONGEST_NAME or not _NAME.fullmatch(bare):
        found.odd.append(f"{_cut(name)}: no name of a model")
        return
    table: Table = {}
    for key, value in entry.items():
        match = _KEY.fullmatch(key)
        if match is None:
            continue
        price = _per_million(value)
        if price is None:
            found.odd.append(f"{name}: {key} is no price: {_cut(value)}")
            return
        kind, step, tier = match.groups()
        tier = STANDARD if tier is None else price_list().tiers.get(tier, tier)
        if match["tier"] is not None and tier in STANDARD_WORDS:
            found.odd.append(f"{name}: {key} is a tier for calls of no tier")
            return
        rates = table.setdefault(tier, {}).setdefault(int(step or 0) * 1000, {})
        rates[_KINDS[kind]] = price
    table = _whole(table, entry.get("mode"))
    if STANDARD in table:
        source = entry.get("source")
        url = (
            source
            if isinstance(source, str) and re.fullmatch(r"https://[!-~]{4,300}", source)
            else None
        )
        found.entries.append(Entry(provider.name, bare, table, url))


def _per_million(value: object) -> Decimal | None:
    """Return USD per million tokens of what must be USD per token, else None."""
    if not isinstance(value, Decimal) or not value.is_finite() or not 0 <= value <= _MOST:
        return None
    # More digits than that are no price; and an exponent may be written that fills memory.
    exponent = value.as_tuple().exponent
    if not isinstance(exponent, int) or not -18 <= exponent <= 18:
        return None
    return value * _MILLION


def _cut(value: object) -> str:
    """Return a foreign value as it may stand in a line."""
    if isinstance(value, dict | list):
        return "a list" if isinstance(value, list) else "a mapping"
    text = str(value)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."


def _whole(table: Table, mode: object) -> Table:
    """Return the tiers that have a price for input and output; embeddings answer no tokens."""
    if mode == "embedding":
        for steps in table.values():
            for rates in steps.values():
                rates.setdefault("output", Decimal(0))
    whole: Table = {}
    for tier, steps in table.items():
        kept = {
            step: rates
            for step, rates in sorted(steps.items())
            if {"input", "output"} <= set(rates)
        }
        if 0 in kept:
            whole[tier] = kept
    return whole
