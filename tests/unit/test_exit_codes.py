"""Exit codes are the same for the same kind of finding, and documented."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

import pytest

from imsobs.cli import main
from imsobs.errors import ExitCode

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with the spec alone: nothing is rendered yet."""
    (tmp_path / "spec").mkdir()
    shutil.copy(ROOT / "spec/ims.yaml", tmp_path / "spec/ims.yaml")
    return tmp_path


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """An overlay with a problem."""
    file = tmp_path / "overlay.yaml"
    file.write_text("metrics: {ims_requests_total: {spam: 1}}\n")
    return file


def code(*arguments: str | Path) -> int:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["imsobs", *(str(part) for part in arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
    return int(ended.value.code or 0)


def test_the_guide_names_every_code() -> None:
    text = (ROOT / "docs/guide/troubleshooting.md").read_text()
    section = text[text.index("## Exit codes") : text.index("## The stack does not start")]
    assert [int(found) for found in re.findall(r"^\| (\d)", section, re.MULTILINE)] == [*ExitCode]


def test_no_command_has_a_code_of_its_own() -> None:
    own = re.compile(r"(?:exit_code=|\bExit\()\d")
    files = (ROOT / "generator/imsobs").rglob("*.py")
    assert [str(file) for file in files if own.search(file.read_text())] == []


def test_done(project: Path) -> None:
    assert code("validate", "--root", project) == ExitCode.OK
    assert code("render", "--root", project) == ExitCode.OK
    assert code("render", "--check", "--root", project) == ExitCode.OK


def test_findings(project: Path) -> None:
    assert code("render", "--check", "--root", project) == ExitCode.FINDINGS


@pytest.mark.parametrize(
    "command",
    [
        ["validate"],
        ["render"],
        ["render", "--check"],
        ["inspect"],
        ["estimate"],
        ["drill", "--list"],
    ],
    ids=" ".join,
)
def test_wrong_input(command: list[str], project: Path, broken: Path) -> None:
    assert code(*command, "--root", project, "--overlay", broken) == ExitCode.INPUT


@pytest.mark.parametrize(
    "command", [["inspect", "ims_no_such_total"], ["binaries", "no-such"], ["nonsense"]]
)
def test_an_unknown_name_is_wrong_input(command: list[str]) -> None:
    assert code(*command) == ExitCode.INPUT


def test_what_is_not_there_yet_is_a_finding(project: Path) -> None:
    """A process that never ran has no log."""
    assert code("render", "--root", project) == ExitCode.OK
    assert code("logs", "otelcol", "--root", project) == ExitCode.FINDINGS


def test_a_prometheus_that_does_not_answer_is_an_outside_failure(tmp_path: Path) -> None:
    nobody = "http://127.0.0.1:1"
    assert code("preview", "--prometheus", nobody, "--out", tmp_path) == ExitCode.OUTSIDE
