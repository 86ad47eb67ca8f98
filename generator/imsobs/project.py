"""A project: a folder with a spec, from which the rest of its tree is rendered."""

from __future__ import annotations

import os
from pathlib import Path

from imsobs import artifacts
from imsobs.errors import ExitCode, ImsobsError

SPEC_FOLDER = Path("spec")


def spec_of(root: Path) -> Path:
    """Return the project's spec: its one file, or the folder of files that are one spec.

    The path is relative to the working directory, as messages name it. Raises ImsobsError (exit
    code 2) where the one file is a link to somewhere else.
    """
    folder = Path(os.path.relpath(root / SPEC_FOLDER))
    files = sorted(folder.rglob("*.yaml"))
    if not files:
        return folder / "spec.yaml"
    if len(files) > 1:
        return folder
    if leads_out(files[0], root):
        raise ImsobsError(
            f"{files[0]} is a link that leads out of the project",
            remedy="put the file itself there, or name the other project with --root",
            exit_code=ExitCode.INPUT,
        )
    return files[0]


def leads_out(file: Path, folder: Path) -> bool:
    """Return whether a file below a folder really lies elsewhere.

    What a repository carries may be a link to any file of whoever reads it, and a message about
    what is wrong with that file would tell what it says.
    """
    return not Path(os.path.realpath(file)).is_relative_to(os.path.realpath(folder))


def find_root(start: Path | None = None) -> Path:
    """Return the nearest folder, from ``start`` upwards, that is a project.

    It has a spec, or, where only rendered files were deployed, the plan of its stack. Returns
    ``start`` (default: the working directory) when there is none. Raises ImsobsError when the
    one that is found above belongs to another user: in a shared folder such as /tmp, anybody
    can put a project above one's own work.
    """
    here = (start or Path.cwd()).resolve()
    for folder in (here, *here.parents):
        has_spec = any((folder / SPEC_FOLDER).glob("*.yaml"))
        marker = SPEC_FOLDER if has_spec else Path(artifacts.NATIVE)
        if has_spec or (folder / marker).is_file():
            owner = (folder / marker).stat().st_uid
            if folder != here and owner not in (os.geteuid(), 0):
                raise ImsobsError(
                    f"the project in {folder} belongs to another user (uid {owner})",
                    remedy=f"name it with --root {folder} if you trust it",
                )
            return folder
    return here
