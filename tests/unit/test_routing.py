"""What the spec expects of its routes, asked of amtool and of a real Alertmanager."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from alertmanager import ROOT, post, running, states, wait_for

from imsobs import artifacts
from imsobs.model import Model
from imsobs.outputs.alertmanager import TEMPLATE, matchers, plan
from imsobs.pages import render
from imsobs.runtime.build.binaries import resolve_binary
from imsobs.runtime.drill.compress_time import ALWAYS, NEVER, local_routes
from imsobs.runtime.drill.receiver import Notice, listening
from imsobs.spec.schema.routing import Expectation


@pytest.fixture(scope="module")
def rendered(model: Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The rendered alerts/ folder, on its own."""
    root = tmp_path_factory.mktemp("alerts")
    for path, content in render(plan(model)).items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content)
    return root


def test_several_values_become_one_anchored_pattern() -> None:
    assert matchers({"team": "models", "severity": ["critical", "warning"]}) == [
        'team="models"',
        'severity=~"critical|warning"',
    ]


def test_a_value_of_a_matcher_is_no_operator() -> None:
    assert matchers({"a": 'x", b="y', "c": ["1|2", "a.b"]}) == [
        'a="x\\", b=\\"y"',
        'c=~"1\\\\|2|a\\\\.b"',
    ]


def test_secrets_are_files_only(rendered: Path) -> None:
    config = yaml.safe_load((rendered / artifacts.ALERTMANAGER).read_text())
    found: list[tuple[str, str]] = []

    def walk(key: str, value: Any) -> None:
        if isinstance(value, dict):
            for inner_key, inner in value.items():
                walk(inner_key, inner)
        elif isinstance(value, list):
            for inner in value:
                walk(key, inner)
        elif key.endswith("_file"):
            found.append((key, value))
        else:
            assert not any(word in key for word in ("password", "api_url", "routing_key", "token"))

    walk("", config["receivers"])
    assert found
    assert all(value.startswith("secrets/alerting/") for _, value in found)


