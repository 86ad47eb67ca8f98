"""The drill's parts: telemetry, shortened rules, checking a notification."""

from __future__ import annotations

import dataclasses

import httpx
import pytest
from alertmanager import ROOT

from imsobs.model import Model
from imsobs.model.receivers import receivers_of
from imsobs.outputs.docs.runbooks import runbook_file
from imsobs.runtime.drill import otlp
from imsobs.runtime.drill.case import Case, fault, new_case, phase
from imsobs.runtime.drill.compress_time import compress_time, short_expr
from imsobs.runtime.drill.health import answering
from imsobs.runtime.drill.receiver import Notice, listening
from imsobs.runtime.drill.tree import overlay
from imsobs.runtime.trial import free_ports
from imsobs.spec.schema.drills import Send


@pytest.mark.parametrize(
    ("expr", "quick"),
    [
        ("rate(a[5m])", "rate(a[20s])"),
        ("rate(a[1m])", "rate(a[10s])"),
        ("sum_over_time(b[30d]) + c", "sum_over_time(b[30s]) + c"),
        ("sum_over_time((d)[31d:1h])", "sum_over_time((d)[30s:30s])"),
        ("e > 5", "e > 5"),
    ],
)
def test_ranges_get_short(expr: str, quick: str) -> None:
    assert short_expr(expr) == quick


def test_a_runbook_names_the_drill_only_where_there_is_one(
    model: Model, rendered: dict[str, bytes]
) -> None:
    """Bands, alerts that are off and objectives without a drill have none."""
    without = {name for name, alert in model.alerts.items() if alert.why_no_drill}
    assert without >= {band.alert for band in model.spec.anomalies.values()}
    for name in model.alerts:
        page = rendered[runbook_file(name)].decode()
        assert ("It has no drill: " in page) is (name in without)
        assert (f"`imsobs drill {name}` makes it fire" in page) is (name not in without)
    assert "is delivered; the date" in rendered[runbook_file("Watchdog")].decode()


def test_only_time_is_shortened(model: Model) -> None:
    quick = compress_time(model)
    for name, alert in model.alerts.items():
        other = quick.alerts[name]
        assert (other.threshold, other.op, other.labels) == (
            alert.threshold,
            alert.op,
            alert.labels,
        )
        assert other.for_ == ("0s" if alert.for_ == "0s" else "4s")


def test_a_failed_request_is_a_span_with_an_error(model: Model) -> None:
    send = Send(
        span="http_request", count=2, seconds=1.5, attributes={"http.response.status_code": 500}
    )
    path, body = otlp.body(send, "drill-x", model.spec, 0)
    resource = body["resourceSpans"][0]
    spans = resource["scopeSpans"][0]["spans"]
    assert path == "/v1/traces"
    assert resource["resource"]["attributes"][0]["value"] == {"stringValue": "drill-x"}
    assert len({span["spanId"] for span in spans}) == 2
    assert spans[0]["kind"] == 2
    assert spans[0]["status"] == {"code": 2}
    assert int(spans[0]["endTimeUnixNano"]) - int(spans[0]["startTimeUnixNano"]) == 1_500_000_000


