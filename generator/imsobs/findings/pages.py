"""The page of each check: what it wants, with what is wrong and what is right (docs/checks)."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "data/checks"
_SECTION = re.compile(r"^## ([a-z]+/[a-z0-9-]+)$", re.MULTILINE)


@dataclass(frozen=True)
class Page:
    """One check. text: Markdown; path: of its page in the repository."""

    check: str
    text: str
    path: str

    @property
    def summary(self) -> str:
        """The first paragraph as one line."""
        return " ".join(self.text.split("\n\n")[0].split())


@functools.cache
def pages() -> dict[str, Page]:
    """Return the id of each check -> its page."""
    found = {}
    for file in sorted(FOLDER.glob("*.md")):
        _, *parts = _SECTION.split(file.read_text(encoding="utf-8"))
        for check, text in zip(parts[::2], parts[1::2], strict=True):
            found[check] = Page(check, text.strip(), f"docs/checks/{file.name}")
    return found
