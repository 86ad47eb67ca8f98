"""Characters that no text of a spec may hold, because they show other than what is there.

Control characters end or forge lines in configuration and on terminals; directional marks
make a reader see another order (CVE-2021-42574, "Trojan Source"); invisible characters make
two names look alike. What joins letters and emoji (U+200C, U+200D, U+FE0F) is allowed.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

# C0 without tab and newline, DEL, C1; surrogates; noncharacters.
_CONTROL = "\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff"
# Marks of direction, line and paragraph separators.
_DIRECTION = "\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069"
# Of no width: soft hyphen, spaces, word joiner, byte order mark, annotations, tags.
_INVISIBLE = "\u00ad\u180e\u200b\u2060-\u2065\u206a-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f"
_FORBIDDEN = re.compile(f"[{_CONTROL}{_DIRECTION}{_INVISIBLE}]")
_FORBIDDEN_IN_KEY = re.compile(f"[{_CONTROL}{_DIRECTION}{_INVISIBLE}\t\n]")


def forbidden(text: str, *, key: bool = False) -> str | None:
    """Return the name of the first forbidden character of a text, or of a key, else None."""
    found = (_FORBIDDEN_IN_KEY if key else _FORBIDDEN).search(text)
    return named(found.group()) if found else None


def named(character: str) -> str:
    """Return a character's code point, and its name where it has one: ``U+202E (...)``."""
    name = unicodedata.name(character, "")
    return f"U+{ord(character):04X}" + (f" ({name.lower()})" if name else "")


def places(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield line, column (from 1) and name of the first forbidden character of each line."""
    # Few characters are different: looking at each once is a tenth of a search.
    found = {character for character in set(text) if _FORBIDDEN.match(character)}
    if not found - {"\r"}:
        return
    for number, line in enumerate(text.split("\n"), start=1):
        for column, character in enumerate(line.removesuffix("\r"), start=1):
            if character in found:
                yield number, column, named(character)
                break
