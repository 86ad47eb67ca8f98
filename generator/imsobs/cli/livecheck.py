"""imsobs live-check: what the running stack has seen of the spec, and what it has not."""

from __future__ import annotations

import time
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from imsobs.cli import completion
from imsobs.cli.app import STACK, app
from imsobs.cli.options import AtPrometheus, Format, Overlay, Root, prometheus_at, words
from imsobs.cli.output import errors, foreign, print_json, print_plain, results
from imsobs.cli.spec import compiled_or_exit
from imsobs.compile import Compiled
from imsobs.errors import ExitCode, ImsobsError
from imsobs.model import Model
from imsobs.problems import available
from imsobs.spec.schema.base import seconds_of

if TYPE_CHECKING:
    from imsobs.runtime.livecheck.report import Finding, Report
    from imsobs.runtime.livecheck.wording import Section

# How far back `imsobs status` looks.
_STATUS_SECONDS = 3600


class LiveFormat(StrEnum):
    """How the check is printed."""

    text = "text"
    json = "json"
    markdown = "markdown"


@dataclass(frozen=True)
class Told:
    """A check, and what there is to tell of it: sections that have rows."""

    report: Report
    sections: list[Section]


@app.command("live-check", rich_help_panel=STACK)
def live_check(
    root: Root = Path(),
    overlay: Overlay = None,
    watch: Annotated[
        str | None,
        typer.Option("--for", metavar="TIME", help="Watch for so long from now, as 5m."),
    ] = None,
    last: Annotated[
        str, typer.Option(metavar="TIME", help="Without --for: the time before now that is judged.")
    ] = "15m",
    fail_on: Annotated[
        str,
        typer.Option(
            metavar="WHAT,...",
            help="Exit 1 on any: missing, quiet, outside, undeclared, unmatched, broken.",
        ),
    ] = "",
    service: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Only what this service reports.",
            autocompletion=completion.services,
        ),
    ] = None,
    prometheus: AtPrometheus = None,
    every: Annotated[bool, typer.Option("--all", help="List metrics that are well, too.")] = False,
    format: Annotated[
        LiveFormat, typer.Option("--format", help="How the check is printed.")
    ] = LiveFormat.text,
) -> None:
    """Hold what runs against the spec: each metric seen or not, and what nobody declared.

    Exit code 1 for findings that --fail-on names, 3 when something was refused or lost on its way:
    what was not seen may then have been sent.
    """
    from imsobs.runtime.livecheck import wording
    from imsobs.runtime.livecheck.report import Verdict, report

    fails = _findings(fail_on)
    seconds = _seconds(watch or last)
    machine = Format.json if format is LiveFormat.json else Format.text
    compiled, model = compiled_or_exit(root, overlay, machine)
    _known(service, model)
    base = prometheus_at(prometheus, model.spec)
    if watch is not None:
        # That it does not answer is better known now than after the time.
        report(model, base, 1)
        errors.print(f"watching for {foreign(watch)}")
        time.sleep(seconds)
    found = report(model, base, seconds, service=service)
    told = _told(found, compiled, model, every=every)
    match format:
        case LiveFormat.json:
            print_json(found.as_json(fails))
        case LiveFormat.markdown:
            print_plain("\n".join(wording.markdown(found, told.sections, fails)))
        case LiveFormat.text:
            print_sections(told)
    verdict = found.verdict(fails)
    colour = "green" if verdict is Verdict.ok else "red"
    errors.print(f"[{colour}]{foreign(wording.verdict(found, fails))}[/]")
    if verdict is Verdict.invalid:
        raise typer.Exit(ExitCode.OUTSIDE)
    if verdict is Verdict.findings:
        raise typer.Exit(ExitCode.FINDINGS)


def of_service(service: str, root: Path, prometheus: str) -> Told:
    """Return what Prometheus has seen of a service; ImsobsError when it cannot be asked."""
    from imsobs.runtime.livecheck.report import report

    compiled, model = compiled_or_exit(root, None)
    _known(service, model)
    found = report(model, prometheus, _STATUS_SECONDS, service=service)
    return _told(found, compiled, model, every=True)


def print_sections(told: Told) -> None:
    """Print the sections, and the line that sums them up."""
    from imsobs.runtime.livecheck.wording import summary

    for section in told.sections:
        # No table of rich: it cuts names to the width of a build's log.
        rows = [section.headings, *section.rows]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        results.print(f"[bold]{foreign(section.title)}[/]")
        for row in rows:
            parts = [part.ljust(width) for part, width in zip(row, widths, strict=True)]
            results.print(foreign("  ".join(parts).rstrip()))
        results.print()
    results.print(foreign(summary(told.report)))


def _told(found: Report, compiled: Compiled, model: Model, *, every: bool) -> Told:
    from imsobs.runtime.livecheck.wording import sections

    def place(metric: str) -> str:
        position = compiled.document.locate(("metrics", metric))
        return f"{position.file}:{position.line}"

    return Told(found, [one for one in sections(found, model, place, every=every) if one.rows])


def _findings(text: str) -> list[Finding]:
    from imsobs.runtime.livecheck.report import Finding

    names = words(text)
    known = [str(one) for one in Finding]
    for name in names:
        if name not in known:
            raise ImsobsError(
                f'--fail-on: "{name}" is nothing to fail on; {available(name, known)}',
                exit_code=ExitCode.INPUT,
            )
    return [Finding(name) for name in dict.fromkeys(names)]


def _known(service: str | None, model: Model) -> None:
    """Raise ImsobsError (INPUT) for a service that the spec does not have."""
    if service is not None and service not in model.spec.service.names:
        raise ImsobsError(
            f'the spec has no service "{service}"; {available(service, model.spec.service.names)}',
            exit_code=ExitCode.INPUT,
        )


def _seconds(text: str) -> int:
    found = seconds_of(text)
    if found is None:
        raise ImsobsError(
            f'"{text}" is no time', remedy="write 90s, 15m or 2h", exit_code=ExitCode.INPUT
        )
    return found
