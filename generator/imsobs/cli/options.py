"""Options that mean the same in every command."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from imsobs.project import find_root

if TYPE_CHECKING:
    from imsobs.spec.schema.root import Spec


class Format(StrEnum):
    """How results are printed."""

    text = "text"
    json = "json"


def _nearest(root: Path) -> Path:
    return find_root() if root == Path() else root.resolve()


Root = Annotated[
    Path,
    typer.Option(
        "--root",
        envvar="IMSOBS_ROOT",
        help="Project folder; by default the nearest one with a spec, from here upwards.",
        show_default=False,
        callback=_nearest,
    ),
]
Overlay = Annotated[
    list[Path] | None, typer.Option("--overlay", help="YAML laid over the spec; may be repeated.")
]
AtPrometheus = Annotated[
    str | None,
    typer.Option("--prometheus", help="Base URL; the spec's own port when left out."),
]
Context = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Context of kubectl; the current one when left out."),
]
AsFormat = Annotated[Format, typer.Option("--format", help="How results are printed.")]


def prometheus_at(given: str | None, spec: Spec) -> str:
    """Return the base URL that is given, else that of the spec's own Prometheus."""
    return given or f"http://127.0.0.1:{spec.stack.prometheus.ports.http}"


def words(text: str) -> list[str]:
    """Return what an option lists, separated by commas."""
    return [word for part in text.split(",") if (word := part.strip())]
