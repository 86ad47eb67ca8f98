"""Recipes: what building a component means, as commands, and the key of its result."""

from __future__ import annotations

import hashlib
import json
import platform
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from imsobs import yamlio
from imsobs.errors import ExitCode, ImsobsError
from imsobs.files import read_regular
from imsobs.runtime.build.java import java_program, known_jars
from imsobs.runtime.build.npm import page_archive
from imsobs.shipped import (
    PATCHES,
    Build,
    CollectorBuild,
    Component,
    GoInstallBuild,
    JavaBuild,
    ModuleCopyBuild,
    PageBuild,
    shipped,
)

# The generated sources live inside the builder's own module path so that internal
# packages of the core stay importable; the builder itself writes the same line.
_COLLECTOR_MODULE = "go.opentelemetry.io/collector/cmd/builder"
_SECTIONS = ("receivers", "processors", "exporters", "connectors", "extensions", "providers",
             "converters")  # fmt: skip

Run = Callable[[list[str], Path, dict[str, str]], str]
GoBuild = CollectorBuild | GoInstallBuild | ModuleCopyBuild


@dataclass(frozen=True)
class Site:
    """Where a build happens.

    tool: the command that builds (go, or mvn). work: an empty folder. run: runs one command
    (arguments, working directory, extra environment), returns its standard output and raises
    ImsobsError when it fails.
    """

    root: Path
    work: Path
    tool: Path
    run: Run
    goversion: str = field(default="1.25.0")


def load_manifest(root: Path, build: CollectorBuild) -> dict[str, Any]:
    """Return the builder manifest; raise ImsobsError (exit code 2) when it is unusable.

    It lies in the project, so it only chooses among the modules that this program ships; what
    else it says (a name, replacements) would end up in Go code, and is refused.
    """
    path = root / build.manifest
    try:
        manifest = yamlio.parse(read_regular(path).decode())
    except FileNotFoundError:
        raise ImsobsError(
            f"{path} does not exist", remedy="imsobs render", exit_code=ExitCode.INPUT
        ) from None
    except yaml.YAMLError as error:
        raise ImsobsError(
            f"{path}: {' '.join(str(error).split())}",
            remedy="imsobs render",
            exit_code=ExitCode.INPUT,
        ) from None
    try:
        foreign = list(_foreign(manifest))
    except (AttributeError, TypeError, KeyError):
        foreign = ["its form"]
    if foreign:
        raise ImsobsError(
            f"{path} asks for what this program does not ship: {', '.join(foreign)}",
            remedy="imsobs render",
            exit_code=ExitCode.INPUT,
        )
    known = shipped().collector
    further = {
        section: [{"gomod": known[section][name]} for name in names]
        for section, names in build.further.items()
    }
    return {**manifest, **{key: [*manifest.get(key, ()), *more] for key, more in further.items()}}


def _foreign(manifest: dict[str, Any]) -> Iterator[str]:
    """Yield what a manifest holds besides modules that this program ships."""
    known, dist = shipped().collector, shipped().collector_dist()
    for section, entries in manifest.items():
        if section == "dist":
            yield from (f"dist.{key}" for key, value in entries.items() if value != dist.get(key))
        elif section not in known:
            yield section
        else:
            allowed = [{"gomod": module} for module in known[section].values()]
            yield from (f"{section}: {entry}" for entry in entries if entry not in allowed)
    if "dist" not in manifest:
        yield "no dist section"


def recipe_key(root: Path, name: str, component: Component) -> str:
    """Return ``name-version-hash``: equal exactly when the same build is wanted here."""
    if component.build is None:
        raise ImsobsError(f"{name} is not built here", remedy=f"set {component.env}")
    content: list[object] = [
        component.version,
        component.build.model_dump(mode="json"),
        sys.platform,
        platform.machine(),
    ]
    if isinstance(component.build, JavaBuild):
        content.append(known_jars(component.build))
    if isinstance(component.build, CollectorBuild):
        manifest = load_manifest(root, component.build)
        dist = {key: value for key, value in manifest["dist"].items() if key != "output_path"}
        content.append({**manifest, "dist": dist})
        content.append([(PATCHES / name).read_text() for name in _patch_files(component.build)])
    canonical = json.dumps(content, sort_keys=True, default=str).encode()
    return f"{name}-{component.version}-{hashlib.sha256(canonical).hexdigest()[:12]}"


def _patch_files(build: CollectorBuild) -> list[str]:
    return sorted(name for names in build.patches.values() for name in names)


def _flags(build: GoBuild) -> list[str]:
    # What a debugger reads (-dwarf) is left out of the binary (-w), and takes long to make.
    flags = ["-trimpath", "-v", "-gcflags", "all=-dwarf=false"]
    flags += ["-ldflags", " ".join(["-s", "-w", *build.ldflags])]
    tags = [] if isinstance(build, CollectorBuild) else build.tags
    return [*flags, "-tags", ",".join(tags)] if tags else flags


