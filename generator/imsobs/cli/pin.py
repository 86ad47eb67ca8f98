"""``imsobs pin``: version and digest of an image, together."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from imsobs import shipped, yamlio
from imsobs.cli.app import OPERATIONS, app
from imsobs.cli.options import Overlay, Root
from imsobs.cli.output import errors, foreign, print_plain
from imsobs.cli.spec import model_or_exit
from imsobs.errors import ExitCode, ImsobsError
from imsobs.problems import available

_RELEASE = re.compile(r"([a-z]+)=(\d+\.\d+\.\d+)")
_SECONDS = 30


@app.command(rich_help_panel=OPERATIONS)
def pin(
    names: Annotated[
        list[str] | None, typer.Argument(help="Components; all with an image when left out.")
    ] = None,
    root: Root = Path(),
    overlay: Overlay = None,
    release: Annotated[
        list[str] | None,
        typer.Option(help="Version to go to, as NAME=VERSION; may be repeated."),
    ] = None,
    write: Annotated[
        bool, typer.Option("--write", help="Update what this installation ships instead.")
    ] = False,
) -> None:
    """Ask registries for the digests of the stack's images; print a stack section with them.

    Version and digest change together: paste the section into the spec. Nothing is printed or
    written when a registry cannot be asked.
    """
    from imsobs.runtime.registry import digest, registry_client

    stack = model_or_exit(root, overlay).spec.stack
    known = [name for name, entry in shipped.shipped().components.items() if entry.image]
    # The demo's image is built, not pulled.
    known.remove("gateway")
    chosen = names or known
    for name in chosen:
        if name not in known:
            raise ImsobsError(
                f'no image "{name}"; {available(name, known)}', exit_code=ExitCode.INPUT
            )
    versions = _versions(release or [], known)
    found: dict[str, dict[str, str]] = {}
    with registry_client(_SECONDS) as client:
        for name in chosen:
            component = getattr(stack, name)
            version = versions.get(name, component.version)
            errors.print(f"asking for {foreign(component.image)} {version}")
            tag = shipped.shipped().image_tag(name, version)
            found[name] = {"version": version, "digest": digest(client, component.image, tag)}
    if write:
        _write(found)
    else:
        print_plain(yamlio.dump({"stack": found}), end="")


def _versions(given: list[str], known: list[str]) -> dict[str, str]:
    found = {}
    for text in given:
        match = _RELEASE.fullmatch(text)
        if match is None or match[1] not in known:
            raise ImsobsError(
                f'"{text}" is not NAME=VERSION of {", ".join(known)}', exit_code=ExitCode.INPUT
            )
        found[match[1]] = match[2]
    return found


def _write(found: dict[str, dict[str, str]]) -> None:
    """Put versions and digests into data/builds.yaml, line by line: its comments stay."""
    lines: list[str] = []
    name, inside = "", False
    for line in shipped.FILE.read_text(encoding="utf-8").splitlines():
        if not line.startswith((" ", "#")):
            inside = line == "components:"
        if inside and (match := re.fullmatch(r"  ([a-z]+):", line)):
            name = match[1]
        entry = found.get(name) if inside else None
        if entry and line.startswith("    digest:"):
            continue
        if entry and line.startswith("    version:"):
            lines.append(f'    version: "{entry["version"]}"')
            lines.append(f"    digest: {entry['digest']}")
            continue
        lines.append(line)
    shipped.FILE.write_text("\n".join([*lines, ""]), encoding="utf-8")
    errors.print(f"[green]ok[/] {foreign(shipped.FILE)}: {', '.join(found)}")
