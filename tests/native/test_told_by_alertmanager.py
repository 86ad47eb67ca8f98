"""The real Alertmanager: how often the dead man's switch comes, and what a silence hides."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from alertmanager import ROOT, post, running, wait_for

from imsobs.model import Model
from imsobs.runtime.alertmanager import Alertmanager, checked
from imsobs.runtime.drill.compress_time import NEVER, local_routes
from imsobs.runtime.drill.receiver import Inbox, listening

pytestmark = pytest.mark.native
TEMPLATES = ROOT / "alerts/templates"
ENVIRONMENT = "deployment_environment_name"


def rendered() -> dict[str, Any]:
    return dict(yaml.safe_load((ROOT / "alerts/alertmanager.yaml").read_text(encoding="utf-8")))


def count(inbox: Inbox, alert: str) -> int:
    return sum(notice.alert == alert for notice in inbox.notices())


@pytest.mark.timeout(180)
def test_the_dead_mans_switch_comes_every_minute(tmp_path: Path) -> None:
    """With the times as rendered: docs/guide/alerting.md says every minute."""
    config = rendered()
    with listening() as inbox:
        local = local_routes(config, inbox.url, mutes=NEVER)
        # Whole, with its own times.
        for own, short in zip(config["route"]["routes"], local["route"]["routes"], strict=True):
            short.update({k: v for k, v in own.items() if k.endswith(("interval", "wait"))})
        with running(local, tmp_path, TEMPLATES) as client:
            post(client, [{"alertname": "Watchdog", "severity": "none"}])
            wait_for(lambda: count(inbox, "Watchdog") == 1, 60, "the first")
            begin = time.monotonic()
            wait_for(lambda: count(inbox, "Watchdog") == 2, 90, "the second")
            assert time.monotonic() - begin == pytest.approx(60, abs=5)
            assert {notice.receiver for notice in inbox.notices()} == {"dead-man"}


def test_a_silence_hides_what_it_names_until_it_is_expired(model: Model, tmp_path: Path) -> None:
    labels = {"alertname": "CriticalErrorRate", "severity": "critical", "service_name": "ims-core"}
    with listening() as inbox:
        config = local_routes(rendered(), inbox.url, mutes=NEVER)
        with running(config, tmp_path, TEMPLATES) as client:
            api = Alertmanager(str(client.base_url).rstrip("/"))
            wanted = checked(model, "CriticalErrorRate", [f"{ENVIRONMENT}=production"])
            made = api.add("CriticalErrorRate", wanted, 600, "known")
            both = [{**labels, ENVIRONMENT: name} for name in ("production", "unknown")]
            post(client, both)
            wait_for(lambda: inbox.notices(), 60, "the other environment is told")
            wait_for(lambda: api.silences()[0].hides == 1, 60, "the silence hides one")
            time.sleep(2)
            assert {n.labels[ENVIRONMENT] for n in inbox.notices()} == {"unknown"}
            assert [row.id for row in api.expire("CriticalErrorRate")] == [made.id]
            wait_for(
                lambda: (
                    {n.labels[ENVIRONMENT] for n in inbox.notices()} == {"unknown", "production"}
                ),
                60,
                "told once the silence has ended",
            )
            assert api.silences() == []


def test_the_command_of_a_notification_holds_nothing_that_a_shell_obeys(tmp_path: Path) -> None:
    config = rendered()
    with listening() as inbox:
        local = local_routes(config, inbox.url, mutes=NEVER)
        local["templates"] = [str(TEMPLATES / "*.tmpl")]
        hook = {"url": f"{inbox.url}/text", "payload": {"alerts": []}}
        for receiver in local["receivers"]:
            receiver["webhook_configs"] = [
                {**hook, "payload": {"alerts": [{"status": '{{ template "imsobs.text" . }}'}]}}
            ]
        with running(local, tmp_path, TEMPLATES) as client:
            post(
                client,
                [
                    {
                        "alertname": "CriticalErrorRate",
                        "severity": "critical",
                        "service_name": "x; rm -rf ~ `id` $(id)",
                        ENVIRONMENT: "production",
                    }
                ],
            )
            wait_for(lambda: inbox.notices(), 60, "the text")
            (line,) = [
                line
                for line in inbox.notices()[0].status.splitlines()
                if line.startswith("Silence: ")
            ]
    assert line == (
        "Silence: imsobs silence CriticalErrorRate"
        f" {ENVIRONMENT}=production service_name=VALUE --for 2h"
    )