def test_an_event_is_a_log_record_whose_values_may_rise(model: Model) -> None:
    send = Send(event="queue_state", count=1, attributes={"queue": "default", "depth": "$rising"})
    _, first = otlp.body(send, "s", model.spec, 0)
    _, second = otlp.body(send, "s", model.spec, 1)
    record = first["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0]
    assert record["attributes"][0] == {"key": "event", "value": {"stringValue": "queue_state"}}
    assert record["attributes"][2]["value"] == {"intValue": "200"}
    again = second["resourceLogs"][0]["scopeLogs"][0]["logRecords"][0]
    assert again["attributes"][2]["value"] == {"intValue": "250"}


def test_a_metric_is_sent_as_the_sdk_names_it(model: Model) -> None:
    send = Send(
        metric="ims_in_flight_requests", value=12, attributes={"http.request.method": "POST"}
    )
    path, body = otlp.body(send, "drill-x", model.spec, 0)
    assert path == "/v1/metrics"
    (metric,) = body["resourceMetrics"][0]["scopeMetrics"][0]["metrics"]
    assert metric["name"] == "http.server.active_requests"
    (point,) = metric["gauge"]["dataPoints"]
    assert point["asDouble"] == 12
    assert point["attributes"] == otlp.attributes({"http.request.method": "POST"})


def test_the_overlay_gives_every_drill_a_service_and_every_port_a_number(model: Model) -> None:
    extra = overlay(model, free_ports(1)[0], "production")
    assert "drill-high-api-latency" in extra["service"]["names"]
    # The first is what telemetry and the probe report; none is lost.
    assert extra["service"]["environments"] == ["production", "development", "staging"]
    ports = [port for part in extra["stack"].values() for port in part["ports"].values()]
    assert len(ports) == len(set(ports))


def _notice(case: Case, **labels: str) -> Notice:
    alert = case.alert
    texts = {
        "summary": "It fails",
        "description": "It fails very much",
        "runbook_url": alert.runbook_url,
        "dashboard_url": alert.dashboard_url.partition("?")[0],
    }
    own = {**alert.labels, "alertname": alert.name, "service_name": case.service}
    own |= {"deployment_environment_name": "production", **labels}
    return Notice("on-call", "firing", own, texts, {})


def test_a_notification_is_checked(model: Model) -> None:
    case = new_case(model.alerts["CriticalErrorRate"], model)
    good = _notice(case)
    assert case.is_mine(good.labels)
    assert fault(good, case, model, ROOT) is None
    assert not case.is_mine({**good.labels, "service_name": "ims-core"})
    wrong = dataclasses.replace(good, receiver="platform")
    assert fault(wrong, case, model, ROOT) == "platform was notified instead of on-call"
    gap = dataclasses.replace(good, annotations={**good.annotations, "summary": "<no value> fails"})
    assert fault(gap, case, model, ROOT) == "summary reads '<no value> fails'"
    staging = _notice(case, deployment_environment_name="staging")
    assert fault(staging, case, model, ROOT) == "on-call was notified instead of not-production"
    assert "label team" in (fault(_notice(case, team="models"), case, model, ROOT) or "")


def test_what_disturbs_others_comes_last(model: Model) -> None:
    order = ["CriticalErrorRate", "ServiceDown", "TargetDown", "TelemetryPipelineDown"]
    assert [phase(model.alerts[name]) for name in order] == [0, 1, 2, 3]


def test_receivers_follow_the_routes_of_the_spec(model: Model) -> None:
    for wanted in model.spec.routing.expect.values():
        alert = model.alerts.get(wanted.labels["alertname"])
        if alert is not None:
            assert receivers_of(alert, wanted.labels, model) == wanted.receivers


def test_the_inbox_keeps_alerts_and_refuses_rubbish() -> None:
    with listening() as inbox, httpx.Client(trust_env=False) as client:
        alert = {"status": "firing", "labels": {"alertname": "A"}, "annotations": {}}
        message = {"groupLabels": {"alertname": "A"}, "alerts": [alert]}
        assert client.post(f"{inbox.url}/on-call", json=message).status_code == 200
        assert client.post(f"{inbox.url}/on-call", content=b"rubbish").status_code == 400
        assert [(n.receiver, n.alert, n.status) for n in inbox.notices()] == [
            ("on-call", "A", "firing")
        ]


def test_health_answers_as_told() -> None:
    (port,) = free_ports(1)
    base = f"http://127.0.0.1:{port}"
    with answering(port) as health, httpx.Client(base_url=base, trust_env=False) as client:
        health.states["database"] = "unhealthy"
        assert client.get("/health").status_code == 200
        assert client.get("/health/detailed?component=database").status_code == 503
        assert client.get("/health/detailed?component=cache").status_code == 200
        health.states["service"] = "down"
        assert client.get("/health/detailed?component=cache").status_code == 503
