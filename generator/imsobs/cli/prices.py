"""``imsobs prices``: the price table beside a public list."""

from __future__ import annotations

import datetime
from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import typer

from imsobs import yamlio
from imsobs.cli.app import OPERATIONS, app
from imsobs.cli.options import AsFormat, Format, Overlay, Root
from imsobs.cli.output import errors, foreign, print_json, print_plain
from imsobs.cli.spec import model_or_exit
from imsobs.errors import ExitCode, ImsobsError

_STALE = ("changed", "missing")
_MOST_ODD = 10


@app.command(rich_help_panel=OPERATIONS)
def prices(
    root: Root = Path(),
    overlay: Overlay = None,
    file: Annotated[
        Path | None, typer.Option("--from", help="The list, as JSON, in the form of litellm's.")
    ] = None,
    installed: Annotated[
        bool, typer.Option("--installed", help="The list of the litellm that is installed here.")
    ] = False,
    download: Annotated[
        bool,
        typer.Option(
            "--download", help="Fetch the pinned wheel of litellm, read its list, drop it."
        ),
    ] = False,
    day: Annotated[
        datetime.datetime | None,
        typer.Option("--day", formats=["%Y-%m-%d"], help="First day of what is proposed; today."),
    ] = None,
    format: AsFormat = Format.text,
) -> None:
    """Compare the price table with a public list; print what to write where they differ.

    Nothing is fetched but with --download, and nothing is written: what is printed to standard
    output is a `prices` section to review, put into the spec or lay over it. Exit codes: 0 the
    table is current, 1 a price is missing or out of date, 2 wrong input, 3 the list could not be
    had.
    """
    from imsobs.runtime.pricelist import compare, entries, fetch

    if [file is not None, installed, download].count(True) != 1:
        raise ImsobsError(
            "say where the list is",
            remedy="one of --from FILE, --installed, --download",
            exit_code=ExitCode.INPUT,
        )
    model = model_or_exit(root, overlay)
    if file is not None:
        content = fetch.from_file(file)
    else:
        content = fetch.from_installed() if installed else fetch.from_wheel()
    read = entries.read(content)
    today = datetime.datetime.now(datetime.UTC) if day is None else day
    found = compare.compare(model, read.entries, today.date())
    if format is Format.json:
        _tell_odd(read.odd)
        print_json([_plain(finding) for finding in found])
    else:
        _tell(found, read.odd)
        section: dict[str, dict[str, Any]] = {}
        for finding in found:
            if finding.proposal:
                section.setdefault(finding.vendor, {})[finding.model] = list(finding.proposal)
        if section:
            print_plain(yamlio.dump({"prices": section}), end="")
    if any(finding.kind in _STALE for finding in found):
        raise typer.Exit(ExitCode.FINDINGS)


def _plain(finding: Any) -> dict[str, Any]:
    return {
        "vendor": finding.vendor,
        "model": finding.model,
        "kind": finding.kind,
        "since": None if finding.since is None else finding.since.isoformat(),
        "differences": [
            {
                "names": list(difference.names),
                "tier": difference.tier,
                "above": difference.above,
                "rates": {
                    kind: {"spec": None if before is None else float(before), "list": float(after)}
                    for kind, (before, after) in difference.rates.items()
                },
            }
            for difference in finding.differences
        ],
        "proposal": list(finding.proposal),
    }


def _tell(found: list[Any], odd: list[str]) -> None:
    """Say on standard error what was found; what is proposed goes to standard output."""
    words = {
        "missing": "the spec has no price",
        "unlisted": "the list has no price to compare with",
    }
    for finding in found:
        what = f"{foreign(finding.vendor)} {foreign(finding.model)}"
        if finding.kind == "changed":
            errors.print(f"[yellow]{what}[/]: not as the list has it (since {finding.since})")
            for difference in finding.differences:
                names = ", ".join(difference.names)
                errors.print(f"  {foreign(difference)} ({foreign(names)})")
        elif finding.kind in words:
            errors.print(f"[yellow]{what}[/]: {words[finding.kind]}")
    _tell_odd(odd)
    count = Counter(finding.kind for finding in found)
    counts = ", ".join(f"{count[kind]} {kind}" for kind in sorted(count)) or "no model in common"
    colour = "yellow" if any(count[kind] for kind in _STALE) else "green"
    errors.print(f"[{colour}]prices[/] {counts}")


def _tell_odd(odd: list[str]) -> None:
    for line in odd[:_MOST_ODD]:
        errors.print(f"left out of the list: {foreign(line)}")
    if len(odd) > _MOST_ODD:
        errors.print(f"left out of the list: {len(odd) - _MOST_ODD} more")
