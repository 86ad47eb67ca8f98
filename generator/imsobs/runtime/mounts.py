"""What compose mounts: folders and files of the project, by where they really are."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from imsobs import artifacts, yamlio
from imsobs.errors import ExitCode, ImsobsError
from imsobs.files import read_regular


def require_inside(root: Path) -> None:
    """Raise ImsobsError for a mount that does not lie in the project, or leads over a link.

    The rendered file mounts what it names relative to itself; a link in the tree, which a
    repository can carry, would mount any folder of the machine.
    """
    file = root / artifacts.COMPOSE
    try:
        sources = sorted(set(_sources(yamlio.parse(read_regular(file).decode()))))
    except (OSError, ValueError, yaml.YAMLError, AttributeError, KeyError, TypeError) as error:
        raise ImsobsError(
            f"{file} cannot be read ({type(error).__name__})",
            remedy="imsobs render",
            exit_code=ExitCode.INPUT,
        ) from error
    real = root.resolve()
    for source in sources:
        path = file.parent.resolve() / source
        wanted = Path(*_normal(path.parts))
        if not wanted.is_relative_to(real) or wanted.resolve() != wanted:
            raise ImsobsError(
                f"{file} mounts {source}, which does not lie in the project by itself",
                remedy="replace the link by a folder, or run imsobs render",
            )


def _normal(parts: tuple[str, ...]) -> list[str]:
    found: list[str] = []
    for part in parts:
        if part == "..":
            found.pop()
        else:
            found.append(part)
    return found


def _sources(compose: dict[str, Any]) -> Iterator[str]:
    for service in compose.get("services", {}).values():
        for mount in service.get("volumes", []):
            # The short form would be a volume or a folder, and is not rendered.
            if not isinstance(mount, dict) or mount.get("type") == "bind":
                yield str(mount["source"] if isinstance(mount, dict) else mount.split(":")[0])
    for secret in compose.get("secrets", {}).values():
        yield str(secret["file"])
