"""The module of gitleaks, as Go downloads and checks it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from imsobs.shipped import GoInstallBuild, shipped


def pinned() -> tuple[str, str]:
    """Return the Go module and its version."""
    build = shipped().natively({})["gitleaks"].build
    if not isinstance(build, GoInstallBuild):
        raise TypeError("gitleaks is built by go install")
    return build.package, build.module_version


def folder() -> Path:
    """Return the folder of the module's sources, which is not to be written to."""
    module, version = pinned()
    done = subprocess.run(
        ["go", "mod", "download", "-json", f"{module}@{version}"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(f"go cannot get {module}@{version}:\n{done.stdout}{done.stderr}")
    return Path(json.loads(done.stdout)["Dir"])
