"""Expressions for several texts that Go tries in few attempts.

Go's regexp tries, at each character, every alternative that may begin there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

_WORD = re.compile(r"(\(\?i\))?\\b(.*)", re.DOTALL)


def behind_word(pattern: str) -> str | None:
    """Return what a pattern wants behind the beginning of a word, None where that is not all."""
    found = _WORD.fullmatch(pattern)
    if found is None or _has_alternatives(found[2]):
        return None
    return f"(?i:{found[2]})" if found[1] else found[2]


def _has_alternatives(pattern: str) -> bool:
    """Tell whether a pattern is several, outside of any group."""
    bare = re.sub(r"\\.", "", pattern)
    bare = re.sub(r"\[\^?\]?[^\]]*\]", "", bare)
    while bare != (inner := re.sub(r"\([^()]*\)", "", bare)):
        bare = inner
    return "|" in bare


def any_of(
    texts: Sequence[str], neighbours: Sequence[str], shortest: int, write: Callable[[str], str]
) -> str:
    """Return one expression for several texts, whose first characters share classes.

    What is accepted besides, ``xhp_`` for ``ghp_``, must be no word either: short texts are left
    as they are. neighbours: characters that share a class. shortest: characters that a text needs
    for that. write: turns a text into an expression.
    """
    classes: dict[str, list[str]] = {}
    alone = []
    for text in sorted(texts):
        group = next((g for g in neighbours if text[0] in g), "")
        if group and len(text) >= shortest:
            classes.setdefault(group, []).append(text)
        else:
            alone.append(write(text))
    shared = []
    for members in classes.values():
        firsts = "".join(sorted({text[0] for text in members}))
        rests = "|".join(sorted({write(text[1:]) for text in members}))
        shared.append(f"[{firsts}](?:{rests})" if len(firsts) > 1 else f"{firsts}(?:{rests})")
    return f"(?:{'|'.join([*alone, *shared])})"
