"""Writing: all or nothing, stale files away, and never outside the tree."""

from __future__ import annotations

from pathlib import Path

import pytest

from generator.errors import ImsobsError
from generator.write import MANIFEST, apply, changes, with_manifest

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


@pytest.mark.parametrize("entry", ["../outside.txt", "/etc/passwd", "a/../../outside.txt"])
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
    (tmp_path / "z").write_text("in the way")
    later = {"collector/config.yaml": b"a: 2\n", "z/page.yaml": b"b: 1\n"}
    with pytest.raises(ImsobsError, match="cannot write"):
        write(tmp_path, later)
    assert (tmp_path / "collector/config.yaml").read_bytes() == b"a: 1\n"
    left = sorted(p.name for p in (tmp_path / "collector").iterdir())
    assert left == ["config.yaml"], "a staged file is left over"


def test_the_diff_shows_both_sides(tmp_path: Path) -> None:
    write(tmp_path, FILES)
    (change,) = changes(tmp_path, with_manifest({**FILES, "collector/config.yaml": b"a: 2\n"}))
    assert change.diff().startswith("--- a/collector/config.yaml")
    assert change.diff().endswith("-a: 1\n+a: 2\n")
