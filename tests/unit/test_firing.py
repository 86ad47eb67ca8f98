"""What fires: severity, labels, since, and whether anybody is told; the exit code of status."""

from __future__ import annotations

import datetime
import json
from io import StringIO
from typing import Any

import httpx
import pytest
from rich.console import Console
from typer.testing import CliRunner

from imsobs.cli import stack as stack_commands
from imsobs.cli.app import app
from imsobs.cli.tables import alert_table
from imsobs.runtime import status
from imsobs.runtime.firing import FiringAlert, firing
from imsobs.runtime.status import Status, Telemetry

assert stack_commands


def fired(name: str, severity: str, since: str, **labels: str) -> dict[str, Any]:
    known = {"alertname": name, "severity": severity, **labels}
    return {
        "state": "firing",
        "labels": known,
        "activeAt": since,
        "annotations": {"summary": f"{name} it is"},
    }


FIRED = [
    fired("Watchdog", "none", "2026-01-01T00:00:00Z"),
    fired("B", "warning", "2026-01-01T00:01:00Z", vendor="x"),
    fired("B", "warning", "2026-01-01T00:00:30Z", vendor="y"),
    fired("A", "critical", "2026-01-01T00:02:00Z"),
    fired("C", "info", "2026-01-01T00:00:00Z"),
    {**fired("D", "critical", "2026-01-01T00:00:00Z"), "state": "pending"},
]


def known(number: int, labels: dict[str, str], **why: list[str]) -> dict[str, Any]:
    return {"fingerprint": str(number), "labels": {**labels, "cluster": "external"}, "status": why}


KNOWN = [
    {
        "alerts": [
            known(1, FIRED[3]["labels"]),
            known(2, FIRED[1]["labels"], silencedBy=["0123456789abcdef"]),
            known(3, FIRED[2]["labels"], inhibitedBy=["1"]),
            known(4, FIRED[0]["labels"], mutedBy=["nights"]),
        ]
    }
]


def answer(request: httpx.Request) -> httpx.Response:
    if request.url.path == "/api/v1/alerts":
        return httpx.Response(200, json={"data": {"alerts": FIRED}})
    assert request.url.path == "/api/v2/alerts/groups"
    return httpx.Response(200, json=KNOWN)


def found(transport: httpx.MockTransport, alertmanager: str | None = "http://a") -> Any:
    with httpx.Client(transport=transport) as client:
        return firing(client, "http://p/", alertmanager)


def test_the_gravest_and_oldest_come_first_with_what_is_done_with_them() -> None:
    rows = found(httpx.MockTransport(answer))
    assert [(row.name, row.labels, row.hidden, row.calls) for row in rows] == [
        ("A", {}, "", True),
        ("B", {"vendor": "y"}, "held back by A", True),
        ("B", {"vendor": "x"}, "silenced by 01234567", False),
        ("C", {}, None, True),
        ("Watchdog", {}, "muted by nights", False),
    ]
    assert rows[0].since == "2026-01-01T00:02:00Z"
    assert rows[0].summary == "A it is"
    now = datetime.datetime(2026, 1, 1, 1, tzinfo=datetime.UTC)
    assert [row.seconds(now) for row in rows[:2]] == [3480, 3570]


def test_without_alertmanager_nothing_is_said_of_silences() -> None:
    assert {row.hidden for row in found(httpx.MockTransport(answer), None)} == {None}

    def half(request: httpx.Request) -> httpx.Response:
        if request.url.host == "a":
            raise httpx.ConnectError("refused", request=request)
        return answer(request)

    assert {row.hidden for row in found(httpx.MockTransport(half))} == {None}
    assert found(httpx.MockTransport(lambda _: httpx.Response(503))) is None


def test_the_table_has_colours_and_says_who_is_told() -> None:
    console = Console(file=StringIO(), width=160, force_terminal=True, color_system="standard")
    console.print(alert_table(found(httpx.MockTransport(answer))))
    text = console.file.getvalue()  # type: ignore[attr-defined]
    lines = text.splitlines()
    assert "\x1b[1;31mcritical" in lines[1]
    assert "delivered" in lines[1]
    assert "\x1b[33mwarning" in lines[2]
    assert "held back by A" in lines[2]
    # Silenced: dim.
    assert "\x1b[2mwarning" in lines[3]
    assert "not at Alertmanager" in lines[4]


ONE = FiringAlert("A", "warning", {}, "2026-01-01T00:00:00Z", "", "")


@pytest.mark.parametrize(
    ("problems", "alerts", "code", "says"),
    [
        ([], [], 0, "ok native stack"),
        ([], [ONE], 4, "every component answers; firing: A"),
        (["x is ill"], [ONE], 1, "problem: x is ill"),
        ([], [FiringAlert("W", "none", {}, "", "", "")], 0, "ok native stack"),
        ([], [FiringAlert("A", "critical", {}, "", "", "silenced by 1")], 0, "ok native stack"),
        ([], [FiringAlert("A", "critical", {}, "", "", "held back by B")], 4, "firing: A"),
    ],
)
def test_status_distinguishes_ill_components_from_firing_alerts(
    monkeypatch: pytest.MonkeyPatch,
    problems: list[str],
    alerts: list[FiringAlert],
    code: int,
    says: str,
) -> None:
    made = Status("native", [], Telemetry(alerts=alerts), problems)
    monkeypatch.setattr(status, "collect", lambda *_: made)
    monkeypatch.setattr(stack_commands, "project", lambda root: (None, None))
    done = CliRunner().invoke(app, ["status"])
    assert done.exit_code == code
    assert says in done.stderr
    done = CliRunner().invoke(app, ["status", "--format", "json"])
    assert done.exit_code == code
    rows = json.loads(done.stdout)["telemetry"]["alerts"]
    assert [row["name"] for row in rows] == [alert.name for alert in alerts]
