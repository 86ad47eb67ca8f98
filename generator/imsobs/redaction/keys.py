"""Names under which secrets stand: the spec's ``redaction.keys``, however they are written."""

from __future__ import annotations

from collections.abc import Sequence

# Tokens are a unit too: what is told of how many there are, or may be, is no secret.
COUNTED = (
    r"[tT](?:oken|OKEN)[_.-]?(?i:budget|cost|counts?|details|kind|limits?|price|rate|total|types?|"
    r"usage|used)(?:$|[^A-Za-z])"
)


# A name like any of the spec's, but no word of which more is told: auth.method is no secret.
LAST_WORD = "auth"


def spelling(key: str) -> str:
    """Return every spelling of one name: ``api_key``, ``apiKey``, ``api-key``, ``API KEY``."""
    return key.replace("_", "[ _.-]?")


def spellings(keys: Sequence[str]) -> str:
    """Return alternatives of every spelling: ``api_key``, ``apiKey``, ``x-api-key``, ``API KEY``.

    Sorted: RE2 tries a beginning that neighbours share once, and it tries at every character.
    """
    return "|".join(spelling(key) for key in sorted(keys))


def key_pattern(keys: Sequence[str]) -> str:
    """Return the pattern of keys whose whole value is a secret.

    The name ends the key (``userPassword``), or is a word in it (``db.password.old``,
    ``tokenValue``); in ``tokenizer`` it is neither.
    """
    return rf"(?i:{spellings(keys)})(?:$|[^A-Za-z]|[A-Z][a-z])|(?i:{LAST_WORD}|[_.-]pass)$"
