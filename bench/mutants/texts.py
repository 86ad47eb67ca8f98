"""Mutations inside texts: the operators, functions and numbers of PromQL, LogQL and OTTL."""

from __future__ import annotations

import re
from collections.abc import Iterator

# What stands between spaces, or at the end of a piece of an f-string.
_OPERATORS = {
    "*": "/",
    "/": "*",
    "+": "-",
    "-": "+",
    ">": ">=",
    ">=": ">",
    "<": "<=",
    "<=": "<",
    "==": "!=",
    "!=": "==",
}
_WORDS = {
    "and": "or",
    "or": "and",
    "unless": "and",
    "sum": "max",
    "max": "min",
    "min": "max",
    "avg": "sum",
    "count": "sum",
    "increase": "rate",
    "rate": "increase",
    "by": "without",
    "on": "ignoring",
    "not": "",
    "true": "false",
    "false": "true",
    "anchored": "",
    "topk": "bottomk",
    "sum_over_time": "max_over_time",
    "avg_over_time": "sum_over_time",
    "max_over_time": "min_over_time",
}
_OPERATOR = re.compile(r"(?<![^\s])(\*|/|\+|-|>=|>|<=|<|==|!=)(?![^\s])")
_WORD = re.compile(r"(?<![\w.\"$/-])(" + "|".join(_WORDS) + r")(?![\w.\"/-])")
_MATCHER = re.compile(r"=~|!~")
# A number or a duration, but no part of a name, a pattern or a quoted text.
_NUMBER = re.compile(r"(?<![\w.$\[{^\"-])(\d+)(?:\.0)?(?=(?:ms|[smhdw])?(?![\w.\-}\"]))")
_NAME = re.compile(r"[\w.:/$%#-]*\w[\w.:/$%#-]*")
_DURATION = re.compile(r"(\d+)(ms|[smhdw])")
_RANGE = re.compile(r"(?<=\[)(\d+)(?=(?:ms|[smhdw])[\]:])")
# Words of queries, which do not make a sentence.
_KEYWORDS = {*_WORDS, "where", "set", "nil", "group_left", "offset", "scalar", "vector"}


def is_prose(text: str) -> bool:
    """Return whether a text is for people: three words in a row, or a sentence's end."""
    if re.match(r"[A-Z][a-z]+,? [a-z{]", text) or re.search(r"[a-z}]\.( |$)", text):
        return True
    words = re.findall(r"(?=\b([A-Za-z]{2,}),? ([a-z]{2,}),? ([a-z]{2,})\b)", text)
    return any(not _KEYWORDS & set(found) for found in words)


def in_query(text: str) -> Iterator[tuple[str, str]]:
    """Yield (what is changed, the changed text) for a query or a part of one."""
    for pattern, table in ((_OPERATOR, _OPERATORS), (_WORD, _WORDS)):
        for found in pattern.finditer(text):
            # Alone it is what is looked for in a text, or put between texts.
            if found[0] != text:
                yield _changed(text, found, table[found[1]])
    for found in _MATCHER.finditer(text):
        yield _changed(text, found, {"=~": "!~", "!~": "=~"}[found[0]])
    for pattern in (_NUMBER, _RANGE):
        for found in pattern.finditer(text):
            yield _changed(text, found, str(int(found[1]) + 1) + found[0][len(found[1]) :])


def of_name(text: str) -> Iterator[tuple[str, str]]:
    """Yield the mutation of a name, a path or a duration that stands alone."""
    if duration := _DURATION.fullmatch(text):
        yield (
            f"{text} -> {int(duration[1]) + 1}{duration[2]}",
            f"{int(duration[1]) + 1}{duration[2]}",
        )
    elif len(text) > 1 and _NAME.fullmatch(text):
        yield f"{text} -> {text}_x", f"{text}_x"


def _changed(text: str, found: re.Match[str], new: str) -> tuple[str, str]:
    start, end = found.span()
    around = text[max(0, start - 12) : end + 12].replace("\n", " ").strip()
    return f"{found[0]} -> {new or 'nothing'} in {around!r}", text[:start] + new + text[end:]
