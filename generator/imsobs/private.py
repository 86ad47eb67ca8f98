"""Folders and files that must be this user's alone: what lies in them is run or believed.

Other users of the machine can write to shared folders, make links, and create what is going to
be created. So before use each is looked at as it lies there (no link is followed): its owner,
its mode, and whether a folder above it lets anybody replace it.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import stat
from pathlib import Path
from typing import IO

from imsobs.errors import ImsobsError

_OTHERS_MAY_WRITE = 0o022


def why_not(path: Path) -> str | None:
    """Return why a folder or regular file is not this user's alone; None when it is.

    Raises OSError when it cannot be looked at (FileNotFoundError: it is not there).
    """
    found = path.lstat()
    if not (stat.S_ISDIR(found.st_mode) or stat.S_ISREG(found.st_mode)):
        return "it is a symbolic link, or neither a folder nor a file"
    if found.st_uid != os.geteuid():
        return f"it belongs to another user (uid {found.st_uid})"
    if found.st_mode & _OTHERS_MAY_WRITE:
        return "others may write to it"
    for folder in path.absolute().parents:
        above = folder.stat()
        if above.st_mode & stat.S_IWOTH and not above.st_mode & stat.S_ISVTX:
            return f"anybody may replace it: {folder} can be written by all"
    return None


def require(path: Path, remedy: str) -> None:
    """Raise ImsobsError unless ``path`` is this user's alone; what is not there passes."""
    try:
        reason = why_not(path)
    except FileNotFoundError:
        return
    except OSError as error:
        reason = str(error.strerror)
    if reason is not None:
        raise ImsobsError(f"{path} is not safe to use: {reason}", remedy=remedy)


def make(folder: Path, remedy: str) -> None:
    """Make a folder (mode 0700) and those above it; ImsobsError unless it is this user's alone."""
    missing = []
    above = folder
    while not os.path.lexists(above):
        missing.append(above)
        above = above.parent
    try:
        for each in reversed(missing):
            each.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise ImsobsError(f"cannot make {folder}: {error.strerror}", remedy=remedy) from error
    require(folder, remedy)


def make_below(top: Path, folder: Path, remedy: str) -> None:
    """Make a folder below another one; each on the way must be this user's alone.

    Raises ImsobsError also when it is not below ``top``.
    """
    wanted = Path(os.path.normpath(folder))
    if not wanted.is_relative_to(top):
        raise ImsobsError(f"{folder} is not below {top}", remedy="imsobs render")
    make(top, remedy)
    here = top
    for part in wanted.relative_to(top).parts:
        here /= part
        make(here, remedy)


def open_lock(path: Path) -> IO[str]:
    """Open a lock file, made when it is not there, never through a link.

    Raises OSError for a link, and for a file of another user (PermissionError).
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
    descriptor = os.open(path, flags, 0o600)
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid():
        os.close(descriptor)
        raise PermissionError(1, "the lock is not a file of this user", str(path))
    return os.fdopen(descriptor, "r+", encoding="utf-8")


def lock(handle: IO[str]) -> bool:
    """Try to lock an open file exclusively; return whether this process holds it now."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def write(path: Path, text: str) -> None:
    """Write a file readable by the owner only, in one step, in a folder that is private."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.unlink(missing_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    with os.fdopen(os.open(temporary, flags, 0o600), "w", encoding="utf-8") as handle:
        handle.write(text)
    temporary.replace(path)


def digest(path: Path) -> str:
    """Return the SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