@pytest.mark.native
def test_amtool_accepts_the_configuration_and_its_routes(model: Model, rendered: Path) -> None:
    amtool = str(resolve_binary("amtool", ROOT))
    subprocess.run(
        [amtool, "check-config", artifacts.ALERTMANAGER],
        cwd=rendered,
        check=True,
        capture_output=True,
    )
    for name, wanted in model.spec.routing.expect.items():
        command = [amtool, "config", "routes", "test", f"--config.file={artifacts.ALERTMANAGER}"]
        command.append(f"--verify.receivers={','.join(wanted.receivers)}")
        command += [f"{label}={value}" for label, value in wanted.labels.items()]
        done = subprocess.run(command, cwd=rendered, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{name}: {done.stdout}{done.stderr}"


@pytest.mark.native
def test_a_notification_is_readable(model: Model, rendered: Path, tmp_path: Path) -> None:
    """Title and text as people get them, from a firing alert."""
    alert = model.alerts["CriticalErrorRate"]
    labels = {"alertname": alert.name, "service_name": "ims-core", **alert.labels}
    labels["deployment_environment_name"] = "production"
    texts = {
        "summary": "ims-core fails 21% of its requests",
        "description": "21% of the requests of the last 5 minutes ended with a server error.",
        "runbook_url": alert.runbook_url,
        "dashboard_url": "http://127.0.0.1:3000/d/ims-overview?var-service=ims-core",
    }
    firing = {"status": "firing", "labels": labels, "annotations": texts}
    data = {
        "receiver": "on-call",
        "status": "firing",
        "alerts": [{**firing, "startsAt": "2026-01-02T03:04:05Z"}],
        "groupLabels": {"alertname": alert.name},
        "commonLabels": labels,
        "commonAnnotations": texts,
        "externalURL": "http://127.0.0.1:9093",
    }
    file = tmp_path / "data.json"
    file.write_text(json.dumps(data))
    amtool = str(resolve_binary("amtool", ROOT))
    glob = f"--template.glob={(rendered / TEMPLATE).parent}/*.tmpl"

    def shown(name: str) -> str:
        text = f'--template.text={{{{ template "{name}" . }}}}'
        command = [amtool, "template", "render", glob, text, f"--template.data={file}"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    assert (
        shown("imsobs.title") == "[FIRING 1] CRITICAL CriticalErrorRate on ims-core in production"
    )
    assert shown("imsobs.color") == "danger"
    assert shown("imsobs.runbook") == texts["runbook_url"]
    text = shown("imsobs.text")
    for part in (*texts.values(), "area=requests", "team=platform"):
        assert part in text
    # It fired 40 seconds after its condition began: that is how long it holds.
    assert "Since: 2026-01-02 03:03:25 UTC" in text
    data["status"] = "resolved"
    data["alerts"] = [
        {
            **firing,
            "status": "resolved",
            "startsAt": "2026-01-02T03:04:05Z",
            "endsAt": "2026-01-02T03:19:35.4Z",
        }
    ]
    file.write_text(json.dumps(data))
    ended = "Ended: 2026-01-02 03:19:35 UTC, lasted 16m10s (since 2026-01-02 03:03:25 UTC)"
    text = shown("imsobs.text")
    assert text.startswith(ended)
    assert f"Last told: {texts['summary']}" in text
    assert "Silence" not in text
    assert texts["description"] not in text
    data |= {"status": "firing", "alerts": [{**firing, "startsAt": "2026-01-02T03:04:05Z"}]}
    # An alert that holds for no time, or that the spec does not know, began when it fired.
    for name in ("Watchdog", "Handmade"):
        data["alerts"][0]["labels"] = {**labels, "alertname": name}
        file.write_text(json.dumps(data))
        assert "Since: 2026-01-02 03:04:05 UTC" in shown("imsobs.text")
    data["alerts"][0]["labels"] = dict(labels)
    # Slack would call everybody, and show a link that leads elsewhere than it says.
    data["commonLabels"]["service_name"] = "<!channel> & <https://evil.example|Runbook>"
    data["alerts"][0]["labels"]["service_name"] = data["commonLabels"]["service_name"]
    data["alerts"][0]["annotations"]["summary"] = "<!here>"
    file.write_text(json.dumps(data))
    escaped = "&lt;!channel&gt; &amp; &lt;https://evil.example|Runbook&gt;"
    assert (
        shown("imsobs.slack.title")
        == f"[FIRING 1] CRITICAL CriticalErrorRate on {escaped} in production"
    )
    for text in (shown("imsobs.slack.text"), shown("imsobs.slack.title")):
        assert "<" not in text.replace("<no value>", "")
        assert escaped in text
    assert "&lt;!here&gt;" in shown("imsobs.slack.text")


def _of_case(name: str, labels: dict[str, str]) -> dict[str, str]:
    return {**labels, "case": name}


@pytest.mark.native
def test_expected_routes_in_a_real_alertmanager(
    model: Model, rendered: Path, tmp_path: Path
) -> None:
    """Receiver, group and inhibition of every expected route, in one run."""
    config = yaml.safe_load((rendered / artifacts.ALERTMANAGER).read_text())
    expected = model.spec.routing.expect
    templates = (rendered / TEMPLATE).parent
    with listening() as inbox:
        local = local_routes(config, inbox.url, mutes=NEVER, apart="case")
        with running(local, tmp_path, templates) as client:
            beside = [_of_case(n, e.beside) for n, e in expected.items() if e.beside]
            post(client, beside)
            wait_for(lambda: len(states(client)) == len(beside), 60, "the graver alerts are known")
            # An inhibition is evaluated when a group is sent; the source must be there first.
            time.sleep(2)
            post(client, [_of_case(name, wanted.labels) for name, wanted in expected.items()])
            told = {name: e for name, e in expected.items() if not e.inhibited}
            wait_for(lambda: set(told) <= _cases(inbox.notices(), told), 60, "all are notified")
            time.sleep(3)
            held = states(client)
        notices = inbox.notices()
    for name, wanted in expected.items():
        alert = wanted.labels["alertname"]
        mine = [n for n in notices if n.labels["case"] == name and n.alert == alert]
        if wanted.inhibited:
            assert mine == [], name
            assert held[name, alert]["inhibitedBy"], name
            continue
        assert list(dict.fromkeys(n.receiver for n in mine)) == wanted.receivers, name
        assert mine[0].group["alertname"] == alert


def _cases(notices: list[Notice], expected: dict[str, Expectation]) -> set[str]:
    return {
        name
        for name, wanted in expected.items()
        if any(
            n.labels.get("case") == name and n.alert == wanted.labels["alertname"] for n in notices
        )
    }


@pytest.mark.native
def test_mute_times_hold_warnings_and_let_critical_ones_through(
    model: Model, rendered: Path, tmp_path: Path
) -> None:
    config = yaml.safe_load((rendered / artifacts.ALERTMANAGER).read_text())
    expected = {
        name: wanted
        for name, wanted in model.spec.routing.expect.items()
        if wanted.beside is None and (wanted.muted or wanted.labels.get("severity") == "critical")
    }
    with listening() as inbox:
        local = local_routes(config, inbox.url, mutes=ALWAYS, apart="case")
        with running(local, tmp_path, (rendered / TEMPLATE).parent) as client:
            post(client, [_of_case(name, wanted.labels) for name, wanted in expected.items()])
            loud = {name: wanted for name, wanted in expected.items() if not wanted.muted}
            wait_for(lambda: set(loud) <= _cases(inbox.notices(), loud), 60, "critical is notified")
            time.sleep(2)
            held = states(client)
        quiet = {n: w for n, w in expected.items() if w.muted}
        assert quiet
        assert loud
        assert not _cases(inbox.notices(), quiet)
    for name, wanted in quiet.items():
        assert held[name, wanted.labels["alertname"]]["mutedBy"] == [wanted.muted]
