"""Live pages from the command line: in the foreground, or beside a running stack."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imsobs.cli.output import errors
from imsobs.model import Model
from imsobs.model.conventions import alert_file_stem
from imsobs.spec.schema.base import seconds as duration_seconds

DEFAULT_PORT = 3030


@dataclass(frozen=True)
class Where:
    """Whose pages, from where, at which port. prometheus, jaeger: base URLs, where there is one."""

    root: Path
    prometheus: str
    jaeger: str | None
    port: int

    @property
    def address(self) -> str:
        """Return the address of the pages."""
        return f"http://127.0.0.1:{self.port}"


def until_ended(
    where: Where, model: Model, boards: Sequence[Mapping[str, Any]], *, until_down: bool
) -> None:
    """Serve until interrupted, or until the stack is taken down."""
    from imsobs.live import serve as live
    from imsobs.live.sources import Sources

    notifier = model.spec.stack.alertmanager
    alertmanager = None if notifier is None else f"http://127.0.0.1:{notifier.ports.http}"
    with live.listening(where.port) as listener:
        errors.print(f"serving {where.address} (Ctrl-C ends it)")
        live.serve(
            listener,
            boards,
            {name: alert_file_stem(name) for name in model.alerts},
            Sources(where.prometheus, where.jaeger, alertmanager, where.root),
            duration_seconds(model.spec.scrape.interval),
            until_down=until_down,
        )


def in_background(where: Where, overlays: Sequence[Path], boards: Sequence[str]) -> None:
    """Start the same beside the stack and return; it ends with the stack."""
    from imsobs.live.background import start
    from imsobs.runtime.paths import layout_for

    words = ["preview", *boards, "--serve", "--until-down", "--root", str(where.root)]
    words += ["--prometheus", where.prometheus, "--port", str(where.port)]
    words += [] if where.jaeger is None else ["--jaeger", where.jaeger]
    for overlay in overlays:
        words += ["--overlay", str(overlay)]
    layout = layout_for(where.root)
    started = start(layout, where.port, words)
    errors.print(f"{'serving' if started else 'already serving'} dashboards at {where.address}")
