"""Routes, receivers, inhibitions and mute times of a small spec, value by value."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import yaml
from small_specs import PARTS, model_of

from imsobs import artifacts
from imsobs.model import Model
from imsobs.outputs.alertmanager import plan
from imsobs.pages import TextPage, render
from imsobs.spec.schema.routing import Inhibition, Mute, Receiver, Routing

ROUTING = {
    "receiver": "nobody",
    "group_by": ["service_name"],
    "group_wait": "11s",
    "group_interval": "12m",
    "repeat_interval": "13h",
    "secrets": "secrets/own",
    "routes": {
        "first": {"match": {"severity": "critical"}, "receiver": "pager", "continue": True},
        "second": {
            "match": {"team": ["a", "b"]},
            "receiver": "chat",
            "mute": ["nights"],
            "group_by": ["alertname"],
            "group_wait": "1s",
            "group_interval": "2m",
            "repeat_interval": "3h",
        },
        "third": {"match": {"team": "c"}, "receiver": "mail", "continue": False},
    },
    "expect": {"a-to-chat": {"labels": {"team": "a"}, "receivers": ["chat"]}},
}
RECEIVERS = {
    "nobody": {},
    "pager": {"pagerduty": {"key_file": "pager_key"}},
    "chat": {"slack": {"url_file": "chat_url", "channel": "#alerts"}},
    "mail": {
        "email": {
            "to": "a@own.example",
            "from": "b@own.example",
            "smarthost": "relay.example:587",
            "username": "user",
            "password_file": "mail_password",
        }
    },
    "near": {"webhook": {"url": "http://127.0.0.1:9/hook"}},
    "far": {"webhook": {"url_file": "far_url"}},
}
MUTES = {
    "nights": {
        "description": "Nobody is there.",
        "location": "Europe/Berlin",
        "times": [{"from": "22:00", "to": "24:00"}, {"weekdays": ["saturday", "sunday"]}],
    }
}
INHIBITIONS = {
    "down": {"source": {"alertname": "Down"}, "target": {"severity": "warning"}, "equal": ["x"]},
}


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """A model with these four sections and five alerts of its own."""
    model = model_of(tmp_path_factory.mktemp("spec"), PARTS["an objective and a band"])
    spec = model.spec.model_copy(
        update={
            "routing": Routing.model_validate(ROUTING),
            "receivers": {n: Receiver.model_validate(r) for n, r in RECEIVERS.items()},
            "mutes": {n: Mute.model_validate(m) for n, m in MUTES.items()},
            "inhibitions": {n: Inhibition.model_validate(i) for n, i in INHIBITIONS.items()},
        }
    )
    some = next(iter(model.alerts.values()))
    held = {"Late": "2m", "AlsoLate": "120s", "Later": "1h", "AtOnce": "0s", "Now": None}
    alerts = {name: replace(some, name=name, for_=for_) for name, for_ in held.items()}
    return replace(model, spec=spec, alerts=alerts)


@pytest.fixture(scope="module")
def config(small: Model) -> dict[str, Any]:
    """The rendered configuration."""
    return dict(yaml.safe_load(render(plan(small))[artifacts.ALERTMANAGER]))


def test_expected_routes_are_handed_to_amtool(small: Model) -> None:
    found = yaml.safe_load(render(plan(small))[artifacts.EXPECTED_ROUTES])
    assert found == {
        "routes": {"a-to-chat": {"labels": {"team": "a"}, "receivers": ["chat"]}},
    }


def test_templates_know_for_how_many_nanoseconds_an_alert_held(small: Model) -> None:
    (page,) = [page for page in plan(small) if isinstance(page, TextPage)]
    assert page.context["holds"] == [
        ("AlsoLate|Late", 120_000_000_000),
        ("Later", 3_600_000_000_000),
    ]
    assert page.context["service"] == "service_name"
    assert page.context["environment"] == "deployment_environment_name"


def test_a_route_continues_only_when_it_says_so(config: dict[str, Any]) -> None:
    assert [route.get("continue", False) for route in config["route"]["routes"]] == [
        True,
        False,
        False,
    ]


def test_routes_are_in_order_with_their_matchers_and_receivers(config: dict[str, Any]) -> None:
    found = [(route["matchers"], route["receiver"]) for route in config["route"]["routes"]]
    assert found == [
        (['severity="critical"'], "pager"),
        (['team=~"a|b"'], "chat"),
        (['team="c"'], "mail"),
    ]


def test_a_route_has_its_own_times_or_those_of_the_root(config: dict[str, Any]) -> None:
    keys = ("group_by", "group_wait", "group_interval", "repeat_interval")
    root = config["route"]
    assert root["receiver"] == "nobody"
    assert [root[key] for key in keys] == [["service_name"], "11s", "12m", "13h"]
    first, second, third = root["routes"]
    assert [second[key] for key in keys] == [["alertname"], "1s", "2m", "3h"]
    for route in (first, third):
        assert not {*keys, "mute_time_intervals"} & route.keys()
    assert second["mute_time_intervals"] == ["nights"]


def test_a_mute_names_days_and_hours_only_where_it_leaves_some_out(config: dict[str, Any]) -> None:
    assert config["time_intervals"] == [
        {
            "name": "nights",
            "time_intervals": [
                {
                    "location": "Europe/Berlin",
                    "times": [{"start_time": "22:00", "end_time": "24:00"}],
                },
                {"location": "Europe/Berlin", "weekdays": ["saturday", "sunday"]},
            ],
        }
    ]


def test_an_inhibition_silences_its_target(config: dict[str, Any]) -> None:
    assert config["inhibit_rules"] == [
        {
            "source_matchers": ['alertname="Down"'],
            "target_matchers": ['severity="warning"'],
            "equal": ["x"],
        }
    ]


def test_receivers_send_what_was_resolved_too_and_read_secrets_from_files(
    config: dict[str, Any],
) -> None:
    found = {one["name"]: {k: one[k] for k in one if k != "name"} for one in config["receivers"]}
    assert list(found) == list(RECEIVERS)
    assert found["nobody"] == {}
    told = {
        name: {
            kind: {key: value for key, value in entry.items() if "{{" not in str(value)}
            for kind, (entry,) in kinds.items()
        }
        for name, kinds in found.items()
    }
    assert told["pager"] == {
        "pagerduty_configs": {"routing_key_file": "secrets/own/pager_key", "send_resolved": True}
    }
    assert told["chat"] == {
        "slack_configs": {
            "api_url_file": "secrets/own/chat_url",
            "channel": "#alerts",
            "send_resolved": True,
        }
    }
    assert told["mail"] == {
        "email_configs": {
            "to": "a@own.example",
            "from": "b@own.example",
            "smarthost": "relay.example:587",
            "auth_username": "user",
            "auth_password_file": "secrets/own/mail_password",
            "require_tls": True,
            "send_resolved": True,
            "html": "",
        }
    }
    assert told["near"] == {
        "webhook_configs": {"url": "http://127.0.0.1:9/hook", "send_resolved": True}
    }
    assert told["far"] == {
        "webhook_configs": {"url_file": "secrets/own/far_url", "send_resolved": True}
    }


def test_what_people_read_comes_from_the_templates(config: dict[str, Any]) -> None:
    found = {entry["name"]: entry for entry in config["receivers"]}
    told = {
        name: {key: value for key, value in found[name][kind][0].items() if "{{" in str(value)}
        for name, kind in (
            ("pager", "pagerduty_configs"),
            ("chat", "slack_configs"),
            ("mail", "email_configs"),
        )
    }
    assert told == {
        "pager": {
            "client_url": '{{ template "imsobs.runbook" . }}',
            "description": '{{ template "imsobs.title" . }}',
            "severity": '{{ template "imsobs.pagerduty_severity" . }}',
            "class": "{{ .CommonLabels.alertname }}",
            "component": "{{ .CommonLabels.service_name }}",
            "group": "{{ .CommonLabels.deployment_environment_name }}",
            "details": {"text": '{{ template "imsobs.text" . }}'},
        },
        "chat": {
            "color": '{{ template "imsobs.color" . }}',
            "title": '{{ template "imsobs.slack.title" . }}',
            "title_link": '{{ template "imsobs.runbook" . }}',
            "fallback": '{{ template "imsobs.slack.title" . }}',
            "text": '{{ template "imsobs.slack.text" . }}',
        },
        "mail": {
            "headers": {"Subject": '{{ template "imsobs.title" . }}'},
            "text": '{{ template "imsobs.text" . }}',
        },
    }


def test_templates_are_loaded_and_an_alert_unheard_of_ends_in_five_minutes(
    config: dict[str, Any],
) -> None:
    assert config["templates"] == ["templates/*.tmpl"]
    assert config["global"]["resolve_timeout"] == "5m"