def _go_install(build: GoInstallBuild, site: Site) -> Path:
    gobin = site.work / "bin"
    target = f"{build.package}@{build.module_version}"
    command = [str(site.tool), "install", *_flags(build), target]
    site.run(command, site.work, {"GOBIN": str(gobin)})
    # A major version suffix (/v2) is not the command's name.
    base = re.sub(r"/v\d+$", "", build.package).rsplit("/", 1)[-1]
    return gobin / base


def _writable_copy(module: str, version: str, copy: Path, site: Site, folder: str = ".") -> Path:
    """Copy a module, or a folder of it, out of the read-only cache; return the copy."""
    target = f"{module}@{version}"
    answer = site.run([str(site.tool), "mod", "download", "-json", target], site.work, {})
    try:
        source = Path(json.loads(answer)["Dir"]) / folder
    except (ValueError, KeyError):
        raise ImsobsError(f"go mod download gave no folder for {target}") from None
    shutil.copytree(source, copy, copy_function=shutil.copyfile)
    for made in (copy, *(path for path in copy.rglob("*") if path.is_dir())):
        made.chmod(0o755)
    return copy


def _module_copy(build: ModuleCopyBuild, site: Site) -> Path:
    copy = _writable_copy(build.module, build.module_version, site.work / "module", site)
    for placeholder in build.placeholders:
        page = copy / placeholder
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text("<html></html>\n", encoding="utf-8")
    # What is taken as published is not in the module's go.sum yet.
    mode = ["-mod=mod"] if build.drop_replaces or build.staging else []
    edits = [f"-dropreplace={name}" for name in build.drop_replaces]
    for name in _staged(copy) if build.staging else []:
        edits += [f"-dropreplace={name}", f"-require={name}@{build.staging}"]
    if edits:
        site.run([str(site.tool), "mod", "edit", *edits], copy, {})
    output = site.work / "binary"
    command = [str(site.tool), "build", *mode, *_flags(build), "-o", str(output), build.package]
    site.run(command, copy, {})
    return output


def _staged(copy: Path) -> list[str]:
    """Return the modules that a go.mod replaces by folders below ./staging."""
    text = (copy / "go.mod").read_text(encoding="utf-8")
    return re.findall(r"^\s*(?:replace )?(\S+) => \./staging/", text, re.MULTILINE)


def collector_go_mod(
    manifest: dict[str, Any], require: list[str], go: str, replaced: dict[str, Path]
) -> str:
    """Return the go.mod of a Collector: every gomod of the manifest plus ``require``.

    replaced: module -> folder that stands for it.

    Written by hand because ``go mod tidy`` also wants the test dependencies of every
    component, of which some cannot be had.
    """
    modules = [
        str(entry["gomod"])
        for section in _SECTIONS
        for entry in manifest.get(section) or []
        if "gomod" in entry
    ]
    lines = sorted({*modules, *require})
    body = "".join(f"\t{line}\n" for line in lines)
    replaces = "".join(f"replace {module} => {folder}\n" for module, folder in replaced.items())
    return f"module {_COLLECTOR_MODULE}\n\ngo {go}\n\nrequire (\n{body})\n{replaces}"


def _collector(build: CollectorBuild, site: Site) -> Path:
    manifest = load_manifest(site.root, build)
    sources = site.work / "sources"
    dist = {**manifest["dist"], "output_path": str(sources)}
    copy = site.work / "builder.yaml"
    copy.write_text(yaml.safe_dump({**manifest, "dist": dist}, sort_keys=False), encoding="utf-8")
    tool = GoInstallBuild(
        kind="go-install",
        package=build.builder.partition("@")[0],
        module_version=build.builder.partition("@")[2],
    )
    builder = _go_install(tool, site)
    skip = ["--skip-get-modules", "--skip-compilation", "--skip-strict-versioning"]
    site.run([str(builder), "--config", str(copy), *skip], site.work, {})
    go_mod = collector_go_mod(manifest, build.require, site.goversion, _patched(build, site))
    (sources / "go.mod").write_text(go_mod, encoding="utf-8")
    output = site.work / "binary"
    command = [str(site.tool), "build", "-mod=mod", *_flags(build), "-o", str(output), "."]
    site.run(command, sources, {})
    return output


def _patched(build: CollectorBuild, site: Site) -> dict[str, Path]:
    """Make the patched modules; return module -> folder."""
    folders: dict[str, Path] = {}
    for pinned, files in build.patches.items():
        module, version = pinned.replace("@", " ").split(" ")
        copy = _writable_copy(module, version, site.work / f"patched-{len(folders)}", site)
        for file in files:
            shutil.copyfile(PATCHES / file, copy / f"patch_{file}")
        folders[module] = copy
    return folders


def _page(build: PageBuild, site: Site) -> Path:
    copy = site.work / "sources"
    _writable_copy(build.module, build.module_version, copy, site, build.folder)
    return page_archive(build, copy, site.work, site.run)


def follow(build: Build, site: Site) -> Path:
    """Follow a recipe at a site and return the path of the binary that came out."""
    match build:
        case CollectorBuild():
            return _collector(build, site)
        case GoInstallBuild():
            return _go_install(build, site)
        case ModuleCopyBuild():
            return _module_copy(build, site)
        case JavaBuild():
            return java_program(build, site.tool, site.work, site.run)
        case PageBuild():
            return _page(build, site)
