"""Options that mean the same in every command."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from imsobs.project import find_root


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
AsFormat = Annotated[Format, typer.Option("--format", help="How results are printed.")]
