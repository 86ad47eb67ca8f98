"""What ``up`` touches in a stack that runs: nothing that is the same, one after another, told."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from native_fakes import SERVER, Notes, Project, executable, make_project, path_with

from imsobs.errors import ImsobsError
from imsobs.runtime.docker import compose_foresee, compose_up
from imsobs.runtime.process import handover, stack
from imsobs.runtime.process.daemon import Supervisor, end_leftovers
from imsobs.runtime.process.stack import Outcome, foresee, up
from imsobs.runtime.rules import Rule, difference
from imsobs.runtime.trial import free_ports


class Told(Notes):
    """Keeps what is told."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def note(self, text: str) -> None:
        self.lines.append(text)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    made = make_project(tmp_path)
    monkeypatch.setenv("PATH", path_with(made.bin))
    monkeypatch.setenv("IMSOBS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("GRAFANA_ADMIN_PASSWORD", "for-tests")
    monkeypatch.delenv("IMSOBS_STATE", raising=False)
    add_optional(made)
    yield made
    end_leftovers(made.layout, 0)


def add_optional(project: Project) -> None:
    """Put an optional process before the others; beta is started otherwise beside it."""
    (port,) = free_ports(1)
    process = {
        "component": "loki",
        "args": [str(port)],
        "ports": {"http": port},
        "ready": f"http://127.0.0.1:{port}/ready",
    }
    project.data["processes"] = {"loki": process, **project.data["processes"]}
    project.data["processes"]["beta"]["args_with"] = {"loki": ["--with-loki"]}


def install_loki(project: Project) -> None:
    executable(project.bin / "loki", SERVER.replace("VERSION", "3.0.0"))


def bring_up(project: Project, *wanted: str) -> tuple[Outcome, list[str]]:
    told = Told()
    return up(project.plan(), project.layout, told, wanted), told.lines


def pids(project: Project) -> dict[str, int]:
    return {n: s.pid for n, s in Supervisor(project.layout).processes().items() if s.up}


def test_a_newly_found_optional_component_touches_nothing(project: Project) -> None:
    outcome, _ = bring_up(project)
    assert (outcome.started, outcome.absent) == (("alpha", "beta"), ("loki",))
    before = pids(project)
    install_loki(project)
    outcome, told = bring_up(project)
    assert outcome == Outcome(unchanged=("alpha", "beta"), spare=("loki",))
    assert pids(project) == before
    assert told == []


def test_one_that_is_asked_for_restarts_only_what_uses_it(project: Project) -> None:
    bring_up(project)
    before = pids(project)
    install_loki(project)
    foreseen = [change.line for change in foresee(project.plan(), project.layout, ["loki"])]
    assert foreseen == ["start loki", "keep alpha", "restart beta: its arguments changed"]
    outcome, told = bring_up(project, "loki")
    assert outcome == Outcome(started=("loki",), restarted=("beta",), unchanged=("alpha",))
    assert told[0] == "will restart beta: its arguments changed"
    after = pids(project)
    assert after["alpha"] == before["alpha"]
    assert after["beta"] != before["beta"]
    # From now on it belongs to the stack.
    assert bring_up(project)[0].unchanged == ("loki", "alpha", "beta")


def test_one_whose_binary_is_no_longer_found_runs_on(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = project.root / "elsewhere"
    elsewhere.mkdir()
    install_loki(project)
    (project.bin / "loki").rename(elsewhere / "loki")
    monkeypatch.setenv("PATH", path_with(project.bin, elsewhere))
    bring_up(project)
    before = pids(project)
    # Another shell, another PATH.
    monkeypatch.setenv("PATH", path_with(project.bin))
    outcome, _ = bring_up(project)
    assert outcome.unchanged == ("loki", "alpha", "beta")
    assert pids(project) == before
    shutil.rmtree(elsewhere)
    outcome, told = bring_up(project)
    assert told[0].startswith("will stop loki: ")
    assert outcome.restarted == ("beta",)
    assert pids(project)["alpha"] == before["alpha"]


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        ("alpha", 'no optional component "alpha" in this stack; available: loki'),
        ("lokki", 'no optional component "lokki" in this stack; available: loki'),
        ("loki", "loki is not here"),
    ],
)
def test_only_an_optional_component_that_is_here_can_be_added(
    project: Project, wanted: str, says: str
) -> None:
    with pytest.raises(ImsobsError, match=says):
        bring_up(project, wanted)


