"""A web page, made by npm of sources that a Go module carries, as one archive."""

from __future__ import annotations

import json
import os
import re
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

from imsobs.errors import ImsobsError
from imsobs.runtime.build.go_errors import Cause, known_cause, last_line, says_full_disk
from imsobs.runtime.build.versions import VersionProblem, ask_version, parse_version, show
from imsobs.shipped import PageBuild

Run = Callable[[list[str], Path, dict[str, str]], str]

# Scripts of packages are never run: what the lockfile names is unpacked, no more.
_QUIET = {"CI": "1", "npm_config_ignore_scripts": "true", "npm_config_update_notifier": "false"}
_NO_PACKAGE = re.compile(r"GET \S+/([^/\s]+\.tgz): Not Found|\bE404\b|\bETARGET\b")
_OTHER_BYTES = re.compile(r"EINTEGRITY|TARBALL_INTEGRITY")
_NO_NETWORK = re.compile(
    r"ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|META_FETCH_FAIL"
    r"|UNABLE_TO_(?:GET|VERIFY)|SELF_SIGNED_CERT|ERR_SOCKET_TIMEOUT"
)


def require_npm(name: str, build: PageBuild) -> None:
    """Raise ImsobsError when npm or bash is missing, or npm's Node.js is too old."""
    remedy = f"install Node.js {build.oldest_node} or newer, which brings npm"
    programs = {program: shutil.which(program) for program in ("npm", "node", "bash")}
    if absent := [program for program, path in programs.items() if path is None]:
        raise ImsobsError(
            f"building {name} failed: {' and '.join(absent)} cannot be found on PATH",
            remedy=remedy,
        )
    try:
        found = ask_version(Path(str(programs["node"])), ["--version"])
    except VersionProblem as problem:
        raise ImsobsError(f"building {name} failed: node {problem}", remedy=remedy) from None
    if found < (parse_version(build.oldest_node) or found):
        raise ImsobsError(
            f"building {name} failed: Node.js {show(found)} is too old for it", remedy=remedy
        )


def explain_page(output: str) -> Cause:
    """Return the cause that the output of Go, npm or pnpm shows; its last line otherwise."""
    if says_full_disk(output):
        return Cause(
            "the disk is full", "free about 1 GB for IMSOBS_CACHE and ~/.npm, or move them"
        )
    if _OTHER_BYTES.search(output):
        return Cause(
            "a downloaded package does not match its hash",
            "run npm cache clean --force and try again; if it stays, do not trust the registry",
        )
    if match := _NO_PACKAGE.search(output):
        what = match.group(1) or "a pinned package"
        return Cause(
            f"the npm registry does not have {what}", "check the registry that npm is set up with"
        )
    if _NO_NETWORK.search(output):
        return Cause(
            "packages could not be downloaded",
            "check the network, HTTPS_PROXY and the registry that npm is set up with",
        )
    return known_cause(output) or Cause(f"the last line was: {last_line(output)}", "read the log")


def page_archive(build: PageBuild, sources: Path, work: Path, run: Run) -> Path:
    """Make the page in its writable sources, and return the archive of it.

    The packages are those of the sources' own lockfile, with its hashes; the package manager
    that reads it has its hash in the recipe.
    """
    manager = work / "manager"
    manager.mkdir()
    _pin(build, manager)
    run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], manager, _QUIET)
    commands = manager / "node_modules/.bin"
    path = os.pathsep.join([str(commands), os.environ.get("PATH", os.defpath)])
    environment = {**_QUIET, "PATH": path}
    install = [str(commands / "pnpm"), "install", "--frozen-lockfile", "--ignore-scripts"]
    chosen = ["--store-dir", str(work / "store"), "--filter", f"{build.package}..."]
    run([*install, *chosen], sources, environment)
    run(["bash", *build.command], sources, environment)
    if not (sources / build.result / "index.html").is_file():
        raise ImsobsError(f"the build of {build.package} left no {build.result}/index.html")
    made = work / "page.zip"
    _archive(sources / build.result, made)
    return made


def _pin(build: PageBuild, folder: Path) -> None:
    """Write the files by which ``npm ci`` installs the package manager and nothing else."""
    pnpm = {"version": build.pnpm, "integrity": build.integrity, "bin": {"pnpm": "bin/pnpm.cjs"}}
    wanted = {"dependencies": {"pnpm": build.pnpm}}
    lock = {"lockfileVersion": 3, "packages": {"": wanted, "node_modules/pnpm": pnpm}}
    (folder / "package.json").write_text(json.dumps(wanted), encoding="utf-8")
    (folder / "package-lock.json").write_text(json.dumps(lock), encoding="utf-8")


def _archive(folder: Path, made: Path) -> None:
    """Write the files of a folder as one archive; the same bytes for the same files."""
    with zipfile.ZipFile(made, "w") as whole:
        for file in sorted(path for path in folder.rglob("*") if path.is_file()):
            entry = zipfile.ZipInfo(file.relative_to(folder).as_posix())
            entry.compress_type = zipfile.ZIP_DEFLATED
            whole.writestr(entry, file.read_bytes())
