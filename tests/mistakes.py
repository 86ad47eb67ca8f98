"""The table of mistakes: a small spec, one place of it changed, and the one line that tells it.

``python tests/mistakes.py`` writes the page of the documents from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import yaml

from imsobs.markdown import code_cell
from imsobs.terminal import printable

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "tests/cases/mistakes"
SPEC = FOLDER / "spec.yaml"
ON_PACKS = FOLDER / "on_packs.yaml"
PAGE = ROOT / "docs/checks/mistakes.md"
_HEAD = """# Mistakes and what is said of them

Each of these {count} mistakes was made alone in a small spec
([spec.yaml](../../tests/cases/mistakes/spec.yaml); under "On packs",
[on_packs.yaml](../../tests/cases/mistakes/on_packs.yaml)), and gives exactly this one line. The
table is tested; `python tests/mistakes.py` writes this page from
[mistakes.yaml](../../tests/cases/mistakes/mistakes.yaml).
"""


@dataclass(frozen=True)
class Mistake:
    """One place of the spec that is changed: what stood there, what stands there, what is told."""

    about: str
    title: str
    before: str
    after: str
    line: str
    base: Path = SPEC

    def spec(self) -> str:
        """Return the spec with the mistake in it; the place is found by its text."""
        text = self.base.read_text()
        assert text.count(self.before) == 1, f"{self.title}: {self.before!r} is not there once"
        return text.replace(self.before, self.after)


def mistakes() -> list[Mistake]:
    """Return every mistake of the table, in its order."""
    sections = yaml.safe_load((FOLDER / "mistakes.yaml").read_text())
    return [
        Mistake(
            section["about"],
            row["mistake"],
            row["from"],
            row["to"],
            row["line"],
            FOLDER / section.get("spec", SPEC.name),
        )
        for section in sections
        for row in section["mistakes"]
    ]


def page() -> str:
    """Return the page of the documents."""
    rows = mistakes()
    parts = [_HEAD.format(count=len(rows))]
    for about in dict.fromkeys(row.about for row in rows):
        parts.append(f"\n## {about}\n\n| mistake | written | what is said |\n|---|---|---|\n")
        parts += [
            f"| {row.title} | {code_cell(_changed(row))} | {code_cell(row.line)} |\n"
            for row in rows
            if row.about == about
        ]
    return "".join(parts)


def _changed(row: Mistake) -> str:
    """Return the first line that is different from before."""
    before, after = row.before.split("\n"), row.after.split("\n")
    different = [line for line in after if line not in before and line.strip()]
    return printable(different[0].replace("\t", "<tab>").strip()) if different else "(nothing)"


if __name__ == "__main__":
    PAGE.write_text(page())
