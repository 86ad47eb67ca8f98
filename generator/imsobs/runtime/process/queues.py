"""The Collector's queue files: one that cannot be read is set aside before the start.

The Collector's own `recreate` covers only damage that it survives noticing; a file that was
cut short or overwritten keeps it from starting at all. So every start is preceded by

    python -m imsobs.runtime.process.queues FOLDER

The files are bbolt databases: pages of a fixed size, two of them (metas) naming the root of
a B+ tree; see https://github.com/etcd-io/bbolt/blob/main/internal/common/page.go.

`bbolt check` (v1.5.0, tried on the damages of tests/faults/test_disk.py) finds the same, but also
refuses what the Collector copes with, one whole head page or a new, empty file: its queue would be
set aside for nothing. It waits for a file that is in use, and is one more binary to build where
the Collector's own was found on PATH.
"""

from __future__ import annotations

import datetime
import fcntl
import mmap
import struct
import sys
from collections.abc import Iterator
from pathlib import Path

ASIDE = ".broken"
_MAGIC, _VERSION = 0xED0CDAED, 2
# id, flags, elements, pages beyond the first.
_PAGE = struct.Struct("<QHHI")
# magic, version, page size, flags, root page, sequence, free list, pages in all, transaction.
_META = struct.Struct("<IIIIQQQQQ")
_CHECKSUM = struct.Struct("<Q")
# position, length of the key, page.
_BRANCH = struct.Struct("<IIQ")
# flags, position, lengths of key and value.
_LEAF = struct.Struct("<IIII")
# root page (0: the bucket lies in the value itself), sequence.
_BUCKET = struct.Struct("<QQ")
_IS_BRANCH, _IS_LEAF, _HOLDS_BUCKET = 0x01, 0x02, 0x01
_PAGE_SIZES = [1024 << shift for shift in range(7)]


class BrokenError(Exception):
    """The file is no database that the Collector could open; the message says why."""


def check(path: Path) -> None:
    """Raise BrokenError when the queue file cannot be opened; an empty file is a new queue.

    A file that a Collector holds open is in use, hence readable.
    """
    with path.open("rb") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        if path.stat().st_size == 0:
            return
        with mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ) as data:
            try:
                _walk(data)
            except struct.error:
                raise BrokenError("a page ends beyond the file") from None


def _walk(data: mmap.mmap) -> None:
    size, root, pages = _newest_meta(data)
    seen: set[int] = set()
    waiting = [root]
    while waiting:
        number = waiting.pop()
        if number in seen or not 1 < number < pages:
            raise BrokenError(f"page {number} is referred to twice or does not exist")
        seen.add(number)
        waiting += _children(data, number, size)


def _newest_meta(data: mmap.mmap) -> tuple[int, int, int]:
    """Return page size, root page and number of pages, of the last whole transaction."""
    found = []
    for start in (0, *_PAGE_SIZES):
        meta = data[start + _PAGE.size : start + _PAGE.size + _META.size + _CHECKSUM.size]
        if len(meta) < _META.size + _CHECKSUM.size:
            break
        magic, version, size, _, root, _, _, pages, transaction = _META.unpack_from(meta)
        (checksum,) = _CHECKSUM.unpack_from(meta, _META.size)
        if (magic, version, checksum) == (_MAGIC, _VERSION, _fnv(meta[: _META.size])):
            found.append((transaction, size, root, pages))
    if not found:
        raise BrokenError("neither of its head pages is whole")
    _, size, root, pages = max(found)
    if size not in _PAGE_SIZES or len(data) < 2 * size:
        raise BrokenError("it is smaller than its head pages")
    return size, root, pages


def _children(data: mmap.mmap, number: int, size: int) -> Iterator[int]:
    start = number * size
    page, flags, count, overflow = _PAGE.unpack_from(data, start)
    if page != number:
        raise BrokenError(f"page {number} holds something else")
    # What is never written stays a hole beyond the end of the file.
    length = min((1 + overflow) * size, len(data) - start)
    if flags & _IS_BRANCH:
        for index in range(count):
            place = start + _PAGE.size + index * _BRANCH.size
            position, key, child = _BRANCH.unpack_from(data, place)
            _inside(place - start + position + key, length, number)
            yield child
    elif flags & _IS_LEAF:
        for index in range(count):
            place = start + _PAGE.size + index * _LEAF.size
            kind, position, key, value = _LEAF.unpack_from(data, place)
            _inside(place - start + position + key + value, length, number)
            if kind & _HOLDS_BUCKET:
                root, _ = _BUCKET.unpack_from(data, place + position + key)
                if root:
                    yield root
    else:
        raise BrokenError(f"page {number} is neither branch nor leaf")


def _inside(end: int, length: int, number: int) -> None:
    if end > length:
        raise BrokenError(f"an entry of page {number} ends beyond it")


def _fnv(data: bytes) -> int:
    """Return the 64-bit FNV-1a hash."""
    value = 0xCBF29CE484222325
    for byte in data:
        value = (value ^ byte) * 0x100000001B3 % 2**64
    return value


def set_aside(folder: Path) -> list[str]:
    """Rename the queue files of a folder that cannot be read; return a line for each."""
    lines = []
    for path in sorted(folder.glob("exporter_*")):
        if path.suffix in (ASIDE, ".backup") or not path.is_file():
            continue
        try:
            check(path)
        except BrokenError as reason:
            now = datetime.datetime.now(datetime.UTC).strftime("%Y%m%dT%H%M%S")
            kept = path.with_name(f"{path.name}.{now}{ASIDE}")
            path.rename(kept)
            lines.append(f"queue file {path} cannot be read: {reason}; kept as {kept.name}")
    return lines


def main() -> int:
    """Check the folders of the command line; what goes wrong must not keep a start back."""
    for folder in sys.argv[1:]:
        try:
            for line in set_aside(Path(folder)):
                print(line, flush=True)
        except OSError as error:
            print(f"queue folder {folder}: {error}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
