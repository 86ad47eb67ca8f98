"""Writing: all or nothing, stale files away, and never outside the tree."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from imsobs.errors import ImsobsError
from imsobs.files import Tree
from imsobs.write import MANIFEST, apply, changes, with_manifest

FILES = {"collector/config.yaml": b"a: 1\n", "stack/deep/er.json": b"{}\n"}


def write(root: Path, files: dict[str, bytes]) -> list[str]:
    pending = changes(root, with_manifest(files))
    apply(root, pending)
    return [change.path for change in pending]


def test_written_once_and_then_the_same(tmp_path: Path) -> None:
    assert write(tmp_path, FILES) == sorted([*FILES, MANIFEST])
    assert (tmp_path / "stack/deep/er.json").read_bytes() == b"{}\n"
    assert write(tmp_path, FILES) == []
    assert (tmp_path / "collector/config.yaml").stat().st_mode & 0o777 == 0o644


def test_what_is_no_longer_planned_goes(tmp_path: Path) -> None:
    write(tmp_path, FILES)
    by_hand = tmp_path / "collector/note.txt"
    by_hand.write_text("mine")
    write(tmp_path, {})
    assert not (tmp_path / "stack").exists(), "an empty folder is left over"
    assert by_hand.read_text() == "mine"


@pytest.mark.parametrize(
    "entry", ["../outside.txt", "/etc/passwd", "a/../../outside.txt", "stack/../../outside.txt"]
)
def test_a_forged_manifest_reaches_nothing(tmp_path: Path, entry: str) -> None:
    root = tmp_path / "root"
    outside = tmp_path / "outside.txt"
    outside.write_text("mine")
    write(root, FILES)
    (root / MANIFEST).write_text((root / MANIFEST).read_text() + entry + "\n")
    touched = [change.path for change in changes(root, with_manifest(FILES))]
    assert touched == [MANIFEST]
    write(root, FILES)
    assert outside.read_text() == "mine"


def test_a_failure_leaves_everything_as_it_was(tmp_path: Path) -> None:
    write(tmp_path, FILES)
    # A file where a folder is needed: staging the second page fails.
    (tmp_path / "stack/z").write_text("in the way")
    later = {"collector/config.yaml": b"a: 2\n", "stack/z/page.yaml": b"b: 1\n"}
    with pytest.raises(
        ImsobsError, match="stack/z is a link or a file, not a folder; nothing was written"
    ):
        write(tmp_path, later)
    assert (tmp_path / "collector/config.yaml").read_bytes() == b"a: 1\n"
    left = sorted(p.name for p in (tmp_path / "collector").iterdir())
    assert left == ["config.yaml"], "a staged file is left over"


MINE = [".git/HEAD", "stack/.env", "spec/shop.yaml", "secrets/otlp_token", "README.md", ".imsobs/x"]
MINE += ["docs/guide/mine.md", "stack/./.env", "stack//.env", "docs/reference/../guide/mine.md"]


@pytest.mark.parametrize("entry", MINE)
def test_a_line_of_the_manifest_deletes_nothing_that_rendering_does_not_own(
    tmp_path: Path, entry: str
) -> None:
    write(tmp_path, FILES)
    mine = tmp_path / entry
    mine.parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / "docs/reference").mkdir(parents=True, exist_ok=True)
    mine.write_text("mine")
    (tmp_path / MANIFEST).write_text((tmp_path / MANIFEST).read_text() + entry + "\n")
    assert write(tmp_path, FILES) == [MANIFEST]
    assert mine.read_text() == "mine"


def _outside(tmp_path: Path) -> tuple[Path, Path]:
    root, outside = tmp_path / "root", tmp_path / "outside"
    write(root, FILES)
    outside.mkdir()
    (outside / "config.yaml").write_text("mine")
    return root, outside


def test_a_folder_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    root, outside = _outside(tmp_path)
    for file in (root / "collector").iterdir():
        file.unlink()
    (root / "collector").rmdir()
    (root / "collector").symlink_to(outside)
    for wanted in (FILES, {}, {"collector/config.yaml": b"a: 2\n"}):
        with pytest.raises(ImsobsError, match="collector is a link or a file, not a folder"):
            write(root, wanted)
    assert (outside / "config.yaml").read_text() == "mine"


def test_a_file_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    root, outside = _outside(tmp_path)
    (root / "collector/config.yaml").unlink()
    (root / "collector/config.yaml").symlink_to(outside / "config.yaml")
    with pytest.raises(ImsobsError, match="not a regular file"):
        write(root, {**FILES, "collector/config.yaml": b"a: 2\n"})
    assert (outside / "config.yaml").read_text() == "mine"


def test_a_link_that_appears_after_the_look_is_not_followed_either(tmp_path: Path) -> None:
    root, outside = _outside(tmp_path)
    pending = changes(root, with_manifest({"collector/config.yaml": b"a: 2\n"}))
    (root / "collector/config.yaml").unlink()
    (root / "collector").rmdir()
    (root / "collector").symlink_to(outside)
    with pytest.raises(ImsobsError):
        apply(root, pending)
    assert (outside / "config.yaml").read_text() == "mine"
    assert (root / "stack/deep/er.json").is_file(), "half of the changes were carried out"


def test_a_pipe_in_the_place_of_a_file_hangs_nothing(tmp_path: Path) -> None:
    write(tmp_path, FILES)
    (tmp_path / MANIFEST).unlink()
    os.mkfifo(tmp_path / MANIFEST)
    with pytest.raises(ImsobsError, match="not a regular file"):
        write(tmp_path, FILES)


def _bytes(root: Path) -> dict[str, bytes]:
    return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()}


@pytest.mark.parametrize("step", range(14))
def test_whatever_step_fails_everything_is_as_it_was(
    tmp_path: Path, step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, {**FILES, "app/old.env": b"x\n"})
    before = _bytes(tmp_path)
    later = {"collector/config.yaml": b"a: 2\n", "stack/new/a.yaml": b"b\n", "app/b.env": b"c\n"}
    pending = changes(tmp_path, with_manifest(later))
    assert len(pending) == 6
    steps = iter(range(100))

    def failing(name: str) -> None:
        real = getattr(Tree, name)

        def run(self: Tree, *args: object) -> object:
            # What is cleaned up and put back afterwards works again.
            if not failed and next(steps) == step:
                failed.append(name)
                raise OSError(28, "No space left on device", "x")
            return real(self, *args)

        monkeypatch.setattr(Tree, name, run)

    failed: list[str] = []
    for name in ("write", "rename", "remove"):
        failing(name)
    with pytest.raises(ImsobsError, match="No space left on device; nothing was changed"):
        apply(tmp_path, pending)
    assert _bytes(tmp_path) == before
    assert not (tmp_path / "stack/new").exists()


def test_the_diff_shows_both_sides(tmp_path: Path) -> None:
    write(tmp_path, FILES)
    (change,) = changes(tmp_path, with_manifest({**FILES, "collector/config.yaml": b"a: 2\n"}))
    assert change.diff().startswith("--- a/collector/config.yaml")
    assert change.diff().endswith("-a: 1\n+a: 2\n")
