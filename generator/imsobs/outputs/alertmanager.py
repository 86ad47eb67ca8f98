"""Alertmanager: routes, receivers (secrets by file only), inhibition, mute times, templates."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from imsobs import artifacts
from imsobs.model import Model, conventions
from imsobs.pages import TextPage, YamlPage
from imsobs.promql.matchers import matcher
from imsobs.spec.schema.base import seconds
from imsobs.spec.schema.routing import Email, Matchers, Mute, Receiver, Route

TEMPLATE = f"{artifacts.NOTIFICATION_TEMPLATES}/notifications.tmpl"
_DEFAULTS = ("group_by", "group_wait", "group_interval", "repeat_interval")


def plan(model: Model) -> Iterator[YamlPage | TextPage]:
    """Yield alerts/alertmanager.yaml and the notification templates."""
    spec = model.spec
    sections = {
        "global": {"resolve_timeout": "5m"},
        "templates": ["templates/*.tmpl"],
        "route": {
            "receiver": spec.routing.receiver,
            **{key: getattr(spec.routing, key) for key in _DEFAULTS},
            "routes": [_route(route) for route in spec.routing.routes.values()],
        },
        "inhibit_rules": [
            {
                "source_matchers": matchers(rule.source),
                "target_matchers": matchers(rule.target),
                "equal": rule.equal,
            }
            for rule in spec.inhibitions.values()
        ],
        "time_intervals": [_mute(name, mute) for name, mute in spec.mutes.items()],
        "receivers": [
            {"name": name, **_receiver(receiver, model)}
            for name, receiver in spec.receivers.items()
        ],
    }
    yield YamlPage(artifacts.ALERTMANAGER, sections, "alerts/alertmanager.yaml.j2")
    names = {"service": conventions.SERVICE_NAME, "environment": conventions.ENVIRONMENT}
    yield TextPage(TEMPLATE, "alerts/notifications.tmpl.j2", {**names, "holds": _holds(model)})
    expected = {
        name: {"labels": wanted.labels, "receivers": wanted.receivers}
        for name, wanted in spec.routing.expect.items()
    }
    yield YamlPage(artifacts.EXPECTED_ROUTES, {"routes": expected})


def _holds(model: Model) -> list[tuple[str, int]]:
    """Return (pattern of alert names, ``for`` in ns) of alerts that hold before they fire."""
    found: dict[int, list[str]] = {}
    for alert in model.alerts.values():
        if held := seconds(alert.for_ or "0s"):
            found.setdefault(held, []).append(alert.name)
    return [("|".join(sorted(names)), held * 10**9) for held, names in sorted(found.items())]


def matchers(labels: Matchers) -> list[str]:
    """Return labels as Alertmanager's matchers; several values become an anchored pattern."""
    return [matcher(*item) for item in labels.items()]


def _route(route: Route) -> dict[str, Any]:
    data: dict[str, Any] = {"receiver": route.receiver, "matchers": matchers(route.match)}
    if route.then_continue:
        data["continue"] = True
    if route.mute:
        data["mute_time_intervals"] = route.mute
    for key in _DEFAULTS:
        if getattr(route, key) is not None:
            data[key] = getattr(route, key)
    return data


def _mute(name: str, mute: Mute) -> dict[str, Any]:
    intervals = []
    for time in mute.times:
        entry: dict[str, Any] = {"location": mute.location}
        if time.weekdays:
            entry["weekdays"] = time.weekdays
        if (time.start, time.end) != ("00:00", "24:00"):
            entry["times"] = [{"start_time": time.start, "end_time": time.end}]
        intervals.append(entry)
    return {"name": name, "time_intervals": intervals}


def _receiver(receiver: Receiver, model: Model) -> dict[str, Any]:
    found: dict[str, Any] = {}
    secrets = model.spec.routing.secrets
    # Without a place where runbooks are read, notifications link to Alertmanager, as by default.
    link = '{{ template "imsobs.runbook" . }}' if model.spec.alerting.runbooks else None
    if receiver.pagerduty is not None:
        found["pagerduty_configs"] = [
            {
                "routing_key_file": f"{secrets}/{receiver.pagerduty.key_file}",
                "send_resolved": True,
                # Alertmanager's own address, the default, need not answer where it runs.
                **({"client_url": link} if link else {}),
                "description": '{{ template "imsobs.title" . }}',
                "severity": '{{ template "imsobs.pagerduty_severity" . }}',
                "class": "{{ .CommonLabels.alertname }}",
                "component": f"{{{{ .CommonLabels.{conventions.SERVICE_NAME} }}}}",
                "group": f"{{{{ .CommonLabels.{conventions.ENVIRONMENT} }}}}",
                "details": {"text": '{{ template "imsobs.text" . }}'},
            }
        ]
    if receiver.slack is not None:
        found["slack_configs"] = [
            {
                "api_url_file": f"{secrets}/{receiver.slack.url_file}",
                "channel": receiver.slack.channel,
                "send_resolved": True,
                "color": '{{ template "imsobs.color" . }}',
                "title": '{{ template "imsobs.slack.title" . }}',
                **({"title_link": link} if link else {}),
                "fallback": '{{ template "imsobs.slack.title" . }}',
                "text": '{{ template "imsobs.slack.text" . }}',
            }
        ]
    if receiver.email is not None:
        found["email_configs"] = [_email(receiver.email, secrets)]
    if receiver.webhook is not None:
        hook = receiver.webhook
        target = {"url": hook.url} if hook.url else {"url_file": f"{secrets}/{hook.url_file}"}
        found["webhook_configs"] = [{**target, "send_resolved": True}]
    return found


def _email(mail: Email, secrets: str) -> dict[str, Any]:
    return {
        "to": mail.to,
        "from": mail.sender,
        "smarthost": mail.smarthost,
        "auth_username": mail.username,
        "auth_password_file": f"{secrets}/{mail.password_file}",
        "require_tls": True,
        "send_resolved": True,
        "headers": {"Subject": '{{ template "imsobs.title" . }}'},
        "html": "",
        "text": '{{ template "imsobs.text" . }}',
    }
