"""Bill of materials (CycloneDX): what is distributed, built and run, with versions.

    python -m release.sbom [OUT]

Read from what is locked and shipped (requirements.lock, data/builds.yaml), and for native
binaries that are in the cache from what Go has written into them (a web page: from the licences
that it carries). The same input gives the same bytes: no random serial number, no time but
SOURCE_DATE_EPOCH or the commit's.
"""

from __future__ import annotations

import datetime
import importlib.metadata
import json
import re
import subprocess
import sys
import uuid
import zipfile
from collections.abc import Iterator
from pathlib import Path

from cyclonedx.model import HashAlgorithm, HashType, Property
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentScope, ComponentType
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from packageurl import PackageURL
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from imsobs.cache import cache_dir
from imsobs.errors import ImsobsError
from imsobs.runtime.build.compile import cached_binary, usable
from imsobs.shipped import PageBuild, shipped
from release.wheel import ROOT, epoch

_LOCKED = re.compile(r"^([A-Za-z0-9._-]+)==([^ ;\\]+)", re.MULTILINE)
# A line of `go version -m`: dep, module, version, hash.
_MODULE = re.compile(r"^\tdep\t(\S+)\t(\S+)(?:\t(\S+))?$", re.MULTILINE)
_PACKAGE = re.compile(r"^Name: (\S+)\nVersion: (\S+)\nLicense: (.+)$", re.MULTILINE)
_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "urn:imsobs:sbom")


def python_components() -> Iterator[Component]:
    """Yield every locked distribution; what imsobs itself needs is required, the rest optional."""
    needed = _closure("imsobs")
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    for name, version in sorted(set(_LOCKED.findall(text))):
        required = canonicalize_name(name) in needed
        yield _component(
            name,
            version,
            PackageURL("pypi", None, canonicalize_name(name), version),
            ComponentType.LIBRARY,
            scope=ComponentScope.REQUIRED if required else ComponentScope.OPTIONAL,
        )


def _closure(root: str) -> set[str]:
    """Return the names of what a distribution needs without extras, itself included."""
    found: set[str] = set()
    todo = [root]
    while todo:
        name = str(canonicalize_name(todo.pop()))
        if name in found:
            continue
        found.add(name)
        try:
            needs = importlib.metadata.requires(name) or []
        except importlib.metadata.PackageNotFoundError:
            continue
        for text in needs:
            requirement = Requirement(text)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                todo.append(requirement.name)
    return found


def go_components() -> Iterator[Component]:
    """Yield the modules of the Collector, and the native binaries with what is in them."""
    known = shipped()
    for section in known.collector.values():
        for module in section.values():
            path, version = module.split()
            yield _go(path, version)
    for name, component in known.natively({}).items():
        binary = Component(
            name=name,
            version=component.version,
            type=ComponentType.APPLICATION,
            bom_ref=f"native:{name}@{component.version}",
            properties=[Property(name="imsobs:optional", value=str(component.optional).lower())],
        )
        built = _built(name)
        if built is not None:
            digest = built.with_name(f"{name}.sha256").read_text(encoding="utf-8").strip()
            binary.hashes.add(HashType(alg=HashAlgorithm.SHA_256, content=digest))
            inside = _bundled if isinstance(component.build, PageBuild) else _inside
            binary.components.update(inside(built, name))
        yield binary


def _built(name: str) -> Path | None:
    component = shipped().natively({})[name]
    if component.build is None:
        return None
    try:
        binary = cached_binary(ROOT, cache_dir(), name, component)
        return binary if usable(binary) else None
    except ImsobsError:
        return None


def _inside(binary: Path, name: str) -> Iterator[Component]:
    """Yield the modules that Go has written into a binary."""
    command = ["go", "version", "-m", str(binary)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return
    for path, version, checksum in _MODULE.findall(done.stdout):
        properties = [Property(name="go:sum", value=checksum)] if checksum else []
        found = _go(path, version, prefix=f"{name}:")
        found.properties.update(properties)
        yield found


def _bundled(archive: Path, name: str) -> Iterator[Component]:
    """Yield the npm packages of a web page, which carries their licences."""
    with zipfile.ZipFile(archive) as whole:
        listed = [file for file in whole.namelist() if file.endswith("third-party-licenses.txt")]
        text = "".join(whole.read(file).decode() for file in listed)
    for path, version, licence in sorted(set(_PACKAGE.findall(text))):
        namespace, _, package = path.rpartition("/")
        url = PackageURL("npm", namespace or None, package, version)
        found = _component(path, version, url, ComponentType.LIBRARY, prefix=f"{name}:")
        found.properties.add(Property(name="npm:license", value=licence))
        yield found


def _go(path: str, version: str, prefix: str = "") -> Component:
    namespace, _, name = path.rpartition("/")
    url = PackageURL("golang", namespace or None, name, version)
    return _component(path, version, url, ComponentType.LIBRARY, prefix=prefix)


def image_components() -> Iterator[Component]:
    """Yield the images as they are shipped; by digest where one is known."""
    known = shipped()
    for name, entry in known.components.items():
        if entry.image is None or entry.version is None or name == "gateway":
            continue
        tag = known.image_tag(name, entry.version)
        namespace, _, image = entry.image.rpartition("/")
        url = PackageURL("docker", namespace or None, image, entry.digest or tag)
        found = _component(entry.image, tag, url, ComponentType.CONTAINER)
        value = entry.digest or "unknown: pulled by tag"
        found.properties.add(Property(name="imsobs:digest", value=value))
        yield found


def _component(
    name: str,
    version: str,
    url: PackageURL,
    kind: ComponentType,
    *,
    scope: ComponentScope | None = None,
    prefix: str = "",
) -> Component:
    return Component(
        name=name,
        version=version,
        purl=url,
        type=kind,
        scope=scope,
        bom_ref=f"{prefix}{url.to_string()}",
    )


def bill() -> Bom:
    """Return the whole bill."""
    made = Bom()
    version = importlib.metadata.version("imsobs")
    made.metadata.component = Component(
        name="imsobs", version=version, type=ComponentType.APPLICATION, bom_ref="imsobs"
    )
    made.metadata.timestamp = datetime.datetime.fromtimestamp(int(epoch()), datetime.UTC)
    made.components.update(python_components())
    made.components.update(go_components())
    made.components.update(image_components())
    made.register_dependency(made.metadata.component, made.components)
    references = "\n".join(sorted(str(component.bom_ref) for component in made.components))
    made.serial_number = uuid.uuid5(_NAMESPACE, f"{version}\n{references}")
    return made


def text() -> str:
    """Return the bill as CycloneDX JSON (schema 1.6)."""
    outputter = make_outputter(bill(), OutputFormat.JSON, SchemaVersion.V1_6)
    data = json.loads(outputter.output_as_string())
    return json.dumps(data, indent=2, sort_keys=True) + "\n"


def main() -> None:
    """Write the bill, and print where and how much it lists."""
    out = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "dist/sbom.cdx.json"
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(text(), encoding="utf-8")
    print(f"{out}: {len(json.loads(out.read_text())['components'])} components")


if __name__ == "__main__":
    main()
