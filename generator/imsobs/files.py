"""Files that others may have put there: regular ones only, and no more than is expected.

Reading a device, a pipe or a file of any size must not hang or fill memory; writing and
deleting must not leave the folder that was meant, whatever links lie in it.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self

SMALL = 8 * 1024 * 1024
"""Bytes of the largest file that is read whole where nothing else is said."""

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class TooLarge(OSError):
    """A file that has more bytes than are read."""


def read_regular(path: Path, most: int = SMALL) -> bytes:
    """Return the bytes of a regular file; symbolic links to one are followed.

    Raises OSError: what cannot be opened, is no regular file (a device, a pipe, a folder),
    or has more than ``most`` bytes (TooLarge).
    """
    # Looked at before it is opened: opening some devices already does something.
    _require_regular(path.stat(), path)
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(file.fileno())
        _require_regular(found, path)
        # None: a file of the kernel's, as its log, that has nothing to read now.
        content = b"" if found.st_size > most else file.read(most + 1) or b""
        if found.st_size > most or len(content) > most:
            size = max(found.st_size, len(content))
            raise TooLarge(errno.EFBIG, f"it has {size} bytes; at most {most} are read", str(path))
    return content


def _require_regular(found: os.stat_result, path: Path) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, "it is not a regular file", str(path))


class TreeProblem(Exception):
    """Something in a tree that is neither a folder nor a regular file where one must be."""


class Tree:
    """A folder whose files are read and replaced without following a symbolic link below it.

    Each folder on the way to a file is opened from the one above it (O_NOFOLLOW), so that
    what was looked at is what is used. The root itself may be a link: it was given.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._descriptor = -1

    def __enter__(self) -> Self:
        self._descriptor = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)

    @contextmanager
    def _folder(self, path: str, made: list[str] | None = None) -> Iterator[int | None]:
        """Yield a descriptor of a file's folder; None when there is none.

        made: the folders that are missing are made, and listed there.
        """
        here, walked = os.dup(self._descriptor), ""
        try:
            for part in path.split("/")[:-1]:
                walked = f"{walked}/{part}" if walked else part
                if made is not None:
                    with suppress(FileExistsError):
                        os.mkdir(part, 0o755, dir_fd=here)
                        made.append(walked)
                try:
                    inner = os.open(part, _FOLDER, dir_fd=here)
                except FileNotFoundError:
                    yield None
                    return
                except OSError as error:
                    if error.errno not in (errno.ELOOP, errno.ENOTDIR):
                        raise
                    raise TreeProblem(f"{walked} is a link or a file, not a folder") from None
                os.close(here)
                here = inner
            yield here
        finally:
            os.close(here)

    def read(self, path: str, most: int = 8 * SMALL) -> bytes | None:
        """Return the bytes of a file, None when there is none.

        Raises TreeProblem when a folder or the file itself is a link, or it is no regular
        file or has more than ``most`` bytes.
        """
        with self._folder(path) as folder:
            if folder is None:
                return None
            name = path.rpartition("/")[2]
            try:
                found = os.stat(name, dir_fd=folder, follow_symlinks=False)
            except FileNotFoundError:
                return None
            if not stat.S_ISREG(found.st_mode) or found.st_size > most:
                raise TreeProblem(f"{path} is not a regular file of a usual size")
            descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
            with os.fdopen(descriptor, "rb") as file:
                return file.read(most + 1)

    def replace(self, files: Mapping[str, tuple[bytes | None, bytes | None]]) -> None:
        """Replace files, path -> (old bytes, new bytes): all, or none when one fails.

        None stands for no file. Raises OSError or TreeProblem with everything as it was.
        """
        undo = _Undo(self)
        try:
            for path, (old, new) in files.items():
                undo.stage(path, old, new)
            for path in files:
                undo.put(path)
        except BaseException:
            undo.roll_back()
            raise
        undo.finish()
        for path, (_, new) in files.items():
            if new is None:
                self._remove_empty(path)

    def _remove_empty(self, path: str) -> None:
        """Remove the folders above a deleted file that are empty now."""
        while "/" in path:
            path = path.rpartition("/")[0]
            with self._folder(path) as folder:
                try:
                    os.rmdir(path.rpartition("/")[2], dir_fd=folder)
                except OSError:
                    return

    def write(self, path: str, content: bytes, made: list[str]) -> None:
        """Write a new file (mode 0644), making its folders; OSError when it is there."""
        with self._folder(path, made) as folder:
            name = path.rpartition("/")[2]
            descriptor = os.open(name, _NEW, 0o644, dir_fd=folder)
            with os.fdopen(descriptor, "wb") as file:
                os.fchmod(file.fileno(), 0o644)
                file.write(content)

    def rename(self, path: str, name: str) -> None:
        """Give a file another's place in the same folder; a folder there is an OSError."""
        with self._folder(path) as folder:
            before = path.rpartition("/")[2]
            os.replace(before, name, src_dir_fd=folder, dst_dir_fd=folder)

    def remove(self, path: str) -> None:
        """Remove a file; one that is not there is no fault."""
        with self._folder(path) as folder, suppress(FileNotFoundError):
            if folder is not None:
                os.unlink(path.rpartition("/")[2], dir_fd=folder)

    def remove_folder(self, path: str) -> None:
        """Remove an empty folder; one that is not empty stays."""
        with self._folder(path) as folder, suppress(OSError):
            if folder is not None:
                os.rmdir(path.rpartition("/")[2], dir_fd=folder)


class _Undo:
    """Replaces files one by one, able to put back what was there before."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._suffix = f".imsobs-{secrets.token_hex(6)}"
        self._new: set[str] = set()
        self._old: set[str] = set()
        self._done: list[str] = []
        self._made: list[str] = []

    def _beside(self, path: str, kind: str) -> str:
        folder, slash, name = path.rpartition("/")
        return f"{folder}{slash}.{name}.{kind}{self._suffix}"

    def stage(self, path: str, old: bytes | None, new: bytes | None) -> None:
        # Noted first: what fails half-way must go, too.
        if old is not None:
            self._old.add(path)
            self._tree.write(self._beside(path, "old"), old, self._made)
        if new is not None:
            self._new.add(path)
            self._tree.write(self._beside(path, "new"), new, self._made)

    def put(self, path: str) -> None:
        if path in self._new:
            self._tree.rename(self._beside(path, "new"), path.rpartition("/")[2])
        else:
            self._tree.remove(path)
        self._done.append(path)

    def roll_back(self) -> None:
        for path in reversed(self._done):
            if path in self._old:
                self._tree.rename(self._beside(path, "old"), path.rpartition("/")[2])
            else:
                self._tree.remove(path)
        self.finish()
        for folder in reversed(self._made):
            self._tree.remove_folder(folder)

    def finish(self) -> None:
        staged = [self._beside(path, "new") for path in self._new]
        for path in (*staged, *(self._beside(path, "old") for path in self._old)):
            # A copy that cannot be removed does no harm; everything is in its place.
            with suppress(OSError, TreeProblem):
                self._tree.remove(path)
