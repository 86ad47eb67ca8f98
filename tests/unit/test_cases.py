"""Every check id has a case that shows its exact message, and a section that explains it.

A case is a folder below tests/cases/invalid, named after the fault: overlay.yaml is laid over
the spec, expected.txt holds the problem lines. ``<n>`` there stands for a number and
``<names>`` for a list of names that the rest of the spec decides. Cases of tests/cases/noted
are rendered, with a note. The mistakes of tests/cases/mistakes are cases as well.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from mistakes import mistakes

import imsobs
from imsobs.compile import read_spec

ROOT = Path(__file__).resolve().parents[2]
CASES = sorted((ROOT / "tests/cases/invalid").iterdir())
NOTED = sorted((ROOT / "tests/cases/noted").iterdir())
PACKAGE = Path(imsobs.__file__).parent
# Where problems are made; elsewhere "a/b" is a path or a component of the Collector.
SOURCES = [*(PACKAGE / "checks").glob("*.py"), *(PACKAGE / "spec").glob("*.py")]
SOURCES += [*(PACKAGE / "promql").glob("*.py"), *(PACKAGE / "model/kinds").glob("*.py")]
_ID = re.compile(r'"([a-z][a-z0-9]*/[a-z][a-z0-9-]*)"')


def check_ids() -> set[str]:
    return {found for file in SOURCES for found in _ID.findall(file.read_text())}


def shown() -> dict[str, list[str]]:
    """Return check id -> names of the cases and mistakes that show it."""
    found: dict[str, list[str]] = {}
    lines = [(case.name, expected(case)) for case in [*CASES, *NOTED]]
    for name, text in [*lines, *((row.title, row.line) for row in mistakes())]:
        for check in re.findall(r"\[([a-z]+/[a-z0-9-]+)\]$", text, flags=re.MULTILINE):
            found.setdefault(check, []).append(name)
    return found


def expected(case: Path) -> str:
    return (case / "expected.txt").read_text().strip()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_exactly_these_problems(case: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    folder = case.relative_to(ROOT)
    # A case that takes several files has a folder of them.
    overlay = folder / "overlay" if (folder / "overlay").is_dir() else folder / "overlay.yaml"
    lines = read_spec([Path("spec/ims.yaml"), overlay]).lines()
    found = "\n".join(lines).replace(f"{folder}/", "")
    pattern = re.escape(expected(case)).replace("<n>", r"\d+").replace("<names>", r"\w+(?:, \w+)*")
    assert re.fullmatch(pattern, found), f"expected:\n{expected(case)}\nfound:\n{found}"


@pytest.mark.parametrize("case", NOTED, ids=lambda case: case.name)
def test_exactly_these_notes(case: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    overlay = case.relative_to(ROOT) / "overlay.yaml"
    compiled = read_spec([Path("spec/ims.yaml"), overlay])
    assert compiled.lines() == []
    notes = [compiled.document.format(note) for note in compiled.notes]
    assert "\n".join(notes).replace(f"{overlay.parent}/", "") == expected(case)


@pytest.mark.parametrize("check", sorted(check_ids()))
def test_every_check_has_a_case(check: str) -> None:
    assert check in shown(), f"no tests/cases/*/*/expected.txt and no mistake shows [{check}]"


def test_every_check_is_explained() -> None:
    explained = {
        found
        for page in (ROOT / "docs/checks").glob("*.md")
        for found in re.findall(r"^## ([a-z]+/[a-z0-9-]+)$", page.read_text(), flags=re.MULTILINE)
    }
    missing = sorted(check_ids() - explained)
    assert not missing, "no section in docs/checks: " + ", ".join(missing)
    assert not (gone := sorted(explained - check_ids())), "explained, but gone: " + ", ".join(gone)


def test_the_command_prints_them_and_ends_with_2() -> None:
    case = "tests/cases/invalid/spec-unknown-key/overlay.yaml"
    command = [sys.executable, "-m", "imsobs", "validate", "--overlay", case]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert f"{case}:2:3: sampling.rat: unknown key" in " ".join(result.stderr.split())
    assert "1 problem; nothing was written" in result.stderr
