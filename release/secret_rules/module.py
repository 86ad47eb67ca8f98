"""The module of gitleaks, as Go downloads and checks it."""

from __future__ import annotations

from pathlib import Path

from imsobs.shipped import GoInstallBuild, shipped
from release.go_module import downloaded


def pinned() -> tuple[str, str]:
    """Return the Go module and its version."""
    build = shipped().natively({})["gitleaks"].build
    if not isinstance(build, GoInstallBuild):
        raise TypeError("gitleaks is built by go install")
    return build.package, build.module_version


def folder() -> Path:
    """Return the folder of the module's sources, which is not to be written to."""
    module, version = pinned()
    return downloaded(f"{module}@{version}")[0]
