"""Sections that are left out have defaults, and null leaves a component out with what needs it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from small_specs import LEFT_OUT, PARTS, model_of, rendered_alone, smallest

from imsobs import yamlio
from imsobs.compile import render_model
from imsobs.runtime import secrets


def files_of(folder: Path, *texts: str) -> dict[str, bytes]:
    return render_model(smallest(folder, *texts))


def parsed(content: bytes) -> Any:
    return yamlio.parse(content.decode())


def test_a_spec_of_a_name_an_address_and_routes_is_whole(tmp_path: Path) -> None:
    model = smallest(tmp_path)
    spec = model.spec
    assert list(spec.alerting.teams) == ["shop"]
    assert {alert.team for alert in model.alerts.values()} == {"shop"}
    assert spec.routing.receiver == "nobody"
    assert "password" in spec.redaction.keys
    assert model.alerts["ServiceDown"].runbook_url == "docs/runbooks/service-down.md"
    assert model.alerts["ServiceDown"].dashboard_url.startswith("http://127.0.0.1:3000/d/shop-http")


def test_whoever_is_the_first_to_be_notified_gets_what_no_route_takes(tmp_path: Path) -> None:
    me = 'receivers: {me: {webhook: {url: "http://127.0.0.1:9"}}}'
    spec = smallest(tmp_path, me).spec
    assert spec.routing.receiver == "me"
    assert list(spec.routing.routes) == ["meta"], "the watchdog notifies nobody"


@pytest.mark.parametrize("what", LEFT_OUT)
def test_nothing_that_is_rendered_speaks_of_what_is_left_out(what: str, tmp_path: Path) -> None:
    model = rendered_alone(tmp_path, LEFT_OUT[what])
    files = {
        str(path.relative_to(tmp_path)): path.read_text()
        for path in tmp_path.rglob("*")
        if path.is_file() and path.name != "spec.yaml"
    }
    gone = [n for n in ("jaeger", "loki", "grafana") if n not in model.spec.stack.components()]
    for name in (*gone, "promtail", "gateway"):
        assert [path for path in files if name in path] == []
        compose = yaml.safe_load(files["stack/compose.yaml"])
        assert name not in {**compose["services"], **compose["volumes"]}
        assert name not in yaml.safe_load(files["stack/native.yaml"])["processes"]
        assert f'job="{name}"' not in "".join(files.values())
    if "grafana" in gone:
        assert "GRAFANA_ADMIN_PASSWORD" not in files["stack/compose.yaml"]
        assert "127.0.0.1:3000" not in files["alerts/rules/alerting.yaml"]
    collector = yaml.safe_load(files["collector/config.yaml"])
    assert ("traces/store" in collector["service"]["pipelines"]) == ("jaeger" not in gone)
    assert ("otlp_http/logs" in collector["exporters"]) == ("loki" not in gone)


@pytest.mark.parametrize(
    ("what", "stack", "taken"),
    [
        ("a log count", "stack: {jaeger: null}", False),
        ("a log count", "{}", True),
        ("spans", "stack: {jaeger: null}", True),
    ],
)
def test_spans_that_nobody_counts_or_stores_are_neither_sent_nor_taken(
    what: str, stack: str, taken: bool, tmp_path: Path
) -> None:
    files = render_model(model_of(tmp_path, PARTS[what], stack))
    pipelines = parsed(files["collector/config.yaml"])["service"]["pipelines"]
    assert any(name.startswith("traces/") for name in pipelines) == taken
    sampler = parsed(files["app/otel-sdk.yaml"])["tracer_provider"]["sampler"]
    assert sampler == {"always_on" if taken else "always_off": {}}


def test_without_grafana_no_password_is_asked_for(tmp_path: Path) -> None:
    rendered_alone(tmp_path, LEFT_OUT["Grafana"])
    secrets.prepare(tmp_path)
    assert (tmp_path / "secrets/alerting").is_dir()
    assert not (tmp_path / secrets.PASSWORD_FILE).exists()


def test_without_a_health_route_nothing_is_probed(tmp_path: Path) -> None:
    model = smallest(tmp_path, "service: {health: null}")
    assert not [name for name in model.metrics if "health" in name]
    assert "ServiceDown" not in model.alerts
    assert 'route!~"/health' not in model.recorded["service:shop_requests:rate5m"]


def test_the_health_route_that_nobody_names_is_no_user_of_the_service(tmp_path: Path) -> None:
    query = smallest(tmp_path).recorded["service:shop_requests:rate5m"]
    assert 'route!~"/health"' in query


def test_links_are_made_where_runbooks_are_read(tmp_path: Path) -> None:
    chat = "receivers: {chat: {slack: {url_file: slack, channel: '#a'}, pagerduty: {key_file: k}}}"
    (receiver, _) = parsed(files_of(tmp_path, chat)["alerts/alertmanager.yaml"])["receivers"]
    assert "title_link" not in receiver["slack_configs"][0]
    assert "client_url" not in receiver["pagerduty_configs"][0]
    hosted = "alerting: {runbooks: 'https://wiki.example.org'}"
    (receiver, _) = parsed(files_of(tmp_path, chat, hosted)["alerts/alertmanager.yaml"])[
        "receivers"
    ]
    assert receiver["slack_configs"][0]["title_link"] == '{{ template "imsobs.runbook" . }}'


def test_the_first_route_is_that_of_tests_and_drills(tmp_path: Path) -> None:
    for route in ("/a/{b}", "/carts"):
        model = smallest(tmp_path, f"labels: {{route: {{values: ['{route}']}}}}")
        alert = model.alerts["RouteErrorRate"]
        assert alert.test is not None
        assert alert.test.labels["route"] == route
        assert alert.drill.send[0].attributes["http.route"] == route
