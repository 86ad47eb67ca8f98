"""Finding binaries: variable, PATH, cache, in this order, and what does not fit."""

from __future__ import annotations

from pathlib import Path

import pytest
from native_fakes import GO, SERVER, Notes, Project, executable, make_project, path_with

from imsobs.errors import ImsobsError
from imsobs.runtime.build.binaries import how_to_get, locate, resolve, resolve_binary
from imsobs.runtime.build.versions import fits, parse_version


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    made = make_project(tmp_path)
    monkeypatch.setenv("PATH", path_with(made.bin))
    monkeypatch.setenv("IMSOBS_CACHE", str(tmp_path / "cache"))
    for name in ("ALPHA", "BETA", "LOKI"):
        monkeypatch.delenv(f"IMSOBS_{name}_BIN", raising=False)
    return made


@pytest.mark.parametrize(
    ("found", "wanted", "good"),
    [
        ("3.16.0", "3.16.0", True),
        ("3.17.2", "3.16.0", True),
        ("3.15.9", "3.16.0", False),
        ("4.0.0", "3.16.0", False),
        ("0.160.1", "0.160.0", True),
        ("0.161.0", "0.160.0", False),
        ("v2.13.0", "2.13.0", True),
    ],
)
def test_versions_fit_by_the_caret_rule(found: str, wanted: str, good: bool) -> None:
    one, other = parse_version(found), parse_version(wanted)
    assert one is not None
    assert other is not None
    assert fits(one, other) is good


def test_path_is_used_when_the_version_fits(project: Project) -> None:
    binary = resolve(project.plan(), project.root, "alpha", Notes())
    assert binary is not None
    assert (binary.path, binary.source, binary.version) == (project.bin / "alpha", "PATH", "1.2.3")
    assert resolve_binary("alpha", project.root) == binary.path


def test_an_unfit_binary_on_path_is_passed_over_and_told(project: Project) -> None:
    executable(project.bin / "alpha", SERVER.replace("VERSION", "1.1.9"))
    notes = Notes()
    assert locate(project.plan(), project.root, "alpha", notes) is None
    assert notes.notes == [f"not using {project.bin}/alpha: it is version 1.1.9, wanted 1.2.3"]


@pytest.mark.parametrize(
    ("script", "says"),
    [
        (SERVER.replace("VERSION", "2.0.0"), "is version 2.0.0, wanted 1.2.3"),
        ("#!/bin/sh\necho boom >&2; exit 3\n", "does not start (exit code 3: boom)"),
        ("#!/bin/sh\necho hello\n", "names no version when asked with --version"),
        ("not a program", "does not start (Exec format error)"),
    ],
)
def test_an_explicit_binary_must_fit(
    project: Project, monkeypatch: pytest.MonkeyPatch, script: str, says: str
) -> None:
    other = executable(project.root / "other", script)
    monkeypatch.setenv("IMSOBS_ALPHA_BIN", str(other))
    with pytest.raises(ImsobsError) as caught:
        resolve(project.plan(), project.root, "alpha", Notes())
    assert caught.value.message == f"IMSOBS_ALPHA_BIN={other} {says}"
    assert caught.value.remedy == "point IMSOBS_ALPHA_BIN at alpha 1.2.3, or unset it"


def test_an_explicit_binary_wins_over_path(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = executable(project.root / "other", SERVER.replace("VERSION", "1.9.0"))
    monkeypatch.setenv("IMSOBS_ALPHA_BIN", str(other))
    binary = resolve(project.plan(), project.root, "alpha", Notes())
    assert binary is not None
    assert (binary.path, binary.source) == (other, "variable")
    monkeypatch.setenv("IMSOBS_ALPHA_BIN", str(project.root / "gone"))
    with pytest.raises(ImsobsError, match="is not an executable file"):
        resolve(project.plan(), project.root, "alpha", Notes())


def test_an_optional_component_may_be_absent(project: Project) -> None:
    assert resolve(project.plan(), project.root, "loki", Notes()) is None
    with pytest.raises(ImsobsError, match="loki is optional and not here"):
        resolve_binary("loki", project.root)
    with pytest.raises(
        ImsobsError, match='unknown component "tempo"; available: alpha, beta, loki'
    ):
        resolve_binary("tempo", project.root)


def test_an_optional_component_is_built_only_when_asked_for(
    project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    executable(tmp_path / "go" / "bin" / "go", GO)
    (tmp_path / "go/version").write_text("3.0.0")
    monkeypatch.setenv("PATH", path_with(tmp_path / "go" / "bin"))
    monkeypatch.delenv("IMSOBS_GO", raising=False)
    loki = project.data["components"]["loki"]
    loki["build"] = project.data["components"]["alpha"]["build"]
    plan = project.plan()
    assert resolve(plan, project.root, "loki", Notes()) is None
    assert "imsobs binaries loki" in how_to_get("loki", plan.components["loki"])
    built = resolve_binary("loki", project.root)
    # From now on it is found where it was put.
    found = resolve(plan, project.root, "loki", Notes())
    assert found is not None
    assert (found.path, found.source) == (built, "cache")
