"""An explanation: titled rows, each with its place; printed as lines or JSON."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

from imsobs.problems import KeyPath
from imsobs.spec.load import Document

# Rows of one file of a section that are printed; JSON has all.
_MOST = 5


@dataclass(frozen=True)
class Row:
    """One fact. file, line: its place, empty and 0 where it has none."""

    text: str
    file: str = ""
    line: int = 0

    @property
    def place(self) -> str:
        """Return ``file:line``, or nothing."""
        return f"{self.file}:{self.line}" if self.file else ""


def placed(text: str, document: Document, path: KeyPath) -> Row:
    """Return a row that stands at a key path of the spec."""
    found = document.locate(path)
    return Row(" ".join(text.split()), found.file, found.line)


@dataclass(frozen=True)
class Explanation:
    """What is known of one name. sections: title -> rows, in the order in which they are read."""

    kind: str
    name: str
    head: Row
    sections: dict[str, list[Row]]

    def with_section(self, title: str, rows: list[Row]) -> Explanation:
        """Return the explanation with one more section at its end."""
        return replace(self, sections={**self.sections, title: rows})

    def lines(self) -> Iterator[tuple[str, str]]:
        """Yield (text, place) of each line; sections without rows are left out."""
        yield f"{self.kind} {self.name}", self.head.place
        yield f"  {self.head.text}", ""
        for title, rows in self.sections.items():
            if rows:
                yield title, ""
            for _, group in groupby(rows, key=lambda row: row.file):
                these = list(group)
                for row in these[: _MOST if title == "rendered" else len(these)]:
                    yield f"  {row.text}", row.place
                if title == "rendered" and len(these) > _MOST:
                    yield f"  and {len(these) - _MOST} more lines of {these[0].file}", ""

    def data(self) -> dict[str, Any]:
        """Return the explanation as JSON."""
        return {
            "kind": self.kind,
            "name": self.name,
            "description": self.head.text,
            "file": self.head.file,
            "line": self.head.line,
            **{
                title.replace(" ", "_"): [
                    {"text": row.text, "file": row.file or None, "line": row.line or None}
                    for row in rows
                ]
                for title, rows in self.sections.items()
            },
        }
