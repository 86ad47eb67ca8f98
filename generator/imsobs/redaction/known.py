"""Known secrets: the rules of gitleaks, compiled into one expression.

The data (data/redaction/known_secrets.yaml) belongs to the program and is made by a command from
the rules of one release: release/secret_rules.
"""

from __future__ import annotations

import functools
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field

from imsobs.redaction.attempts import Texts, any_of
from imsobs.redaction.texts import FURTHER_LOOKS, LOOKS

FOLDER = Path(__file__).resolve().parents[1] / "data/redaction"
FILE = FOLDER / "known_secrets.yaml"

# Where a token may begin: at a word, and behind what escapes a character before it.
_START = r"(?:\b|[_%\\](?:[0-9A-Fnrt][0-9A-F]?|u00[0-9a-f]{2})?)"
_BODY = r"[\w.=/+~%-]"
# What stands between the name of a vendor and the value that is given to it.
_GIVEN = r"""[ \t\w.-]*[\s'"\\]*(?:[.+?:]{0,3}=>?|:|\|\||>|,|%3[ad])[\x60'"\s=\\]*"""
# A random value: long and no URL, of letters and digits alone, or in two parts.
_RANDOM = (
    r"(?:[\w=.+%-]{30,}|[\w=/+-]{80,}|[a-z0-9]{14,}|[0-9]{5,16}:[\w-]{30,}|[a-f0-9]{8}:[a-f0-9]{8})"
)


# First characters that share a class.
_NEIGHBOURS = ("abcd", "efgh", "ijklmno", "pqr", "suvxyz", "t", "ACEFGHLPS")


class Known(BaseModel):
    """The data; the comment at its top says what each key means."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: dict[str, str]
    names: list[str] = Field(min_length=1)
    long: list[str]
    short: list[str]
    whole: list[str]
    rules: dict[str, str]


@functools.cache
def known() -> Known:
    """Return what is known of secrets."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return Known.model_validate(yaml.load(FILE.read_text("utf-8"), loader))  # noqa: S506


def at_words(further: list[str]) -> str:
    """Return the pattern of what begins at a word: known secrets, and ``further``.

    further: expressions of what follows the beginning of the word. They are one expression,
    because a word's beginning is then looked for once.
    """
    data = known()
    # At least a capital or a digit: words joined by _ or - are no token.
    kinds = (
        Texts(data.long, rf"[a-z_.-]*[A-Z0-9]{_BODY}{{15,}}"),
        Texts(data.short, rf"[a-z_.-]*[A-Z0-9]{_BODY}{{6,}}"),
        Texts(data.whole),
        *(Texts([begins], then, shortest=2) for begins, then in LOOKS.items()),
        Texts(data.names, _GIVEN + _RANDOM, any_case=True, shortest=3, write=_name),
    )
    return rf"{_START}(?:{'|'.join([*further, *FURTHER_LOOKS, *any_of(kinds, _NEIGHBOURS)])})"


def _name(text: str) -> str:
    return text.replace("_", "[_-]*")
