"""The built wheel, installed into an empty environment, works outside the repository."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# The build backend of pyproject.toml, called as an installer calls it.
BUILD = "import sys; from setuptools.build_meta import build_wheel; build_wheel(sys.argv[2])"


def _run(*command: str | Path, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    clean = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    return subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={**clean, **env},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel from a copy of what git tracks, as a release would."""
    work = tmp_path_factory.mktemp("wheel")
    source = work / "source"
    for name in ("generator", "templates"):
        shutil.copytree(
            ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info")
        )
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, source / name)
    built = _run(sys.executable, "-c", BUILD, source, work, cwd=source)
    assert built.returncode == 0, built.stderr
    return next(work.glob("imsobs-*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel into an environment of its own that sees this one's dependencies only."""
    home = tmp_path_factory.mktemp("venv")
    venv.create(home, with_pip=False, symlinks=True)
    site = next(home.glob("lib/python*/site-packages"))
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    # The dependencies are installed already; what is under test is what the wheel carries.
    own = Path(sys.prefix) / site.relative_to(home)
    for entry in own.iterdir():
        if "imsobs" not in entry.name and not (site / entry.name).exists():
            (site / entry.name).symlink_to(entry)
    return home


def test_the_wheel_carries_the_templates(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        inside = {name for name in archive.namelist() if name.startswith("imsobs/templates/")}
    templates = ROOT / "templates"
    expected = {f"imsobs/templates/{p.relative_to(templates)}" for p in templates.rglob("*.j2")}
    assert inside >= expected, sorted(expected - inside)


def test_the_wheel_carries_the_packs(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        inside = set(archive.namelist())
    packs = [file.name for file in (ROOT / "generator/imsobs/data/packs").glob("*.yaml")]
    assert packs
    assert {f"imsobs/data/packs/{name}" for name in packs} <= inside


def test_a_project_is_any_folder_with_a_spec(installed: Path, tmp_path: Path) -> None:
    imsobs = [installed / "bin/python", "-m", "imsobs"]
    version = _run(*imsobs, "--version", cwd=tmp_path)
    assert version.stdout.startswith("imsobs "), version.stderr
    spec = tmp_path / "spec/any-name.yaml"
    spec.parent.mkdir()
    shutil.copy(ROOT / "spec/ims.yaml", spec)
    below = tmp_path / "docs/deep"
    below.mkdir(parents=True)
    rendered = _run(*imsobs, "render", cwd=below)
    assert rendered.returncode == 0, rendered.stderr
    where = "import imsobs; print(imsobs.__file__)"
    used = _run(installed / "bin/python", "-c", where, cwd=tmp_path).stdout
    assert used.startswith(str(installed)), "not the installed wheel was tested"
    assert (tmp_path / "collector/config.yaml").is_file()
    assert not (below / "collector").exists()
    assert _run(*imsobs, "render", "--check", cwd=tmp_path).returncode == 0


def test_a_fault_is_told_from_a_subfolder(installed: Path, tmp_path: Path) -> None:
    spec = tmp_path / "spec/any-name.yaml"
    spec.parent.mkdir()
    spec.write_text("version: 1\nnonsense: 2\n")
    found = _run(installed / "bin/python", "-m", "imsobs", "validate", cwd=spec.parent)
    assert found.returncode == 2
    assert "any-name.yaml:2:" in found.stderr
