"""Expressions for several texts that Go tries in few attempts.

Go's regexp tries, at each character, every alternative that may begin there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass


def escaped(text: str) -> str:
    """Return the expression of a text as it is."""
    return re.escape(text).replace(r"\-", "-")


_WORD = re.compile(r"(\(\?i\))?\\b(.*)", re.DOTALL)


def behind_word(pattern: str) -> str | None:
    """Return what a pattern wants behind the beginning of a word, None where that is not all."""
    found = _WORD.fullmatch(pattern)
    if found is None or _has_alternatives(found[2]):
        return None
    return f"(?i:{found[2]})" if found[1] else found[2]


def _has_alternatives(pattern: str) -> bool:
    """Return whether a pattern is several, outside of any group."""
    bare = re.sub(r"\\.", "", pattern)
    bare = re.sub(r"\[\^?\]?[^\]]*\]", "", bare)
    while bare != (inner := re.sub(r"\([^()]*\)", "", bare)):
        bare = inner
    return "|" in bare


@dataclass(frozen=True)
class Texts:
    """Texts to look for, and what must follow each of them.

    then: an expression. any_case: all of it in capitals or not. shortest: characters that a text
    needs to be no word without its first. write: turns a text into an expression.
    """

    texts: Sequence[str]
    then: str = ""
    any_case: bool = False
    shortest: int = 4
    write: Callable[[str], str] = escaped

    def rest(self, texts: Sequence[str]) -> str:
        """Return the expression of some of the texts, and of what follows."""
        found = f"(?:{'|'.join(sorted({self.write(text) for text in texts}))}){self.then}"
        return f"(?i:{found})" if self.any_case else found


def any_of(kinds: Sequence[Texts], neighbours: Sequence[str]) -> list[str]:
    """Return alternatives for several texts, whose first characters share classes.

    What is accepted besides, ``xhp_`` for ``ghp_``, must be no word either: short texts are left
    as they are. neighbours: characters that share a class.
    """
    alone: list[str] = []
    classes: dict[str, list[tuple[str, str]]] = {}
    for kind in kinds:
        groups: dict[str, list[str]] = {}
        for text in kind.texts:
            group = next((g for g in neighbours if text[0] in g), "")
            groups.setdefault(group if len(text) >= kind.shortest else "", []).append(text)
        if short := groups.pop("", None):
            alone.append(kind.rest(short))
        for group, texts in groups.items():
            firsts = "".join(text[0] for text in texts)
            firsts += firsts.upper() if kind.any_case else ""
            classes.setdefault(group, []).append((firsts, kind.rest([t[1:] for t in texts])))
    shared = []
    for members in classes.values():
        firsts = "".join(sorted({char for chars, _ in members for char in chars}))
        shared.append(f"[{firsts}](?:{'|'.join(rest for _, rest in members)})")
    return [*alone, *shared]
