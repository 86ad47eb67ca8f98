"""How soon somebody is told: what drills in real time have measured, kept as a page.

``docs/reference/notifications.json`` holds the last measurement of each alert, the page beside it
is written from it. Both are committed. Rendering leaves them alone, and where `alerting.measured`
of the spec names the file, runbooks show what is in it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from imsobs import artifacts, measurements, write
from imsobs.measurements import Measurement
from imsobs.model import Model, conventions
from imsobs.model.rules import ResolvedAlert
from imsobs.runtime.drill.queries import silent
from imsobs.spec.schema.base import seconds

# Seconds from the first bad request to the notification.
GOALS = {"critical": 120, "warning": 300}
# Seconds that a drill in real time waits for each notification.
PATIENCE = 600.0
_PAGE = "notifications.md"
_HEAD = """\
# Notifications

<!-- Written by `imsobs drill --real-time`. Do not edit: drill again. -->

Seconds from the first bad request (or the stop of a component) to the notification, measured in a
stack of its own with the ranges, durations and intervals of the spec, while every alert of a
phase was drilled at the same time. Goals: 120 s for critical alerts, 300 s for warnings. An alert
that is held back was known to Alertmanager after that time; who holds it back was told before.
The queries are those of the runbook, run while the alert fired.

| alert | severity | told | after | goal met | queries that answered | measured |
|---|---|---|---|---|---|---|
"""


def record(root: Path, model: Model, rows: list[dict[str, Any]]) -> Path:
    """Keep the rows of a drill that were delivered, and write the page; return its path.

    Raises ImsobsError where either is a link, or lies behind one: it could lead anywhere.
    """
    write.present(root, [f"{artifacts.REFERENCE}/{name}" for name in (measurements.FILE, _PAGE)])
    folder = root / artifacts.REFERENCE
    file = folder / measurements.FILE
    known = measurements.read(file)
    for row in rows:
        if row["delivered_after_seconds"] is not None:
            known[row["alert"]] = Measurement(
                row["alert"],
                row["severity"],
                row["delivered_to"],
                row["delivered_after_seconds"],
                row["date"],
                row["queries"],
            )
    # What the spec has no longer is not told of.
    known = {name: known[name] for name in model.alerts if name in known}
    measurements.write(file, known.values())
    page = folder / _PAGE
    page.write_text(_HEAD + "".join(map(_line, known.values())) + _rest(model, known), "utf-8")
    return page


def _line(row: Measurement) -> str:
    goal = GOALS.get(row.severity)
    met = "" if goal is None else "yes" if row.after <= goal else "no"
    empty = silent(row.queries)
    answered = f"{len(row.queries) - len(empty)} of {len(row.queries)}"
    if empty:
        answered += f" (nothing: {', '.join(empty)})"
    link = f"../runbooks/{conventions.alert_file_stem(row.alert)}.md"
    return (
        f"| [{row.alert}]({link}) | {row.severity} | {row.told} | {row.after:.0f} s"
        f" | {met} | {answered} | {row.date} |\n"
    )


def _rest(model: Model, known: dict[str, Measurement]) -> str:
    lines = [
        f"- {alert.name}: {_why(alert)}"
        for alert in model.alerts.values()
        if alert.enabled and alert.name not in known
    ]
    return "\nNot measured:\n\n" + "\n".join(lines) + "\n" if lines else ""


def _why(alert: ResolvedAlert) -> str:
    """Return why an alert is not measured."""
    if alert.drill.skip:
        return alert.drill.skip
    held = alert.for_ or "0s"
    if 2 * seconds(held) >= PATIENCE:
        return f"holds for {held}"
    return f"what it looks at changes more slowly than the {PATIENCE:.0f} s that a drill waits"
