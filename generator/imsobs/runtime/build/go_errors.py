"""What a failed build was really about: known causes, each with its remedy."""

from __future__ import annotations

import errno
import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Cause:
    """A cause in a few words, and what to do about it."""

    what: str
    remedy: str


_DISK = Cause(
    "the disk is full",
    "free about 8 GB for Go's caches, or move them: GOCACHE, GOMODCACHE, IMSOBS_CACHE, TMPDIR",
)
_FULL = re.compile(r"no space left on device|disk quota exceeded", re.IGNORECASE)
_MEMORY = Cause(
    "the compiler was killed, most likely out of memory",
    "free memory (about 2 GB are needed), or build with GOMAXPROCS=1",
)
_KNOWN: tuple[tuple[re.Pattern[str], Cause], ...] = (
    (_FULL, _DISK),
    (re.compile(r"signal: killed|cannot allocate memory", re.IGNORECASE), _MEMORY),
    (
        re.compile(r"requires go >= |directive: toolchain|toolchain not available", re.IGNORECASE),
        Cause("this Go is too old for the pinned modules",
              "install a newer Go, or unset GOTOOLCHAIN so that Go may fetch one"),
    ),
    (
        re.compile(r"SECURITY ERROR|checksum mismatch", re.IGNORECASE),
        Cause("a downloaded module does not match its checksum",
              "run go clean -modcache and try again; if it stays, do not trust the module proxy"),
    ),
    (
        re.compile(
            r"dial tcp|no such host|i/o timeout|connection (?:refused|reset)|network is unreachable"
            r"|TLS handshake|proxyconnect|unexpected EOF|x509:|50[234] |module lookup disabled",
            re.IGNORECASE,
        ),
        Cause("Go modules could not be downloaded",
              "check the network, HTTPS_PROXY and GOPROXY; what was fetched so far is kept"),
    ),
    (
        re.compile(r"404 Not Found|410 Gone|unknown revision|no matching versions", re.IGNORECASE),
        Cause("a pinned module version does not exist at the module proxy",
              "check the versions in the spec's stack section and GOPROXY"),
    ),
    (
        re.compile(r"permission denied|read-only file system", re.IGNORECASE),
        Cause("a file could not be written",
              "check who owns Go's caches and IMSOBS_CACHE"),
    ),
)  # fmt: skip


def known_cause(output: str) -> Cause | None:
    """Return the known cause that Go's output shows."""
    return next((cause for pattern, cause in _KNOWN if pattern.search(output)), None)


def explain(output: str) -> Cause:
    """Return the cause that a failed build's output shows; the last error line otherwise."""
    return known_cause(output) or Cause(f"Go said: {last_line(output)}", "read the log")


def last_line(output: str) -> str:
    """Return the last line that says more than that something is downloaded."""
    relevant = [
        line.strip()
        for line in output.splitlines()
        if line.strip() and not line.startswith(("go: downloading", "$ "))
    ]
    return relevant[-1][:300] if relevant else "no output"


def says_full_disk(output: str) -> bool:
    """Return whether the output of any program says that the disk is full."""
    return _FULL.search(output) is not None


def explain_os_error(error: OSError) -> Cause:
    """Return the cause behind a failed file operation of the build."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return _DISK
    where = f" ({error.filename})" if error.filename else ""
    return Cause(f"{error.strerror or error}{where}", "check the cache folder")
