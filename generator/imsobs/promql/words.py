"""The words of an expression, in the order of its text."""

from __future__ import annotations

import re
from dataclasses import dataclass

_WORD = re.compile(
    r"""(?P<space>\s+|\#[^\n]*)
  |(?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`)
  |(?P<range>\[[^\]]*\])
  |(?P<variable>\$\w+|\$\{\w+(?::\w+)?\})
  |(?P<number>\d[\w.]*|\.\d[\w.]*)
  |(?P<name>[A-Za-z_:][\w:]*)
  |(?P<operator>==|!=|=~|!~|>=|<=|[-+*/%^<>=])
  |(?P<sign>.)""",
    re.VERBOSE | re.DOTALL,
)
AGGREGATIONS = {
    "sum", "avg", "count", "min", "max", "group", "stddev", "stdvar", "topk", "bottomk",
    "count_values", "quantile", "limitk", "limit_ratio",
}  # fmt: skip
WORD_OPERATORS = {"and", "or", "unless", "atan2"}
GROUPS = {"by", "without"}
MATCHES = {"on", "ignoring", "group_left", "group_right"}


@dataclass(frozen=True)
class Word:
    """A word of an expression: its kind (a group of the pattern), its text, its place (from 0)."""

    kind: str
    text: str
    at: int


def words(expression: str) -> list[Word]:
    """Return the words of an expression, without spaces and comments."""
    return [
        Word(match.lastgroup or "", match.group(), match.start())
        for match in _WORD.finditer(expression)
        if match.lastgroup != "space"
    ]
