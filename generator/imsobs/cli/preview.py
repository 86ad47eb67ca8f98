"""Commands to look at dashboards without Grafana."""

from __future__ import annotations

import time
from contextlib import nullcontext
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from imsobs import private
from imsobs.cli import completion, serving
from imsobs.cli.app import STACK, app
from imsobs.cli.options import AtPrometheus, Overlay, Root, prometheus_at
from imsobs.cli.output import errors, foreign, results
from imsobs.cli.spec import model_or_exit
from imsobs.errors import ExitCode, ImsobsError
from imsobs.model import Model
from imsobs.problems import available
from imsobs.spec.schema.base import seconds as duration_seconds

Names = Annotated[
    list[str] | None,
    typer.Argument(
        help="Dashboards by uid; all when left out.", autocompletion=completion.dashboards
    ),
]
_DEFAULT_OUT = Path(".imsobs/preview")
Values = Annotated[list[str] | None, typer.Option(help="Value of this variable; may be repeated.")]


@app.command(rich_help_panel=STACK)
def preview(
    dashboards: Names = None,
    root: Root = Path(),
    overlay: Overlay = None,
    prometheus: AtPrometheus = None,
    jaeger: Annotated[
        str | None, typer.Option(help="Base URL, as above; for lists of traces.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for the pages.")] = _DEFAULT_OUT,
    png: Annotated[bool, typer.Option("--png", help="Also write light and dark pictures.")] = False,
    scale: Annotated[
        float, typer.Option(help="Pictures are 1440 px times this wide.", min=0.25, max=4)
    ] = 1.0,
    serve: Annotated[
        bool, typer.Option("--serve", help="Serve live pages on loopback until interrupted.")
    ] = False,
    background: Annotated[
        bool, typer.Option("--background", help="With --serve: return; they end with the stack.")
    ] = False,
    until_down: Annotated[bool, typer.Option("--until-down", hidden=True)] = False,
    port: Annotated[
        int, typer.Option(help="Where --serve listens.", min=1, max=65535)
    ] = serving.DEFAULT_PORT,
    range_: Annotated[str | None, typer.Option("--range", help="Time shown, such as 30m.")] = None,
    recording: Annotated[
        Path | None,
        typer.Option(help="OpenMetrics file to draw, up to its end, in place of what runs."),
    ] = None,
    changed_since: Annotated[
        str | None,
        typer.Option(metavar="REV|FILE", help="Only dashboards with panels that look otherwise."),
    ] = None,
    environment: Values = None,
    service: Values = None,
    vendor: Values = None,
    model: Values = None,
) -> None:
    """Draw dashboards as web pages, with what Prometheus answers now; or serve them live.

    imsobs preview --serve
    """
    from imsobs.compile import dashboards as compiled_dashboards
    from imsobs.preview import page
    from imsobs.preview.fetch import Prometheus
    from imsobs.preview.scene import Request
    from imsobs.runtime.recorded import Recording, served

    resolved = model_or_exit(root, overlay)
    chosen = _chosen(dashboards or [], resolved)
    if changed_since is not None:
        chosen &= _redrawn(root, overlay, changed_since, resolved)
        if not chosen:
            return
    spec = resolved.spec
    prometheus = prometheus_at(prometheus, spec)
    if jaeger is None and spec.stack.jaeger is not None:
        jaeger = f"http://127.0.0.1:{spec.stack.jaeger.ports.http}"
    _require_preview()
    if serve:
        where = serving.Where(root, prometheus, jaeger, port)
        if background:
            serving.in_background(where, overlay or [], sorted(chosen))
            return
        boards = [board for board in compiled_dashboards(resolved) if board["uid"] in chosen]
        serving.until_ended(where, resolved, boards, until_down=until_down)
        return
    running = Recording(prometheus, time.time())
    with nullcontext(running) if recording is None else served(recording, root) as shown:
        request = Request(
            end=shown.end,
            seconds=_seconds(range_),
            values={
                "environment": environment or [],
                "service": service or [],
                "vendor": vendor or [],
                "model": model or [],
            },
            scrape_interval=duration_seconds(spec.scrape.interval),
            jaeger=jaeger,
        )
        try:
            if out == _DEFAULT_OUT:
                private.make_below(
                    out.parent, out, "give another --out, or remove what is in its place"
                )
            out.mkdir(parents=True, exist_ok=True)
            for dashboard in compiled_dashboards(resolved):
                if dashboard["uid"] in chosen:
                    _write(
                        page.draw(dashboard, Prometheus(shown.url), request),
                        dashboard,
                        out,
                        png,
                        scale,
                    )
        except OSError as error:
            raise ImsobsError(
                f"cannot write below {out}: {error.strerror}", remedy="give another --out"
            ) from error


def _redrawn(root: Path, overlay: list[Path] | None, other: str, model: Model) -> set[str]:
    """Return the dashboards with panels that look otherwise than in a revision, and print them."""
    from imsobs.changes.dashboards import redrawn
    from imsobs.changes.revision import revision

    with revision(root, other, overlay or []) as before:
        found = redrawn(before.model, model)
    for uid, titles in found.items():
        results.print(f"{foreign(uid)}: {foreign(', '.join(titles))}")
    if not found:
        errors.print(f"every panel looks as in {foreign(other)}")
    return set(found)


def _require_preview() -> None:
    if any(find_spec(module) is None for module in ("vl_convert", "starlette", "uvicorn")):
        raise ImsobsError(
            "what draws the dashboards is not installed", remedy="pip install 'imsobs[preview]'"
        )


def _write(drawing: str, dashboard: dict[str, str], out: Path, png: bool, scale: float) -> None:
    from imsobs.preview import page

    stem = out / dashboard["uid"]
    pages = {stem.with_suffix(".html"): page.html(drawing, dashboard["title"]).encode()}
    if png:
        pages[stem.with_suffix(".png")] = page.png(drawing, scale=scale)
        pages[out / f"{stem.name}-dark.png"] = page.png(drawing, night=True, scale=scale)
    for path, content in pages.items():
        # A link that lies there is replaced, not followed.
        path.unlink(missing_ok=True)
        path.write_bytes(content)
        results.print(f"[green]+[/] {foreign(str(path))}")


def _chosen(names: list[str], model: Model) -> set[str]:
    for name in names:
        if name not in model.dashboards:
            raise ImsobsError(
                f'there is no dashboard "{name}"; {available(name, model.dashboards)}',
                exit_code=ExitCode.INPUT,
            )
    if not model.dashboards:
        errors.print("the spec has no dashboards")
    return set(names) or set(model.dashboards)


def _seconds(text: str | None) -> int | None:
    if text is None:
        return None
    try:
        found = duration_seconds(text)
    except (KeyError, ValueError):
        found = 0
    if found <= 0:
        raise ImsobsError(
            f'"{text}" is not a duration; write 30m, 6h or 7d', exit_code=ExitCode.INPUT
        )
    return found
