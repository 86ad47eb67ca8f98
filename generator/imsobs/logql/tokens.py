"""LogQL's words."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

from imsobs import expressions

_TOKEN = re.compile(
    r"""(?P<space>\s+|\#[^\n]*)
  |(?P<string>"(?:[^"\\\n]|\\.)*"|`[^`]*`)
  |(?P<duration>\$__(?:auto|interval|range|rate_interval)\b|\$\{__\w+\}|(?:\d+(?:\.\d+)?(?:ns|us|ms|[smhdwy]))+)
  |(?P<size>\d+(?:\.\d+)?(?i:[kmgtpe]i?b|b)\b)
  |(?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)
  |(?P<flag>--[a-z-]+)
  |(?P<name>[A-Za-z_][A-Za-z0-9_]*)
  |(?P<operator>\|=|\|~|!=|!~|=~|==|>=|<=|\|>|!>|[|{}()\[\],=<>+\-*/%^])""",
    re.VERBOSE,
)
_WITH_PATTERN = {"|~", "=~", "!~", "regexp"}
# What Grafana puts in later.
_VARIABLE = re.compile(r"\$(?:\w+|\{[^}]*\})")


class LogQLError(ValueError):
    """A text that is not LogQL: what was found, what was expected, and where (from 0)."""

    def __init__(self, message: str, at: int) -> None:
        super().__init__(message)
        self.at = at


@dataclass(frozen=True)
class Token:
    """A word: its kind (a group of the pattern above), its text, its place (from 0)."""

    kind: str
    text: str
    at: int


def tokenize(text: str) -> list[Token]:
    """Return the words of a query, the last one of kind ``end``; LogQLError for any other sign."""
    tokens: list[Token] = []
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise LogQLError(f'unexpected "{text[at]}"', at)
        kind = match.lastgroup or ""
        if kind != "space":
            tokens.append(Token(kind, match.group(), at))
        at = match.end()
    return [*tokens, Token("end", "", len(text))]


def unquoted(literal: str) -> str:
    """Return the text of a string literal."""
    body = literal[1:-1]
    return body if literal[0] == "`" else re.sub(r"\\(.)", r"\1", body)


def refuse_patterns(tokens: list[Token]) -> None:
    """Raise LogQLError for the first regular expression that Loki does not take."""
    for before, token in pairwise(tokens):
        if before.text in _WITH_PATTERN and token.kind == "string":
            pattern = _VARIABLE.sub("x", unquoted(token.text))
            if fault := expressions.fault(pattern):
                raise LogQLError(f"pattern {token.text} is not valid: {fault}", token.at)
