"""`imsobs explain`: what a check wants, where a metric comes from, whom an alert tells."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from imsobs.cli import completion
from imsobs.cli.app import SPEC, app
from imsobs.cli.options import AsFormat, Format, Overlay, Root
from imsobs.cli.output import foreign, print_json, print_plain, results
from imsobs.cli.spec import compiled_or_exit
from imsobs.errors import ExitCode, ImsobsError
from imsobs.problems import available


@app.command(rich_help_panel=SPEC)
def explain(
    name: Annotated[
        str,
        typer.Argument(
            metavar="CHECK|METRIC|ALERT",
            help="The id of a check, or a name of the spec.",
            autocompletion=completion.explained,
        ),
    ],
    root: Root = Path(),
    overlay: Overlay = None,
    format: AsFormat = Format.text,
) -> None:
    """Explain a check, a metric from signal to panel, or an alert from condition to receiver.

    Series and recorded series are explained too. Every line names its place in the spec or in the
    rendered files.
    """
    if "/" in name:
        _explain_check(name, format)
        return
    # No other command needs it.
    from imsobs.explain import explain as of

    found = of(name, *compiled_or_exit(root, overlay))
    if format is Format.json:
        print_json(found.data())
        return
    for text, place in found.lines():
        results.print(foreign(text) + (f"  [dim]{foreign(place)}[/]" if place else ""))


def _explain_check(check: str, format: Format) -> None:
    from imsobs.findings.pages import pages

    page = pages().get(check)
    if page is None:
        raise ImsobsError(
            f'"{check}" is the id of no check',
            remedy=available(check, pages()),
            exit_code=ExitCode.INPUT,
        )
    if format is Format.json:
        print_json({"kind": "check", "name": check, "text": page.text, "file": page.path})
    else:
        print_plain(f"{check}  {page.path}\n\n{page.text}")