def test_the_same_bytes_elsewhere_and_another_path_restart_nothing(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    bring_up(project)
    before = pids(project)
    copies = project.root / "copies"
    shutil.copytree(project.bin, copies)
    monkeypatch.setenv("PATH", path_with(copies))
    monkeypatch.setenv("LANG", "de_DE.UTF-8")
    monkeypatch.setenv("TZ", "Europe/Berlin")
    assert bring_up(project)[0] == Outcome(unchanged=("alpha", "beta"), absent=("loki",))
    assert pids(project) == before


def test_why_something_is_restarted_is_told_before(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.data["processes"]["beta"]["reads"] = ["IMSOBS_ENVIRONMENT"]
    bring_up(project)
    monkeypatch.setenv("IMSOBS_ENVIRONMENT", "staging")
    (project.root / "beta.conf").write_text("beta two", encoding="utf-8")
    executable(project.bin / "alpha", SERVER.replace("VERSION", "1.2.4"))
    outcome, told = bring_up(project)
    assert outcome.restarted == ("alpha", "beta")
    assert told[:2] == [
        "will restart alpha: 1.2.3 becomes 1.2.4",
        "will restart beta: IMSOBS_ENVIRONMENT changed in its environment; beta.conf changed",
    ]


def test_restarts_come_one_after_another(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    bring_up(project)
    for name in ("alpha", "beta"):
        project.data["processes"][name]["env"] = {"LEVEL": "debug"}
    real = stack.wait_until_ready
    seen: list[tuple[str, ...]] = []

    def looking(supervisor: Supervisor, layout: Any, launches: Any, progress: Any) -> None:
        real(supervisor, layout, launches, progress)
        seen.append(tuple(launches))

    monkeypatch.setattr(stack, "wait_until_ready", looking)
    bring_up(project)
    assert seen == [(), ("alpha",), ("beta",), ("alpha", "beta")]
    # One that does not become ready leaves those after it alone.
    before = pids(project)
    for name in ("alpha", "beta"):
        project.data["processes"][name]["env"] = {"LEVEL": "info"}
    (project.root / "alpha.conf").write_text("crash", encoding="utf-8")
    with pytest.raises(ImsobsError, match="alpha crashed"):
        bring_up(project)
    assert pids(project)["beta"] == before["beta"]


def answers(firing: list[str], known: list[str]) -> httpx.Client:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/api/v1/alerts":
            alerts = [{"state": "firing", "labels": {"alertname": name}} for name in firing]
            alerts.append({"state": "pending", "labels": {"alertname": "Pending"}})
            return httpx.Response(200, json={"data": {"alerts": alerts}})
        return httpx.Response(200, json=[{"labels": {"alertname": name}} for name in known])

    return httpx.Client(transport=httpx.MockTransport(answer))


def test_alertmanager_has_its_alerts_when_it_knows_each_that_fires() -> None:
    with answers(["A", "A", "B"], ["A", "C"]) as client:
        assert handover.missing(client, "http://p", "http://a") == {"A": 1, "B": 1}
    with answers(["A", "A"], ["A", "A", "C"]) as client:
        assert not handover.missing(client, "http://p", "http://a")


DOCKER = """#!/bin/sh
echo "$@" >> "$(dirname "$0")/docker.log"
case "$*" in
  *"config --hash"*) printf 'alertmanager new\\njaeger same\\nprometheus new\\nloki new\\n' ;;
  *" ps "*) cat "$(dirname "$0")/ps.json" ;;
  inspect*jaeger*) echo same ;;
  inspect*) echo old ;;
esac
"""


def test_containers_are_made_anew_one_after_another_and_told(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    executable(project.bin / "docker", DOCKER)
    running = ("jaeger", "prometheus", "alertmanager")
    rows = [{"Service": name, "ID": name, "Status": "Up"} for name in running]
    (project.bin / "ps.json").write_text(json.dumps(rows), encoding="utf-8")
    changes = compose_foresee(project.layout)
    assert [(change.name, change.action) for change in changes] == [
        ("alertmanager", "restart"),
        ("jaeger", "none"),
        ("loki", "start"),
        ("prometheus", "restart"),
    ]
    waited: list[str] = []
    monkeypatch.setattr("imsobs.runtime.docker.wait_for_alerts", lambda *_: waited.append("waited"))
    told = Told()
    compose_up(project.layout, project.plan(), told)
    assert [line.split(":")[0] for line in told.lines] == [
        "will restart alertmanager", "will restart prometheus",
    ]  # fmt: skip
    asked = (project.bin / "docker.log").read_text(encoding="utf-8").splitlines()
    ups = [line.split(" up ")[1] for line in asked if " up " in line]
    assert ups == [
        "--detach --wait --no-deps alertmanager",
        "--detach --wait --no-deps prometheus",
        "--detach --wait --remove-orphans",
    ]
    assert waited == ["waited"]


def rule(name: str, expr: str, **more: Any) -> Rule:
    known = {"group": "g", "alert": True, "held": 60.0, "kept": 0.0, "labels": (), **more}
    return Rule(name=name, expr=expr, annotations=(), **known)


def test_rules_that_changed_are_named_with_what_of_them() -> None:
    before = [rule("A", "x > 1"), rule("B", "b"), rule("C", "c"), rule("r", "y", alert=False)]
    after = [
        rule("A", "x > 2", held=120.0),
        rule("B", "b", group="other"),
        rule("D", "d"),
        rule("r", "y", alert=False, labels=(("team", "x"),)),
    ]
    assert [change.line for change in difference(before, after)] == [
        "alert A: expression x > 1 becomes x > 2; for 60s becomes 120s",
        "alert C: removed",
        "alert D: added",
        "recording rule r: label team",
    ]
