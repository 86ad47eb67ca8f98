"""Each mistake of the table gives exactly its one line, at its place."""

from __future__ import annotations

from pathlib import Path

import pytest
from mistakes import ON_PACKS, PAGE, SPEC, Mistake, mistakes, page

from imsobs.compile import read_spec

ROWS = mistakes()


def _lines(folder: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> list[str]:
    monkeypatch.chdir(folder)
    (folder / "spec.yaml").write_text(text)
    return read_spec([Path("spec.yaml")]).lines()


@pytest.mark.parametrize("base", [SPEC, ON_PACKS], ids=lambda base: base.name)
def test_the_spec_itself_has_no_fault(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _lines(tmp_path, monkeypatch, base.read_text()) == []


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.title)
def test_one_mistake_one_line(
    row: Mistake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _lines(tmp_path, monkeypatch, row.spec()) == [row.line]


def test_the_page_shows_all_of_them() -> None:
    assert len(ROWS) >= 100
    assert PAGE.read_text() == page(), "run: python tests/mistakes.py"
