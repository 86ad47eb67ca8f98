"""Sets the wall clock of one running process, and of no other (Linux, x86-64).

Programs read the clock in the vDSO, a piece of code that the kernel maps into each process.
Its ``clock_gettime`` is overwritten, in this process alone, by one that asks the kernel and
adds a number of seconds to the real time; the monotonic clock stays as it is.
"""

from __future__ import annotations

import os
import platform
import re
import signal
import struct
import time
from pathlib import Path

_SYMBOL = b"__vdso_clock_gettime\0"
# eax = 228 (clock_gettime); syscall; unless edi is 0 (CLOCK_REALTIME) return;
# rcx = the seconds that follow the code; add rcx to *rsi; return.
_CODE = bytes.fromhex("b8e4000000 0f05 83ff00 750a 488b0d04000000 48010e c3")
_DYNSYM = 11


class Clock:
    """The wall clock of a process, to be set at will."""

    def __init__(self, pid: int) -> None:
        self._memory = f"/proc/{pid}/mem"
        os.kill(pid, signal.SIGSTOP)
        try:
            # Stopped threads are in the kernel, not in the code that changes.
            time.sleep(0.05)
            self._place = _function(pid)
            self._write(self._place, _CODE + struct.pack("<q", 0))
        finally:
            os.kill(pid, signal.SIGCONT)

    def set(self, seconds: int) -> None:
        """Let the process see the real time plus so many seconds."""
        self._write(self._place + len(_CODE), struct.pack("<q", seconds))

    def _write(self, place: int, data: bytes) -> None:
        with Path(self._memory).open("r+b", buffering=0) as memory:
            memory.seek(place)
            memory.write(data)


def unavailable() -> str:
    """Return why no clock can be set here, or nothing."""
    here = f"{platform.system()} {platform.machine()}"
    return "" if here == "Linux x86_64" else f"the clock of a process cannot be set on {here}"


def _function(pid: int) -> int:
    """Return the address of the vDSO's clock_gettime in a process."""
    found = re.search(
        r"^([0-9a-f]+)-([0-9a-f]+) .*\[vdso\]$", Path(f"/proc/{pid}/maps").read_text(), re.M
    )
    assert found, "no vDSO"
    start, end = (int(text, 16) for text in found.groups())
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        memory.seek(start)
        elf = memory.read(end - start)
    (sections,) = struct.unpack_from("<Q", elf, 0x28)
    size, number = struct.unpack_from("<HH", elf, 0x3A)
    for index in range(number):
        header = sections + index * size
        _, kind, _, _, at, length, link = struct.unpack_from("<IIQQQQI", elf, header)
        if kind != _DYNSYM:
            continue
        (names,) = struct.unpack_from("<Q", elf, sections + link * size + 0x18)
        for symbol in range(at, at + length, 24):
            name, _, _, _, value = struct.unpack_from("<IBBHQ", elf, symbol)
            if elf.startswith(_SYMBOL, names + name):
                return start + int(value)
    raise AssertionError("the vDSO has no clock_gettime")
