"""Hostile telemetry: series stay inside the static budget, and the service stays intact."""

from __future__ import annotations

from typing import Any

import pytest
from golden import otlp, series
from golden.collector import Collector

pytestmark = pytest.mark.native
SERVICE = "ims-core"
MANY = 10_000
PART = 2_000
ODD = [
    "",
    " ",
    "\x00",
    "a\x07b\x1b[31m",
    "x\ny",
    '"}[',
    "{{.}}",
    "${env:HOME}",
    "\u202e\ud7ff",
    "é" * 300,
]


@pytest.fixture(scope="module")
def collector(otelcol: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A Collector with the spec as it is."""
    running = Collector(otelcol, tmp_path_factory.mktemp("hostile")).start()
    yield running
    running.close()


def request(**attributes: Any) -> dict[str, Any]:
    return {"kind": "server", "attributes": {"http.request.method": "GET", **attributes}}


def call(**attributes: Any) -> dict[str, Any]:
    given = {
        "gen_ai.operation.name": "chat",
        **{k.replace("__", "."): v for k, v in attributes.items()},
    }
    return {"kind": "client", "scope": "opentelemetry.instrumentation.genai.x", "attributes": given}


def assert_inside_budget(collector: Collector) -> dict[str, series.Rows]:
    """Check every metric against the number of series the spec plans for it."""
    model, rows = collector.model, collector.series()
    total = 0
    for metric in model.metrics.values():
        names = [name for name, entry in model.series.items() if entry.metric == metric.name]
        found = {labels for name in names for labels in rows.get(name, {})}
        for labels in found:
            for label, value in labels:
                allowed = model.series[names[0]].labels.get(label)
                assert allowed is None or value in allowed or label == "le", (
                    metric.name,
                    label,
                    value,
                )
        by_resource: dict[tuple[str, ...], int] = {}
        for name in names:
            for labels in rows.get(name, {}):
                given = dict(labels)
                key = (given["service_name"], given["deployment_environment_name"])
                by_resource[key] = by_resource.get(key, 0) + 1
        for key, count in by_resource.items():
            assert count <= metric.series_budget, f"{metric.name} of {key}: {count} series"
        total += sum(by_resource.values())
    assert total <= model.spec.collector.max_series
    return rows


def overflowed(rows: dict[str, series.Rows]) -> dict[str, float]:
    found: dict[str, float] = {}
    for labels, value in rows["ims_label_overflow_total"].items():
        found[dict(labels)["label"]] = found.get(dict(labels)["label"], 0) + value
    return found


def test_ten_thousand_values_of_each_label(collector: Collector) -> None:
    spans = [
        request(**{"http.request.method": f"M{n}", "http.route": f"/r/{n}", "enduser.id": f"u{n}"})
        for n in range(MANY)
    ]
    calls = [
        call(gen_ai__request__model=f"model-{n}", gen_ai__provider__name=f"v{n}", user__id=f"u{n}")
        for n in range(MANY)
    ]
    logs = [
        {
            "attributes": {
                "event": "policy_evaluated",
                "policy": f"p{n}",
                "decision": f"d{n}",
                "duration_seconds": 0.1,
            }
        }
        for n in range(MANY)
    ]
    unknown = [{"attributes": {"event": f"event-{n}"}} for n in range(MANY)]
    # In parts, each below the largest request that the Collector takes.
    for start in range(0, MANY, PART):
        part = slice(start, start + PART)
        collector.send("traces", otlp.traces(SERVICE, spans[part]))
        collector.send("traces", otlp.traces(SERVICE, calls[part]))
        collector.send("logs", otlp.logs(SERVICE, logs[part]))
        collector.send("logs", otlp.logs(SERVICE, unknown[part]))
    rows = assert_inside_budget(collector)
    assert overflowed(rows) == dict.fromkeys(
        ["method", "route", "model", "vendor", "policy", "decision"], MANY
    )
    assert sum(rows["ims_invalid_events_total"].values()) == MANY
    assert sum(rows["ims_requests_total"].values()) == MANY


def test_ten_thousand_paths_without_a_template(collector: Collector) -> None:
    """Paths that nothing names are one route, whether they fit a template or not."""
    paths = ["/{}", "/v1/{}", "/v1/agents/{}/../../etc/passwd", "/v1/agents/{}?key={}"]
    for path in paths:
        spans = [request(**{"url.path": path.replace("{}", str(n))}) for n in range(PART)]
        collector.send("traces", otlp.traces(SERVICE, spans))
    for value in ODD:
        collector.send("traces", otlp.traces(SERVICE, [request(**{"url.path": value})]))
    rows = series.of_service(assert_inside_budget(collector), SERVICE)["ims_requests_total"]
    counted = {dict(labels)["route"]: value for labels, value in rows.items()}
    assert counted["/v1/agents/{agent_id}"] == PART


def test_a_thousand_services_are_one(collector: Collector) -> None:
    for n in range(100):
        resource = {"deployment.environment.name": f"env-{n}", "host.name": f"h{n}"}
        collector.send("traces", otlp.traces(f"evil-{n}", [{**request(), "resource": resource}]))
        collector.send(
            "logs", otlp.logs(f"evil-{n}", [{"body": "password=x", "resource": resource}])
        )
        point = {"name": "process.thread.count", "type": "gauge", "points": [{"value": 1}]}
        collector.send("metrics", otlp.metrics(f"evil-{n}", [point]))
    rows = assert_inside_budget(collector)
    for name in ("ims_requests_total", "ims_log_records_total", "ims_redactions_total"):
        foreign = {
            (dict(labels)["service_name"], dict(labels)["deployment_environment_name"]): value
            for labels, value in rows[name].items()
            if dict(labels)["service_name"] != SERVICE
        }
        assert foreign == {("other", "other"): 100}, name


def test_odd_texts_and_types(collector: Collector) -> None:
    values: list[Any] = [*ODD, 7, -1, 3.5, True, ["GET"], {"a": 1}, "x" * 1_000_000]
    for value in values:
        collector.send(
            "traces",
            otlp.traces(
                SERVICE, [request(**{"http.route": value}), call(gen_ai__request__model=value)]
            ),
        )
        collector.send(
            "logs",
            otlp.logs(SERVICE, [{"body": value, "attributes": {"event": value, "policy": value}}]),
        )
        collector.send(
            "logs",
            otlp.logs(SERVICE, [{"attributes": {"event": "policy_evaluated", "policy": value}}]),
        )
    assert_inside_budget(collector)
    assert collector.healthy()


def field(number: int, payload: bytes | int) -> bytes:
    """Return one protobuf field: length-delimited for bytes, varint for an integer."""
    if isinstance(payload, int):
        return varint(number << 3) + varint(payload)
    return varint(number << 3 | 2) + varint(len(payload)) + payload


def varint(value: int) -> bytes:
    out = b""
    while value > 0x7F:
        out, value = out + bytes([value & 0x7F | 0x80]), value >> 7
    return out + bytes([value])


def test_bytes_that_are_not_text(collector: Collector) -> None:
    """Names and values that are not UTF-8; the fields' numbers are those of trace.proto."""
    bad = b"\xff\xfe\xc3("

    def attribute(key: bytes, value: bytes) -> bytes:
        return field(1, key) + field(2, field(1, value))

    span = (
        field(1, bytes(16)[:-1] + b"\x01")
        + field(2, bytes(7) + b"\x01")
        + field(5, bad)
        + field(6, 2)
        + field(9, attribute(b"http.request.method", bad))
        + field(9, attribute(b"http.route", bad))
        + field(9, attribute(bad, bad))
    )
    resource = field(1, attribute(b"service.name", bad))
    body = field(1, field(1, resource) + field(2, field(1, field(1, bad)) + field(2, span)))
    collector.send_bytes("traces", body)
    for garbage in (b"\x0a\xff\xff\xff\xff\x0f", b"\xff" * 100, b"{"):
        with pytest.raises(Exception, match="400"):
            collector.send_bytes("traces", garbage)
    assert_inside_budget(collector)
    assert collector.healthy()


def test_honest_telemetry_is_still_counted(collector: Collector) -> None:
    def count() -> float:
        rows = series.of_service(collector.series(), SERVICE)["ims_requests_total"]
        return sum(v for labels, v in rows.items() if ("route", "/v1/jobs") in labels)

    before = count()
    collector.send("traces", otlp.traces(SERVICE, [request(**{"http.route": "/v1/jobs"})] * 3))
    assert count() == before + 3
