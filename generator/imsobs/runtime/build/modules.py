"""The settings that Go builds with: modules are checked by a checksum database, or not at all.

The environment and Go's own configuration may turn the check off (GOSUMDB=off), or leave
modules out of it (GONOSUMDB, GOPRIVATE, GOINSECURE, GOFLAGS=-insecure). All modules here are
public, so the latter are not handed on; the former is refused.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from pathlib import Path

from imsobs.errors import ImsobsError
from imsobs.runtime.environment import BASE, GO, HOME, NETWORK, chosen
from imsobs.runtime.progress import Progress

UNCHECKED = "IMSOBS_UNCHECKED_MODULES"
_ASKED = ("GOSUMDB", "GOPROXY", "GOTOOLCHAIN")


def settings(go: Path) -> dict[str, str]:
    """Return Go's checksum database, proxy and toolchain, as environment and go env -w say."""
    try:
        done = subprocess.run(
            [str(go), "env", "-json", *_ASKED],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
            cwd=tempfile.gettempdir(),
        )
        found = json.loads(done.stdout)
        return {name: str(found[name]) for name in _ASKED}
    except (OSError, subprocess.SubprocessError, ValueError, KeyError, TypeError) as error:
        raise ImsobsError(f"{go} does not print its settings ({type(error).__name__})") from error


def build_environment(go: Path, progress: Progress) -> dict[str, str]:
    """Return the environment of a build.

    Raises ImsobsError when the checksum database is off, unless the caller has said in so
    many words that modules may go unchecked.
    """
    found = settings(go)
    if found["GOSUMDB"] == "off":
        if os.environ.get(UNCHECKED) != "1":
            raise ImsobsError(
                "GOSUMDB=off: nothing would check that Go's modules are the published ones",
                remedy=f"unset GOSUMDB (go env -u GOSUMDB), or set {UNCHECKED}=1 to build anyway",
            )
        progress.note("modules are NOT checked by a checksum database: GOSUMDB=off")
    # GOENV=off: what go env -w has set is in what was asked, and nothing else of it counts.
    # GOGC: a compiler lives for seconds, so memory is cheaper than collecting it.
    fixed = {**found, "GOENV": "off", "CGO_ENABLED": "0", "GOWORK": "off", "GOGC": "400"}
    return chosen(BASE, HOME, NETWORK, GO, more=fixed)
