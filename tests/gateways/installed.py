"""Real services from PyPI, each in an environment of its own, below the cache folder.

Installed with hashes, as the requirements that are locked beside each service say, and with the
two packages of this repository that the guide installs beside a service.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from imsobs.cache import cache_dir

ROOT = Path(__file__).resolve().parents[2]
OURS = ("instrumentation", "exporter")


class NotHad(Exception):
    """The packages cannot be installed here; the message says why."""


def environment(name: str, requirements: Path) -> Path:
    """Return the folder of a virtual environment, made when it is missing. Raises NotHad."""
    folder = cache_dir() / "services" / f"{name}-{_digest(requirements)}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "complete").exists():
            shutil.rmtree(folder, ignore_errors=True)
            _install(folder, requirements)
            (folder / "complete").touch()
    return folder


def _install(folder: Path, requirements: Path) -> None:
    python = str(folder / "bin/python")
    uv = str(Path(sys.executable).parent / "uv")
    into = [uv, "pip", "install", "--quiet", "--python", python]
    _run([uv, "venv", "--quiet", "--python", sys.executable, str(folder)])
    # Compiled once here, not in the first seconds of each start.
    _run([*into, "--compile-bytecode", "--require-hashes", "-r", str(requirements)])
    for name in OURS:
        # From a copy: a build leaves files in its source.
        copy = shutil.copytree(ROOT / name, folder / "ours" / name)
        _run([*into, "--no-deps", "--no-build-isolation", str(copy)])


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        last = (done.stderr.strip() or "no message").splitlines()[-1]
        raise NotHad(f"{' '.join(command[:3])} failed: {last}")


def _digest(requirements: Path) -> str:
    found = hashlib.sha256(f"{sys.version} {requirements.read_text('utf-8')}".encode())
    for name in OURS:
        for file in sorted((ROOT / name).rglob("*.py")):
            found.update(file.read_bytes())
    return found.hexdigest()[:12]


def variables(*first: Path) -> dict[str, str]:
    """Return this environment with folders of programs first on the path, and no settings."""
    kept = {key: v for key, v in os.environ.items() if not key.startswith(("IMSOBS_", "OTEL_"))}
    return {**kept, "PATH": os.pathsep.join([*map(str, first), os.environ["PATH"]])}
