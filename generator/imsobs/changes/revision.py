"""The spec of another revision, out of git."""

from __future__ import annotations

import io
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from imsobs.errors import ExitCode, ImsobsError
from imsobs.model import Model, resolve
from imsobs.problems import KeyPath
from imsobs.project import SPEC_FOLDER, spec_of
from imsobs.spec.load import Document, load
from imsobs.spec.origin import told_where_written
from imsobs.spec.parse import parse

_SECONDS = 60


@dataclass(frozen=True)
class Revision:
    """A spec and its name. folder: where its files were put, None for files in place."""

    name: str
    document: Document
    model: Model
    folder: Path | None = None

    def place(self, path: KeyPath) -> tuple[str, int]:
        """Return file and line of a key path, the file as git names it (``REV:spec/x.yaml``)."""
        found = self.document.locate(path)
        return _named(found.file, self.name, self.folder), found.line


def _named(file: str, name: str, folder: Path | None) -> str:
    if folder is None:
        return file
    return f"{name}:{Path(file).resolve().relative_to(folder.resolve())}"


@contextmanager
def revision(root: Path, name: str, overlays: list[Path]) -> Iterator[Revision]:
    """Read the spec that a git revision, or a file or folder, holds.

    Raises ImsobsError (INPUT) for what is neither or holds no readable spec, (OUTSIDE) without git.
    """
    if (there := Path(name)).exists():
        files = [spec_of(there) if (there / SPEC_FOLDER).is_dir() else there]
        yield _read(name, [*files, *overlays], None)
        return
    archive = _archive(root, name)
    with tempfile.TemporaryDirectory(prefix="imsobs-") as folder:
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            tar.extractall(folder, filter="data")
        yield _read(name, [spec_of(Path(folder)), *overlays], Path(folder))


def _read(name: str, files: list[Path], folder: Path | None) -> Revision:
    """Return a revision. It is not checked: a check may be younger than what it finds."""
    document, problems = load(files)
    spec, shape = parse(document.data) if document.readable else (None, [])
    shape = told_where_written(shape, document)
    if problems or spec is None:
        found = sorted([*problems, *shape], key=lambda problem: document.told(problem)[0])
        lines = [document.format(problem) for problem in found[:5]]
        if folder is not None:
            lines = [line.replace(str(files[0].parent), f"{name}:{SPEC_FOLDER}") for line in lines]
        text = "\n  ".join([*lines, *([f"and {len(found) - 5} more"] if len(found) > 5 else [])])
        raise ImsobsError(
            f"this version of imsobs cannot read the spec of {name}:\n  {text}",
            remedy="compare with a revision whose spec it reads",
            exit_code=ExitCode.INPUT,
        )
    return Revision(name, document, resolve(spec), folder)


def _archive(root: Path, name: str) -> bytes:
    """Return the spec's folder at a revision as a tar archive."""
    commit = _git(
        root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}"
    )
    if commit.returncode != 0:
        raise ImsobsError(
            f'"{name}" is no revision of a git repository in {root}, and no file',
            remedy="name a commit, branch or tag, or the path of a spec",
            exit_code=ExitCode.INPUT,
        )
    found = _git(root, "archive", commit.stdout.decode().strip(), "--", str(SPEC_FOLDER))
    if found.returncode != 0:
        raise ImsobsError(
            f"{name} has no folder {SPEC_FOLDER}/",
            remedy="name a revision that has a spec",
            exit_code=ExitCode.INPUT,
        )
    return found.stdout


def _git(root: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(
            ["git", "-C", str(root), *arguments],
            capture_output=True,
            timeout=_SECONDS,
            check=False,
        )
    except FileNotFoundError:
        raise ImsobsError("there is no git", remedy="install git, or name a file") from None
