"""imsobs silence: names are the spec's, the API's refusals are told, hostile text is shown."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from alertmanager import ROOT
from typer.testing import CliRunner

from imsobs.cli.app import app
from imsobs.errors import ExitCode, ImsobsError
from imsobs.model import Model
from imsobs.runtime import alertmanager
from imsobs.runtime.alertmanager import Alertmanager, checked


@pytest.mark.parametrize(
    ("alert", "labels", "says"),
    [
        ("CriticalErorRate", [], 'there is no alert "CriticalErorRate"'),
        ("CriticalErrorRate", ["vendor"], '"vendor" is not label=value'),
        ("CriticalErrorRate", ["vendor=x"], 'CriticalErrorRate has no label "vendor"'),
        ("CriticalErrorRate", ["service_name=VALUE"], "in place of VALUE"),
        (
            "CriticalErrorRate",
            ["deployment_environment_name=prod"],
            'has no deployment_environment_name "prod"; available: development',
        ),
        ("CriticalErrorRate", ["severity=warning"], 'has no severity "warning"'),
        ("HighCostDrift", ["vendor=a", "vendor=b"], "vendor is given twice"),
    ],
)
def test_what_would_hide_nothing_is_refused(
    model: Model, alert: str, labels: list[str], says: str
) -> None:
    with pytest.raises(ImsobsError) as caught:
        checked(model, alert, labels)
    assert says in str(caught.value)
    assert caught.value.exit_code is ExitCode.INPUT


def test_every_fault_is_told_at_once_and_what_fits_is_taken(model: Model) -> None:
    with pytest.raises(ImsobsError) as caught:
        checked(model, "CriticalErrorRate", ["a=b", "severity=x", "c"])
    assert len(str(caught.value).splitlines()) == 3
    found = checked(model, "HighCostDrift", ["vendor=any thing", "severity=warning"])
    assert found == {"vendor": "any thing", "severity": "warning"}


class Fake:
    """An Alertmanager that keeps what it is sent."""

    def __init__(self) -> None:
        self.silences: list[dict[str, Any]] = []
        self.alerts: list[dict[str, Any]] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix("/api/v2/")
        if request.method == "POST":
            body = json.loads(request.content)
            made = f"{len(self.silences):04d}-id"
            self.silences.append({**body, "id": made, "status": {"state": "active"}})
            return httpx.Response(200, json={"silenceID": made})
        if request.method == "DELETE":
            for row in self.silences:
                if row["id"] == path.removeprefix("silence/"):
                    row["status"] = {"state": "expired"}
            return httpx.Response(200)
        return httpx.Response(200, json=self.silences if path == "silences" else self.alerts)


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Fake:
    made = Fake()
    answers(monkeypatch, made)
    return made


def answers(
    monkeypatch: pytest.MonkeyPatch, handler: Callable[[httpx.Request], httpx.Response]
) -> None:
    monkeypatch.setattr(
        alertmanager,
        "loopback_client",
        lambda _: httpx.Client(transport=httpx.MockTransport(handler)),
    )


def run(*words: str) -> tuple[int, str, str]:
    done = CliRunner(env={"COLUMNS": "40"}).invoke(app, ["silence", *words, "--root", str(ROOT)])
    if isinstance(done.exception, ImsobsError):
        raise done.exception
    return done.exit_code, done.stdout, done.stderr


def test_silence_list_and_expire(fake: Fake) -> None:
    fake.alerts = [{"labels": {}, "status": {"silencedBy": ["0000-id"]}}] * 2
    code, out, err = run("CriticalErrorRate", "service_name=ims-core", "--for", "90m")
    assert code == 0
    assert "imsobs silence expire 0000-id" in err
    sent = fake.silences[0]
    assert [(m["name"], m["value"], m["isRegex"]) for m in sent["matchers"]] == [
        ("alertname", "CriticalErrorRate", False),
        ("service_name", "ims-core", False),
    ]
    (row,) = json.loads(run("list", "--format", "json")[1])["silences"]
    assert (row["hides"], row["state"]) == (2, "active")
    assert row["matchers"] == ['alertname="CriticalErrorRate"', 'service_name="ims-core"']
    assert 'alertname="CriticalErrorRate"' in out
    assert "expired 0000-id" in run("expire", "CriticalErrorRate")[2]
    assert "nothing is silenced" in run("list")[2]
    with pytest.raises(ImsobsError, match='no silence holds whose id or alert is "0000-id"'):
        run("expire", "0000-id")


@pytest.mark.parametrize(
    "words",
    [
        ["CriticalErrorRate", "--for", "soon"],
        ["CriticalErrorRate", "--for", "0s"],
        ["expire"],
        ["list", "x"],
    ],
)
def test_what_is_misspelt_is_wrong_input(fake: Fake, words: list[str]) -> None:
    with pytest.raises(ImsobsError) as caught:
        run(*words)
    assert caught.value.exit_code is ExitCode.INPUT
    assert not fake.silences


def test_hostile_silences_are_shown_and_not_obeyed(fake: Fake) -> None:
    hostile = "\x1b]0;owned\x07[red]x[/]\u2028"
    fake.silences = [
        {
            "id": hostile, "status": {"state": "active"}, "startsAt": hostile, "endsAt": hostile,
            "createdBy": hostile, "comment": hostile,
            "matchers": [{"name": "a", "value": 'say "x"\n', "isRegex": True, "isEqual": False}],
        }
    ]  # fmt: skip
    _, out, _ = run("list")
    assert "\x1b]" not in out
    assert "\u2028" not in out
    assert "[red]x[/]" in out
    assert json.loads(run("list", "--format", "json")[1])["silences"][0]["matchers"] == [
        'a!~"say \\"x\\"\\n"'
    ]


def test_an_alertmanager_that_is_away_or_refuses_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers(monkeypatch, lambda _: httpx.Response(400, text="bad\nmatcher"))
    with pytest.raises(ImsobsError, match="Alertmanager answered HTTP 400: bad matcher"):
        Alertmanager("http://a").silences()

    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    answers(monkeypatch, refuse)
    with pytest.raises(ImsobsError, match="does not answer at http://a") as caught:
        Alertmanager("http://a").silences()
    assert caught.value.exit_code is ExitCode.OUTSIDE
