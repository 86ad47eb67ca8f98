"""Build the wheels so that the same commit gives the same bytes, wherever it is built.

    python -m release.wheel [OUT]

What is built is what git tracks, in a folder of its own, with modes and times that do not
depend on the checkout: SOURCE_DATE_EPOCH, or the time of the commit.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# Folder of a distribution -> what of it is built.
DISTRIBUTIONS: dict[str, tuple[str, ...]] = {
    ".": ("generator", "templates", "docs/checks", "pyproject.toml", "README.md", "LICENSE"),
    "exporter": ("imsobs_exporter", "pyproject.toml", "README.md"),
    "instrumentation": ("imsobs_instrumentation", "pyproject.toml", "README.md"),
}
# The build backend of pyproject.toml, called as an installer calls it.
_BUILD = "import sys; from setuptools.build_meta import build_wheel; build_wheel(sys.argv[1])"


def epoch(root: Path = ROOT) -> str:
    """Return the time that files get: SOURCE_DATE_EPOCH, else the commit's (seconds)."""
    if given := os.environ.get("SOURCE_DATE_EPOCH"):
        return given
    command = ["git", "log", "-1", "--format=%ct"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def build(out: Path, root: Path = ROOT, distribution: str = ".") -> Path:
    """Build the wheel of a distribution of ``root`` into a folder and return its path.

    Raises subprocess.CalledProcessError when git or the build backend fails.
    """
    out.mkdir(parents=True, exist_ok=True)
    seconds = epoch(root)
    with tempfile.TemporaryDirectory() as scratch:
        source = Path(scratch) / "source"
        _export(root / distribution, source, DISTRIBUTIONS[distribution])
        environment = {
            "PATH": os.environ.get("PATH", os.defpath),
            "SOURCE_DATE_EPOCH": seconds,
            "PYTHONHASHSEED": "0",
        }
        made = Path(scratch) / "made"
        made.mkdir()
        subprocess.run(
            [sys.executable, "-c", _BUILD, str(made)],
            cwd=source,
            env=environment,
            umask=0o022,
            capture_output=True,
            check=True,
        )
        (wheel,) = made.glob("*.whl")
        return Path(shutil.copy(wheel, out / wheel.name))


def _export(root: Path, target: Path, parts: tuple[str, ...]) -> None:
    """Copy what git tracks of the wheel's parts; links become what they point at."""
    command = ["git", "ls-files", "-z", "--", *parts]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    tracked = [root / name for name in sorted(filter(None, done.stdout.split("\0")))]
    # Links last: they point at folders of which again only what is tracked counts.
    for source in sorted(tracked, key=lambda path: path.is_symlink()):
        copy = target / source.relative_to(root)
        copy.parent.mkdir(parents=True, exist_ok=True)
        if source.is_symlink():
            shutil.copytree(target / source.resolve().relative_to(root.resolve()), copy)
        elif source.exists():
            shutil.copyfile(source, copy)
    for path in [target, *target.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)


def main() -> None:
    """Build, and print each wheel with its SHA-256."""
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "dist"
    for distribution in DISTRIBUTIONS:
        wheel = build(out, distribution=distribution)
        print(f"{hashlib.sha256(wheel.read_bytes()).hexdigest()}  {wheel}")


if __name__ == "__main__":
    main()
