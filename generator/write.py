"""Write: rendered files to the tree, all or nothing, and stale ones away.

Stage 7. The manifest lists every generated file, so that what the spec no longer asks for
is removed and nothing else is ever touched.
"""

from __future__ import annotations

import difflib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from generator.errors import ImsobsError

MANIFEST = "generated.txt"
_MANIFEST_HEADER = "# Every file that `make render` writes. Generated: do not edit.\n"


@dataclass(frozen=True)
class Change:
    """A file whose bytes differ: old or new is None when it appears or goes."""

    path: str
    old: bytes | None
    new: bytes | None

    def diff(self) -> str:
        """Return a unified diff of the change."""
        old, new = (_lines(side) for side in (self.old, self.new))
        before = f"a/{self.path}" if self.old is not None else "/dev/null"
        after = f"b/{self.path}" if self.new is not None else "/dev/null"
        return "".join(difflib.unified_diff(old, new, before, after))


def _lines(content: bytes | None) -> list[str]:
    return (content or b"").decode(errors="replace").splitlines(keepends=True)


def with_manifest(files: dict[str, bytes]) -> dict[str, bytes]:
    """Return the files with the manifest that lists them."""
    listing = _MANIFEST_HEADER + "".join(f"{path}\n" for path in sorted([*files, MANIFEST]))
    return {**files, MANIFEST: listing.encode()}


def changes(root: Path, files: dict[str, bytes]) -> list[Change]:
    """Return what writing ``files`` (with the manifest) would change below ``root``."""
    found = []
    for path in sorted(set(files) | _listed(root)):
        target = root / path
        old = target.read_bytes() if target.is_file() else None
        new = files.get(path)
        if old != new:
            found.append(Change(path, old, new))
    return found


def _listed(root: Path) -> set[str]:
    manifest = root / MANIFEST
    if not manifest.is_file():
        return set()
    paths = [line.strip() for line in manifest.read_text().splitlines()]
    # A manifest is text that anyone can edit: never follow it out of the tree.
    return {
        path
        for path in paths
        if path and not path.startswith(("#", "/")) and ".." not in Path(path).parts
    }


def apply(root: Path, pending: list[Change]) -> None:
    """Carry out the changes: every new file is on disk before the first is put in place."""
    staged: list[tuple[Path, Path]] = []
    try:
        for change in pending:
            if change.new is not None:
                staged.append((_stage(root / change.path, change.new), root / change.path))
        for temporary, target in staged:
            temporary.replace(target)
        for change in pending:
            if change.new is None:
                (root / change.path).unlink(missing_ok=True)
                _remove_empty(root, (root / change.path).parent)
    except OSError as error:
        for temporary, _ in staged:
            temporary.unlink(missing_ok=True)
        raise ImsobsError(
            f"cannot write {error.filename or root}: {error.strerror}",
            remedy="make room or fix the permissions, then run `make render` again",
        ) from error


def _stage(target: Path, content: bytes) -> Path:
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    with os.fdopen(handle, "wb") as file:
        file.write(content)
    staged = Path(name)
    staged.chmod(0o644)
    return staged


def _remove_empty(root: Path, folder: Path) -> None:
    while folder != root and folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent
