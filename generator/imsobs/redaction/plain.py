"""Texts that can hold no secret, and need not be searched.

Most of what telemetry consists of are numbers, addresses and a few plain words (``cache lookup``,
``POST /v1/agents/{agent_id}``, ``gpt-4o``). One look at each tells them, where the search for
secrets looks many times. What counts as plain is narrow enough that no expression of the search
matches it: no = : @ or quote, no word that mixes capitals with others, words of at most 16
letters, and digits in small groups.

Written so that Go can execute them in one pass: at each character at most one way to go on.
"""

from __future__ import annotations

# Numbers as they are written by JSON, up to what a nanosecond or a hash needs; addresses.
NUMBER = r"^-?[0-9]{1,12}(?:\.[0-9]{1,25})?(?:e[+-]?[0-9]{1,3})?$"
ADDRESS = r"^[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}(?::[0-9]{1,5})?$"
UUID = r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"
_APART = r"[ ._/?(){},]"
_MORE = rf"[a-z]{{1,14}}[0-9]?(?:{_APART}|-|$)"
# Words of lower-case letters, perhaps with a digit, of capitals, and numbers of up to three digits.
# A dash follows none of one letter, none with k in the second place and no sign, lest sk-... and
# --password begin.
WORDS = (
    rf"^(?:{_APART}"
    rf"|[0-9](?:{_APART}|$|[a-z](?:{_APART}|-|$)|[0-9]{{1,2}}(?:{_APART}|$))"
    rf"|[A-Z][A-Z]{{1,7}}(?:{_APART}|$)"
    rf"|[a-z](?:[0-9]?(?:{_APART}|$)"
    rf"|k(?:[0-9]?(?:{_APART}|$)|{_MORE})"
    rf"|[a-jl-z](?:[0-9]?(?:{_APART}|-|$)|{_MORE})))*$"
)


def patterns() -> list[str]:
    """Return the patterns of texts that are not searched."""
    return [WORDS, NUMBER, ADDRESS, UUID]
