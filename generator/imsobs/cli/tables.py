"""Tables and trees that the stack commands print."""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict

from rich.table import Table
from rich.tree import Tree

from imsobs.cli.options import Format
from imsobs.cli.output import foreign, print_json, results
from imsobs.runtime.doctor import Finding
from imsobs.runtime.firing import SEVERITIES, FiringAlert
from imsobs.runtime.status import ComponentStatus, Status, Telemetry
from imsobs.runtime.traces import Span

_LEVELS = {"ok": "[green]ok[/]", "info": "info", "warn": "[yellow]warn[/]", "fail": "[red]fail[/]"}
_SEVERITY_COLOURS = {"critical": "bold red", "warning": "yellow", "info": "blue", "none": "dim"}
# Of a span's attributes, the few that say what it did.
_SHOWN_TAGS = (
    "http.request.method",
    "http.route",
    "http.response.status_code",
    "gen_ai.request.model",
    "gen_ai.usage.input_tokens",
    "gen_ai.usage.output_tokens",
    "db.operation.name",
    "error.type",
)


def span_of_time(seconds: int | None) -> str:
    """Return ``3h 20m``, ``4m 10s`` or ``12s``; a dash for None."""
    if seconds is None:
        return "-"
    hours, rest = divmod(seconds, 3600)
    minutes, left = divmod(rest, 60)
    if hours:
        return f"{hours}h {minutes}m"
    return f"{minutes}m {left}s" if minutes else f"{left}s"


def _health(row: ComponentStatus) -> str:
    if row.healthy:
        return "[green]yes[/]"
    return "[dim]absent[/]" if row.state == "absent" else "[red]no[/]"


def component_table(rows: Sequence[ComponentStatus]) -> Table:
    """Return the table of components; why one is not healthy stands below it."""
    table = Table(box=None, pad_edge=False)
    for heading in ("component", "endpoint", "healthy", "version", "pid", "uptime"):
        table.add_column(heading, no_wrap=True)
    for row in rows:
        table.add_row(
            foreign(row.name),
            foreign(row.endpoint),
            _health(row),
            foreign(row.version or "-"),
            str(row.pid or "-"),
            span_of_time(row.uptime_seconds),
        )
    return table


def _count(value: int | None) -> str:
    return "-" if value is None else f"{value:,}"


def telemetry_table(facts: Telemetry) -> Table:
    """Return what Prometheus knows, one fact per line."""
    table = Table(box=None, pad_edge=False, show_header=False)
    targets = f"{_count(facts.targets_up)} of {_count(facts.targets_total)} up"
    down = f" (down: {', '.join(facts.targets_down)})" if facts.targets_down else ""
    for label, value in (
        ("targets", f"{targets}{down}"),
        ("series", _count(facts.series)),
        ("spans received", _count(facts.spans_received)),
        ("log records received", _count(facts.logs_received)),
        ("metric points received", _count(facts.metric_points_received)),
        ("alerts firing", _alerts(facts.alerts)),
        ("expected sources", _expected(facts)),
    ):
        table.add_row(label, foreign(value))
    for one in facts.expected or ():
        if one.missing:
            table.add_row("[yellow]never seen[/]", foreign(one.line()))
    return table


def _alerts(alerts: Sequence[FiringAlert] | None) -> str:
    """Return how many alerts fire, by severity."""
    if alerts is None:
        return "-"
    counts = Counter(alert.severity for alert in alerts)
    parts = [f"{counts.pop(name)} {name}" for name in SEVERITIES if name in counts]
    parts += [f"{number} {name}" for name, number in sorted(counts.items())]
    return ", ".join(parts) or "none"


def alert_table(alerts: Sequence[FiringAlert]) -> Table:
    """Return what fires: severity, name, for how long, labels, and whether it was delivered."""
    now = datetime.datetime.now(datetime.UTC)
    table = Table(box=None, pad_edge=False)
    for heading in ("severity", "alert", "for", "", "labels"):
        table.add_column(heading, no_wrap=heading != "labels")
    for one in alerts:
        colour = _SEVERITY_COLOURS.get(one.severity, "red") if one.calls else "dim"
        table.add_row(
            f"[{colour}]{foreign(one.severity)}[/]",
            f"[{colour}]{foreign(one.name)}[/]",
            span_of_time(one.seconds(now)),
            foreign("not at Alertmanager" if one.hidden is None else one.hidden or "delivered"),
            foreign(", ".join(f"{key}={value}" for key, value in one.labels.items())),
        )
    return table


def _expected(facts: Telemetry) -> str:
    """Return how many of the sources whose cause was counted were seen."""
    if facts.expected is None:
        return "-"
    caused = [one for one in facts.expected if one.causes]
    if not caused:
        return "none yet"
    return f"{sum(not one.missing for one in caused)} of {len(caused)} seen"


def status_lines(status: Status) -> list[str]:
    """Return the closing lines of a status: every problem, or that all is well."""
    if status.healthy and status.calling:
        names = ", ".join(dict.fromkeys(alert.name for alert in status.calling))
        return [f"{status.mode} stack, every component answers; [red]firing:[/] {foreign(names)}"]
    if status.healthy:
        return [f"[green]ok[/] {status.mode} stack, every component answers"]
    return [f"[red]problem:[/] {foreign(problem)}" for problem in status.problems]


def findings_table(findings: Sequence[Finding]) -> Table:
    """Return the table of what doctor or preflight found."""
    table = Table(box=None, pad_edge=False)
    for heading in ("check", "", "finding"):
        table.add_column(heading)
    for finding in findings:
        detail = foreign(finding.detail, lines=True)
        if finding.remedy:
            detail += f"\n[dim]remedy:[/] {foreign(finding.remedy)}"
        table.add_row(foreign(finding.check), _LEVELS[finding.level], detail)
    return table


def print_findings(findings: Sequence[Finding], format: Format) -> bool:
    """Print what was found as a table or as JSON; return whether any of it is a failure."""
    failed = any(finding.level == "fail" for finding in findings)
    if format is Format.json:
        print_json({"ok": not failed, "findings": [asdict(finding) for finding in findings]})
    else:
        results.print(findings_table(findings))
    return failed


def _milliseconds(microseconds: int) -> str:
    return f"{microseconds / 1000:,.2f} ms"


def _label(span: Span) -> str:
    style = "red" if span.error else "bold"
    parts = " ".join(f"{key}={span.tags[key]}" for key in _SHOWN_TAGS if key in span.tags)
    head = f"[{style}]{foreign(span.name)}[/] {_milliseconds(span.duration)}"
    tail = f"at +{_milliseconds(span.start)} {foreign(span.service)}"
    return f"{head} [dim]{tail}[/]" + (f" {foreign(parts)}" if parts else "")


def trace_tree(trace_id: str, roots: Sequence[Span]) -> Tree:
    """Return a trace as a tree: name, duration, offset, service, chosen attributes, events."""
    tree = Tree(f"trace {trace_id}")
    # Not recursive: a trace may be deeper than Python's stack.
    todo = [(tree, span) for span in reversed(roots)]
    while todo:
        branch, span = todo.pop()
        node = branch.add(_label(span))
        for at, event in span.events:
            node.add(f"[dim]+{_milliseconds(at)}[/] {foreign(event)}")
        todo += [(node, child) for child in reversed(span.children)]
    return tree
