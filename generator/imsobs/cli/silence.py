"""imsobs silence: hide an alert for a while, list what is hidden, end it."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from imsobs.cli import completion
from imsobs.cli.app import STACK, app
from imsobs.cli.options import AsFormat, Format, Root
from imsobs.cli.output import errors, foreign, print_json, results
from imsobs.cli.spec import model_or_exit
from imsobs.errors import ExitCode, ImsobsError
from imsobs.spec.schema.base import seconds_of

if TYPE_CHECKING:
    from imsobs.runtime.alertmanager import Alertmanager, Silence

_LIST, _EXPIRE = "list", "expire"


@app.command(rich_help_panel=STACK)
def silence(
    what: Annotated[
        str,
        typer.Argument(
            help="An alert of the spec; or list; or expire.", autocompletion=completion.silenced
        ),
    ],
    rest: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[LABEL=VALUE]...",
            help="Only where the alert has these labels. After expire: ids or alerts.",
            autocompletion=completion.label_values,
        ),
    ] = None,
    duration: Annotated[str, typer.Option("--for", help="How long, such as 30m or 2h.")] = "2h",
    comment: Annotated[str, typer.Option("--comment", help="Why; others read it.")] = "",
    root: Root = Path(),
    format: AsFormat = Format.text,
) -> None:
    """Silence an alert of the running stack; list silences, or expire them.

    imsobs silence CriticalErrorRate deployment_environment_name=production --for 2h
    """
    from imsobs.runtime.alertmanager import Alertmanager, base_of, checked
    from imsobs.runtime.process.plan import load_plan

    api = Alertmanager(base_of(load_plan(root)))
    words = rest or []
    if what == _LIST:
        _refuse_words(words)
        _show(api.silences(), format)
    elif what == _EXPIRE:
        _expire(api, words, format)
    else:
        length = seconds_of(duration)
        if length is None:
            raise ImsobsError(
                f'--for: "{duration}" is no duration',
                remedy="write 30m, 2h, 1h30m or 3d",
                exit_code=ExitCode.INPUT,
            )
        labels = checked(model_or_exit(root, None), what, words)
        made = api.add(what, labels, length, comment or "imsobs silence")
        _show([made], format)
        if format is Format.text:
            errors.print(f"[green]ok[/] until {made.ends[:16]}Z; to end it before:")
            errors.print(f"imsobs silence expire {made.id[:8]}")


def _refuse_words(words: list[str]) -> None:
    if words:
        raise ImsobsError(
            f'list takes nothing else, not "{words[0]}"', exit_code=ExitCode.INPUT
        )  # fmt: skip


def _expire(api: Alertmanager, wanted: list[str], format: Format) -> None:
    if not wanted:
        raise ImsobsError(
            "expire which?", remedy="imsobs silence list, then an id or an alert",
            exit_code=ExitCode.INPUT,
        )  # fmt: skip
    ended = [row for one in wanted for row in api.expire(one)]
    if format is Format.json:
        print_json({"expired": [row.id for row in ended]})
        return
    for row in ended:
        errors.print(f"[green]ok[/] expired {row.id[:8]} {foreign(', '.join(row.matchers))}")


def _show(rows: list[Silence], format: Format) -> None:
    if format is Format.json:
        print_json({"silences": [asdict(row) for row in rows]})
        return
    if not rows:
        errors.print("nothing is silenced")
        return
    # Lines, no table: what is silenced is read whole, however narrow the terminal.
    for row in rows:
        results.print(
            f"{foreign(row.id[:8])}  {foreign(row.state)} until {foreign(row.ends[:16])}Z, "
            f"hides {row.hides} now, by {foreign(row.by)}: {foreign(row.comment)}"
        )
        results.print(f"  {foreign(', '.join(row.matchers))}")
