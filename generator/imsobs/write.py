"""Write: rendered files to the tree, all or nothing, and stale ones away.

Stage 7. The manifest lists every generated file, so that what the spec no longer asks for
is removed. It is text that anyone can edit: whatever it says, only files below the folders
that rendering owns are touched, and no symbolic link is followed on the way to them.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from imsobs import artifacts
from imsobs.errors import ImsobsError
from imsobs.files import Tree, TreeProblem

MANIFEST = "generated.txt"
_MANIFEST_HEADER = "# Every file that `make render` writes. Generated: do not edit.\n"
"""Folders of a project that rendering writes to; what is elsewhere, it never touches."""
# The one file whose name begins with a dot; stack/.env beside it is the user's.
_DOTTED = artifacts.COMPOSE_SETTINGS_EXAMPLE


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
    """Return the files with the manifest that lists them.

    Raises ValueError for a path that rendering does not own: a fault of this program.
    """
    for path in files:
        if not _is_owned(path):
            raise ValueError(f"{path} is not below one of {', '.join(artifacts.OWNED)}")
    listing = _MANIFEST_HEADER + "".join(f"{path}\n" for path in sorted([*files, MANIFEST]))
    return {**files, MANIFEST: listing.encode()}


def _is_owned(path: str) -> bool:
    """Return whether rendering may write and delete a path, from its text alone."""
    if path in (MANIFEST, _DOTTED):
        return True
    pure = PurePosixPath(path)
    plain = str(pure) == path and path.isprintable() and "\\" not in path
    hidden = any(part.startswith(".") for part in pure.parts)
    return plain and not hidden and any(path.startswith(f"{folder}/") for folder in artifacts.OWNED)


def changes(root: Path, files: dict[str, bytes]) -> list[Change]:
    """Return what writing ``files`` (with the manifest) would change below ``root``.

    Raises ImsobsError when a path leads over a symbolic link, or is no regular file.
    """
    if not root.exists():
        return [Change(path, None, new) for path, new in sorted(files.items())]
    with _reading(root) as tree:
        old = {path: tree.read(path) for path in sorted(set(files) | _listed(tree))}
    return [Change(p, old[p], files.get(p)) for p in old if old[p] != files.get(p)]


def present(root: Path, paths: Iterable[str]) -> dict[str, bytes | None]:
    """Return the bytes of files below ``root``, None where there is none; raises as changes."""
    with _reading(root) as tree:
        return {path: tree.read(path) for path in paths}


@contextmanager
def _reading(root: Path) -> Iterator[Tree]:
    try:
        with Tree(root) as tree:
            yield tree
    except TreeProblem as problem:
        raise _refusal(problem) from None
    except OSError as error:
        raise ImsobsError(f"cannot read {error.filename or root}: {error.strerror}") from error


def _listed(tree: Tree) -> set[str]:
    text = (tree.read(MANIFEST) or b"").decode(errors="replace")
    return {path for line in text.split("\n") if (path := line.strip()) and _is_owned(path)}


def apply(root: Path, pending: list[Change]) -> None:
    """Carry out the changes: all of them, or (ImsobsError) none.

    Every new file, and a copy of every old one, is on disk before the first is put in place.
    """
    root.mkdir(parents=True, exist_ok=True)
    try:
        with Tree(root) as tree:
            tree.replace({change.path: (change.old, change.new) for change in pending})
    except TreeProblem as problem:
        raise _refusal(problem) from None
    except OSError as error:
        raise ImsobsError(
            f"cannot write {error.filename or root}: {error.strerror}; nothing was changed",
            remedy="make room or fix the permissions, then run `make render` again",
        ) from error


def _refusal(problem: TreeProblem) -> ImsobsError:
    return ImsobsError(
        f"{problem}; nothing was written",
        remedy="rendering writes no further than the project: put a folder or file there",
    )
