"""Lines of the rendered files that name something."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from imsobs import artifacts
from imsobs.explain.explanation import Row

_LONGEST = 100
_DOCUMENTS = (artifacts.REFERENCE, artifacts.RUNBOOKS)


def lines_with(words: Collection[str], files: Mapping[str, bytes]) -> list[Row]:
    """Return every line that has one of the names, configuration before documents."""
    names = "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))
    # Colons are part of the names of recorded series.
    pattern = re.compile(rf"(?<!\w)(?<!\w:)(?:{names})(?!\w)(?!:\w)")
    ordered = sorted(files, key=lambda path: (path.startswith(_DOCUMENTS), path))
    return [
        Row(_short(line), path, number)
        for path in ordered
        for number, line in enumerate(files[path].decode().splitlines(), start=1)
        if pattern.search(line)
    ]


def _short(line: str) -> str:
    text = " ".join(line.split())
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
