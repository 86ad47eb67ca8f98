"""What a rule looks for: a vendor's name before a value, or how a token begins."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from re import _constants as op  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

# What gitleaks' generator writes around the identifier and the value of a rule of this kind.
_BEFORE = r"[\w.-]{0,50}?"
_BETWEEN = r"""(?:[ \t\w.-]{0,20})[\s'"]{0,3}"""
_ASSIGNED = r"""(?:=|>|:{1,3}=|\|\||:|=>|\?=|,)[\x60'"\s=]{0,5}("""
_END = r"""(?:[\x60'"\s;]|\\[nr]|$)"""
# As many ways as a token may begin.
_MOST_BEGINNINGS = 24
_SMALL_CLASS = 4
# Beginnings of fewer characters, and of lower-case letters alone, also begin ordinary words.
_SHORTEST = 3


@dataclass(frozen=True)
class Beginning:
    """How a token begins. rest: characters that follow at least. fold: in any case."""

    text: str
    rest: int
    fold: bool


def names(regex: str) -> list[str] | None:
    """Return the vendor's names of a rule that looks for them before a value, else None.

    ``_`` in a name may be written in other ways, or left out.
    """
    if _ASSIGNED not in regex:
        return None
    head = regex.split(_ASSIGNED, 1)[0].replace(_BETWEEN, "").replace(_BEFORE, "")
    # snyk[_.-]?(...)?key: what it begins with is enough.
    head = re.sub(r"([a-z]{3,})\[_\.-\]\?.*", r"\1", head)
    inner = re.sub(r"\(\?-?i\)|\(\?-?i?:|\(|\)(?!\?)", "", head)
    # [Aa]tlassian|ATLASSIAN: one name in any case.
    # snyk[_.-]?(...)?key: what it begins with is enough.
    head = re.sub(r"([a-z]{3,})\[_\.-\]\?.*", r"\1", head)
    inner = re.sub(r"\[([A-Z])([a-z])\]", lambda found: found[2], inner)
    plain = [name.strip(",").lower() for name in inner.split("|")]
    return sorted({re.sub(r"(?:\[_-\]\?|[_-])+", "_", name) for name in plain})


def parsed(regex: str) -> tuple[list[Any], bool]:
    """Return the parsed expression and whether it ignores case as a whole."""
    text = regex.replace(r"\z", r"\Z").replace("[[:alnum:]]", "[A-Za-z0-9]")
    tree = parser.parse(_scoped(text))
    return list(tree), bool(tree.state.flags & re.IGNORECASE)


def _scoped(text: str) -> str:
    """Return the expression with each ``(?i)`` inside it as a group of its own."""
    while (place := text.find("(?i)", 1)) > 0:
        depth, end = 0, place + 4
        while end < len(text) and depth >= 0:
            if text[end] == "\\":
                end += 1
            else:
                depth += {"(": 1, ")": -1}.get(text[end], 0)
            end += 1
        end -= depth < 0
        text = f"{text[:place]}(?i:{text[place + 4 : end]}){text[end:]}"
    return text


def beginnings(regex: str) -> list[Beginning] | None:
    """Return how the tokens of a rule begin, or None when that does not follow."""
    tree, fold = parsed(regex.removesuffix(_END))
    try:
        found = list(_walk(tree, fold))
    except ValueError:
        return None
    telling = all(
        len(one.text) >= _SHORTEST and not re.fullmatch("[a-z]+", one.text) for one in found
    )
    return found if telling and len(found) <= _MOST_BEGINNINGS else None


def _walk(items: list[Any], fold: bool) -> Iterator[Beginning]:
    """Yield the beginnings of a sequence of parsed items."""
    texts = [""]
    for place, (code, given) in enumerate(items):
        rest = items[place + 1 :]
        if code is op.AT:
            continue
        if code is op.LITERAL:
            texts = [text + chr(given) for text in texts]
        elif code is op.IN and 0 < len(chars := _class(given)) <= _SMALL_CLASS:
            texts = [text + char for text in texts for char in chars]
        elif code is op.SUBPATTERN and not (given[1] and any(texts)):
            inner = [*given[3], *rest]
            for text, one in itertools.product(texts, _walk(inner, fold or bool(given[1]))):
                yield Beginning(text + one.text, one.rest, one.fold)
            return
        elif code is op.BRANCH:
            for text, branch in itertools.product(texts, given[1]):
                for one in _walk([*branch, *rest], fold):
                    yield Beginning(text + one.text, one.rest, one.fold)
            return
        else:
            shortest = _width(items[place:])
            yield from (Beginning(text, shortest, fold) for text in texts)
            return
    yield from (Beginning(text, 0, fold) for text in texts)


def _width(items: list[Any]) -> int:
    """Return how many characters a sequence matches at least."""
    total = 0
    for code, given in items:
        if code in (op.LITERAL, op.IN, op.NOT_LITERAL, op.ANY):
            total += 1
        elif code in (op.MAX_REPEAT, op.MIN_REPEAT):
            total += given[0] * _width(list(given[2]))
        elif code is op.SUBPATTERN:
            total += _width(list(given[3]))
        elif code is op.BRANCH:
            total += min(_width(list(branch)) for branch in given[1])
        elif code is not op.AT:
            raise ValueError(f"{code} is not expected here")
    return total


def _class(given: list[Any]) -> list[str]:
    """Return the characters of a class when it lists them one by one, else none."""
    if not all(code is op.LITERAL for code, _ in given):
        return []
    return [chr(char) for _, char in given]
