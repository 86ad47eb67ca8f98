"""Other users of the machine: what they could have put where this program looks."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from native_fakes import GO, Notes, Project, executable, make_project, path_with

from imsobs import pages, private
from imsobs.errors import ImsobsError
from imsobs.project import find_root
from imsobs.runtime.build.binaries import resolve
from imsobs.runtime.build.compile import cached_binary, file_lock
from imsobs.runtime.paths import Layout, layout_for
from imsobs.runtime.process.daemon import Supervisor, end_leftovers
from imsobs.runtime.process.stack import up

NEIGHBOUR = 65534
needs_root = pytest.mark.skipif(
    os.geteuid() != 0, reason="only root can give a file to another user"
)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    made = make_project(tmp_path)
    executable(tmp_path / "go/bin/go", GO)
    monkeypatch.setenv("PATH", path_with(made.bin, tmp_path / "go/bin"))
    monkeypatch.setenv("IMSOBS_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("IMSOBS_STATE", raising=False)
    monkeypatch.delenv("IMSOBS_GO", raising=False)
    yield made
    end_leftovers(made.layout, 0)


def long(project: Project) -> Layout:
    """Return a layout whose socket lies in the shared temporary folder."""
    return Layout(project.root, project.root / ("deep" * 30))


PLACES = ("state", "run", "logs", "socket folder")


def place(layout: Layout, name: str) -> Path:
    folder = layout.socket.parent if name == "socket folder" else getattr(layout, name)
    assert isinstance(folder, Path)
    return folder


@pytest.mark.parametrize("length", ["short", "long"])
@pytest.mark.parametrize("name", PLACES)
def test_a_folder_that_others_may_write_to_runs_nothing(
    project: Project, name: str, length: str
) -> None:
    layout = long(project) if length == "long" else project.layout
    planted = place(layout, name)
    planted.mkdir(mode=0o700, parents=True)
    planted.chmod(0o777)
    try:
        with pytest.raises(ImsobsError, match="is not safe to use: others may write to it"):
            up(project.plan(), layout, Notes())
        with pytest.raises(ImsobsError, match="is not safe to use"):
            Supervisor(layout).processes()
    finally:
        shutil.rmtree(layout.socket.parent, ignore_errors=True)


@needs_root
@pytest.mark.parametrize("length", ["short", "long"])
@pytest.mark.parametrize("name", PLACES)
def test_a_folder_of_another_user_runs_nothing(project: Project, name: str, length: str) -> None:
    layout = long(project) if length == "long" else project.layout
    planted = place(layout, name)
    planted.mkdir(mode=0o700, parents=True)
    os.chown(planted, NEIGHBOUR, NEIGHBOUR)
    try:
        with pytest.raises(ImsobsError, match="belongs to another user"):
            up(project.plan(), layout, Notes())
    finally:
        shutil.rmtree(layout.socket.parent, ignore_errors=True)


@pytest.mark.parametrize("name", ["state", "run", "logs", "data"])
def test_a_link_in_the_place_of_a_folder_is_not_followed(
    project: Project, tmp_path: Path, name: str
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    layout = project.layout
    link = layout.state / "data" if name == "data" else getattr(layout, name)
    link.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    link.symlink_to(elsewhere)
    with pytest.raises(ImsobsError, match="it is a symbolic link"):
        up(project.plan(), layout, Notes())
    with pytest.raises(ImsobsError, match="it is a symbolic link"):
        layout_for(project.root, layout.state)
    assert list(elsewhere.iterdir()) == []


def test_a_folder_that_anybody_may_replace_is_not_used(project: Project, tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o777)
    with pytest.raises(ImsobsError, match="anybody may replace it"):
        up(project.plan(), Layout(project.root, shared / "state"), Notes())
    shared.chmod(0o1777)
    private.make(shared / "other", "")


def _planted(project: Project) -> Path:
    """Return the place of a binary in the cache, with a program that nobody built."""
    (project.bin / "alpha").unlink()
    plan = project.plan()
    binary = cached_binary(project.root, project.root / "cache", "alpha", plan.components["alpha"])
    private.make(binary.parent, "")
    return executable(binary, "#!/bin/sh\necho evil version 1.2.3\n")


def test_a_planted_binary_is_not_run_but_built(project: Project) -> None:
    planted = _planted(project)
    binary = resolve(project.plan(), project.root, "alpha", Notes())
    assert binary is not None
    assert binary.source == "built"
    assert "evil" not in planted.read_text(encoding="utf-8")


def test_a_binary_that_was_changed_is_refused(project: Project) -> None:
    _planted(project)
    built = resolve(project.plan(), project.root, "alpha", Notes())
    assert built is not None
    noted = built.path.with_name("alpha.sha256").read_text(encoding="utf-8").strip()
    assert noted == private.digest(built.path)
    assert resolve(project.plan(), project.root, "alpha", Notes()) is not None
    built.path.write_text(built.path.read_text(encoding="utf-8") + "# changed\n")
    with pytest.raises(ImsobsError, match="its SHA-256 differs"):
        resolve(project.plan(), project.root, "alpha", Notes())


@pytest.mark.parametrize("levels", range(4))
def test_a_cache_that_others_may_write_to_is_not_used(project: Project, levels: int) -> None:
    _planted(project)
    built = resolve(project.plan(), project.root, "alpha", Notes())
    assert built is not None
    [built.path, *built.path.parents][levels].chmod(0o777)
    with pytest.raises(ImsobsError, match=r"others may write to it|anybody may replace it"):
        resolve(project.plan(), project.root, "alpha", Notes())


@needs_root
def test_a_cache_of_another_user_is_not_used(project: Project) -> None:
    planted = _planted(project)
    planted.with_name("alpha.sha256").write_text(private.digest(planted) + "\n")
    os.chown(planted, NEIGHBOUR, NEIGHBOUR)
    with pytest.raises(ImsobsError, match="belongs to another user"):
        resolve(project.plan(), project.root, "alpha", Notes())


def test_a_lock_is_not_opened_through_a_link(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")
    (tmp_path / "lock").symlink_to(victim)
    with (
        pytest.raises(ImsobsError, match="cannot be used as a lock"),
        file_lock(tmp_path / "lock", Notes(), "waiting"),
    ):
        pass
    assert victim.read_text() == "mine"


@needs_root
def test_a_lock_of_another_user_is_not_waited_for(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    lock.write_text("")
    os.chown(lock, NEIGHBOUR, NEIGHBOUR)
    with (
        pytest.raises(ImsobsError, match="not a file of this user"),
        file_lock(lock, Notes(), "waiting"),
    ):
        pass


def test_files_of_the_state_are_written_through_no_link(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("mine")
    for name in (f".x.{os.getpid()}", "x"):
        (tmp_path / name).symlink_to(victim)
    private.write(tmp_path / "x", "ours")
    assert victim.read_text() == "mine"
    assert (tmp_path / "x").read_text() == "ours"
    assert not (tmp_path / "x").is_symlink()


def test_compiled_templates_of_others_are_not_executed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMSOBS_CACHE", str(tmp_path / "cache"))
    assert pages._compiled_templates() is not None
    (tmp_path / "cache/templates").chmod(0o777)
    assert pages._compiled_templates() is None
    (tmp_path / "cache/templates").chmod(0o700)
    (tmp_path / "cache").chmod(0o777)
    assert pages._compiled_templates() is None


@needs_root
def test_the_project_of_another_user_is_not_picked_up_from_above(tmp_path: Path) -> None:
    (tmp_path / "spec").mkdir()
    (tmp_path / "spec/evil.yaml").write_text("version: 1\n")
    inner = tmp_path / "inner/deep"
    inner.mkdir(parents=True)
    assert find_root(inner) == tmp_path
    os.chown(tmp_path / "spec", NEIGHBOUR, NEIGHBOUR)
    with pytest.raises(ImsobsError, match="belongs to another user"):
        find_root(inner)


@pytest.mark.parametrize("name", ["a\nb", "a;b", "a\x1bb"])
def test_a_path_cannot_write_into_the_supervisors_configuration(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    with pytest.raises(ImsobsError, match="no configuration file can hold"):
        layout_for(tmp_path / name)
