"""A live check: what becomes of what Prometheus holds, on specs of its own."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from small_specs import PARTS, SMALLEST, model_of, rendered_alone, smallest

from imsobs import outside
from imsobs.cli import main
from imsobs.errors import ExitCode, ImsobsError
from imsobs.runtime.livecheck.losses import counters
from imsobs.runtime.livecheck.report import Finding, Report, Verdict, report
from imsobs.runtime.livecheck.window import Window
from imsobs.runtime.status import Status, Telemetry

OWN = {"job": "shop-metrics", "service_name": "orders-api",
       "deployment_environment_name": "production"}  # fmt: skip
BASE = "http://127.0.0.1:9"


def series(name: str, **labels: str) -> dict[str, str]:
    return {"__name__": name, **OWN, **labels}


class Holding:
    """What a Prometheus holds. series: of the window. counts: beginning of a query -> rows."""

    def __init__(self, given: list[dict[str, str]], counts: dict[str, Any] | None = None) -> None:
        self.series = given
        self.counts = counts or {}
        self.asked: list[str] = []

    def answer(self, _window: Window, what: str, given: dict[str, str]) -> Any:
        if what == "series":
            return self.series
        self.asked.append(given["query"])
        (counter,) = re.findall(r"(?:increase|resets|count_over_time)\((\w+)", given["query"])[:1]
        rows = [
            {"metric": labels, "value": [0, str(value)]}
            for labels, value in self.counts.get(counter, ())
        ]
        return {"result": rows}


@pytest.fixture
def holds(monkeypatch: pytest.MonkeyPatch) -> Any:
    def put(given: list[dict[str, str]], counts: dict[str, Any] | None = None) -> Holding:
        held = Holding(given, counts)
        monkeypatch.setattr(
            Window, "_ask", lambda window, what, args: held.answer(window, what, args)
        )
        return held

    return put


def states(found: Report) -> dict[str, str]:
    return {row.metric: str(row.state) for row in found.metrics}


def test_a_counter_is_seen_when_it_counted_in_the_window(tmp_path: Path, holds: Any) -> None:
    model = model_of(tmp_path, PARTS["spans"], PARTS["gauge of events"])
    held = holds(
        [
            series("shop_requests_total", route="/orders"),
            series("shop_request_duration_seconds_count"),
            series("shop_request_duration_seconds_bucket", le="0.1"),
            series("shop_carts"),
        ],
        {"shop_requests_total": [({**OWN, "route": "/orders"}, 3)]},
    )
    found = report(model, BASE, 300)
    assert states(found) == {
        "shop_requests_total": "seen",
        "shop_request_duration_seconds": "quiet",
        "shop_carts": "seen",
    }
    assert [row.count for row in found.metrics] == [3, 0, None]
    assert (
        "sum by (service_name, deployment_environment_name, route)"
        " (increase(shop_requests_total[300s] anchored))"
    ) in held.asked
    assert found.undeclared == []
    assert found.verdict([Finding.missing]) is Verdict.ok
    assert found.verdict([Finding.quiet]) is Verdict.findings


def test_what_has_no_series_was_never_seen(tmp_path: Path, holds: Any) -> None:
    model = model_of(tmp_path, PARTS["spans"], PARTS["an objective and a band"])
    holds([])
    found = report(model, BASE, 300)
    assert set(states(found).values()) == {"missing"}
    assert len(found.metrics) == len(model.spec.metrics) == 3
    assert found.verdict([Finding.missing, Finding.undeclared]) is Verdict.findings
    assert found.verdict([Finding.undeclared]) is Verdict.ok


def test_another_service_is_not_this_one(tmp_path: Path, holds: Any) -> None:
    model = model_of(tmp_path, PARTS["spans"])
    foreign = {"service_name": "other"}
    holds(
        [series("shop_requests_total", **foreign)],
        {"shop_requests_total": [({**OWN, **foreign}, 3)]},
    )
    found = report(model, BASE, 300)
    assert states(found)["shop_requests_total"] == "missing"
    assert [(one.service, one.environment, one.series) for one in found.senders] == [
        ("other", "production", 1)
    ]
    assert found.counts()[Finding.outside] == 1


def test_an_environment_that_is_not_named_is_a_sender_apart(tmp_path: Path, holds: Any) -> None:
    model = model_of(tmp_path, PARTS["spans"])
    unknown = {"deployment_environment_name": "unknown"}
    holds([series("shop_requests_total", **unknown), series("shop_requests_total")])
    (sender,) = report(model, BASE, 300).senders
    assert (sender.service, sender.environment) == ("orders-api", "unknown")


def test_values_and_labels_that_the_spec_does_not_have(tmp_path: Path, holds: Any) -> None:
    model = model_of(tmp_path, PARTS["spans"])
    holds(
        [series("shop_requests_total", route="/orders", pod="a"), series("shop_requests_total")],
        {
            "shop_requests_total": [
                ({**OWN, "route": "/orders"}, 3),
                ({**OWN, "route": "other"}, 2),
                ({**OWN, "route": "/old"}, 1),
            ]
        },
    )
    (row,) = [one for one in report(model, BASE, 300).metrics if one.outside]
    assert [(one.text, one.count, one.overflow) for one in row.outside] == [
        ('route="/old"', 1, False),
        ('route="other"', 2, True),
        ("pod", 1, False),
    ]


def test_other_that_a_label_lists_is_a_value_like_any(tmp_path: Path, holds: Any) -> None:
    model = model_of(tmp_path, PARTS["spans"], "labels: {route: {values: [/orders, other]}}")
    holds(
        [series("shop_requests_total")],
        {"shop_requests_total": [({**OWN, "route": "other"}, 2)]},
    )
    assert not any(row.outside for row in report(model, BASE, 300).metrics)


def test_what_watches_a_cluster_is_not_missed_on_one_machine(tmp_path: Path, holds: Any) -> None:
    cluster = """
kubernetes:
  jaeger: {otlp: "jaeger:4317"}
  loki: {otlp: "http://loki:3100"}
  prometheus: {remote_write: {url: "http://mimir/api/v1/push"}}
"""
    model = smallest(tmp_path, cluster)
    holds([{"__name__": "up", "job": job} for job in ("alertmanager", "prometheus")])
    found = states(report(model, BASE, 300))
    assert found["prometheus_remote_storage_samples_pending"] == "absent"
    assert found["alertmanager_cluster_members"] == "absent"


def test_a_fault_that_nothing_had_is_not_missing(tmp_path: Path, holds: Any) -> None:
    model = smallest(tmp_path)
    scraped = [
        {"__name__": "scrape_samples_scraped", "job": job} for job in ("otelcol", "prometheus")
    ]
    holds(scraped)
    found = states(report(model, BASE, 300))
    assert found["shop_invalid_events_total"] == "none"
    assert found["otelcol_receiver_refused_spans_total"] == "none"
    assert found["otelcol_exporter_queue_size"] == "missing"
    assert found["alertmanager_config_last_reload_successful"] == "absent"
    assert found["scrape_samples_scraped"] == "seen"
    assert found["shop_requests_total"] == "missing"


def test_series_that_nobody_declared(tmp_path: Path, holds: Any) -> None:
    model = model_of(tmp_path, PARTS["spans"])
    holds(
        [
            series("shop_requests_total"),
            series("shop_old_total", route="/a"),
            series("shop_old_total", route="/b"),
            {"__name__": "jobs_seconds_bucket", "job": "cron", "le": "1"},
            {"__name__": "jobs_seconds_count", "job": "cron"},
            {"__name__": "team:rate"},
            # Of Prometheus itself, and of components of the stack.
            {"__name__": "up", "job": "cron"},
            {"__name__": "ALERTS", "alertname": "Any"},
            {"__name__": "go_goroutines", "job": "prometheus"},
        ]
    )
    found = report(model, BASE, 300)
    assert [(one.name, one.job, one.service, one.series) for one in found.undeclared] == [
        ("jobs_seconds", "cron", "", 2),
        ("shop_old_total", "shop-metrics", "orders-api", 2),
        ("team:rate", "", "", 1),
    ]
    assert found.verdict([Finding.undeclared]) is Verdict.findings


def test_broken_events_are_told_with_what_they_are(tmp_path: Path, holds: Any) -> None:
    model = smallest(tmp_path, PARTS["events"])
    fault = {"event": "order_placed", "event_fault": "missing_field"}
    events = ({"service_name": "orders-api", **fault}, 4)
    overflow = ({"service_name": "orders-api", "label": "route"}, 9)
    holds([], {"shop_invalid_events_total": [events], "shop_label_overflow_total": [overflow]})
    found = report(model, BASE, 300)
    assert [(one.fault, one.labels, one.count) for one in found.broken] == [
        ("events that break their contract", fault, 4),
        ("label values that the spec does not list", {"label": "route"}, 9),
    ]
    assert found.counts()[Finding.broken] == 1


CALLS = """
sources: {model_call: {description: A call., dialects: [genai]}}
labels:
  vendor: {description: Vendor., attributes: [gen_ai.provider.name], values: [openai]}
metrics: {shop_calls_total: {description: Calls., span: model_call}}
"""


def came_in(scope: str, source: str, count: int) -> tuple[dict[str, str], int]:
    return {"instrumentation_scope": scope, "span_source": source}, count


def test_a_scope_that_no_source_takes_is_told_with_what_to_write(
    tmp_path: Path, holds: Any
) -> None:
    model = smallest(tmp_path, CALLS)
    fastapi, redis = (f"opentelemetry.instrumentation.{name}" for name in ("fastapi", "redis"))
    rows = [
        came_in(fastapi, "http_request", 5),
        came_in(fastapi, "none", 2),
        came_in("litellm", "none", 4),
        came_in(redis, "none", 3),
        came_in("opentelemetry.util.genai.x", "none", 1),
        came_in("other", "other", 9),
    ]
    holds([], {"shop_received_spans_total": rows})
    found = report(model, BASE, 300)
    assert [(one.name, one.taken, one.untaken, one.line) for one in found.scopes] == [
        ("litellm", {}, 4, "sources: {model_call: {dialects: [genai, litellm]}}"),
        (fastapi, {"http_request": 5}, 2, ""),
        (redis, {}, 3,
         f'sources: {{redis: {{description: ..., kind: ..., scopes: ["{redis}"]}}}}'),
        # Its dialect is accepted already, and no span was a call.
        ("opentelemetry.util.genai.x", {}, 1, ""),
        ("other", {}, 9, ""),
    ]  # fmt: skip
    assert [(one.source, one.metrics) for one in found.unmatched] == [
        ("model_call", ("shop_calls_total",)),
        ("websocket", ("shop_websocket_session_duration_seconds",)),
    ]
    assert found.verdict([Finding.unmatched]) is Verdict.findings


def test_the_lines_to_write_are_a_spec(tmp_path: Path, holds: Any) -> None:
    rows = [came_in("litellm", "none", 4), came_in("acme.client", "none", 4)]
    holds([], {"shop_received_spans_total": rows})
    found = report(smallest(tmp_path), BASE, 300)
    lines = [one.line.replace("kind: ...", "kind: client") for one in found.scopes]
    assert len([line for line in lines if line]) == 2
    taken = smallest(tmp_path, *lines)
    assert taken.spec.sources["client"].scopes == ["acme.client"]
    assert taken.spec.sources["model_call"].dialects == ["litellm"]


def test_without_a_metric_of_scopes_nothing_is_told_of_sources(tmp_path: Path, holds: Any) -> None:
    holds([])
    found = report(model_of(tmp_path, PARTS["spans"]), BASE, 300)
    assert (found.scopes, found.unmatched) == ([], [])


@pytest.mark.parametrize("counter", [name for name, _, _ in counters()])
def test_any_loss_makes_the_verdict_invalid(tmp_path: Path, holds: Any, counter: str) -> None:
    model = model_of(tmp_path, PARTS["spans"])
    held = holds([], {counter: [({"exporter": "otlp/traces"}, 7)]})
    found = report(model, BASE, 300)
    assert [(one.series, one.where, one.count) for one in found.losses] == [
        (counter, "otlp/traces", 7)
    ]
    assert found.verdict([]) is Verdict.invalid
    assert any(f"{counter}{{job=" in query for query in held.asked)


def test_restarts_and_gaps_make_it_invalid(tmp_path: Path, holds: Any) -> None:
    model = model_of(tmp_path, PARTS["spans"])
    holds(
        [],
        {
            "otelcol_process_uptime_seconds_total": [({"instance": "a"}, 1)],
            "up": [({"job": "shop-metrics"}, 2)],
        },
    )
    found = report(model, BASE, 300)
    assert [one.where for one in found.losses] == ["a", "shop-metrics"]
    assert found.verdict([]) is Verdict.invalid


def test_every_counter_of_losses_is_one_that_a_component_exposes() -> None:
    assert [name for name, _, _ in counters() if not outside.exposing(name)] == []


def test_one_service_alone(tmp_path: Path, holds: Any) -> None:
    model = model_of(tmp_path, PARTS["spans"], "service: {names: [orders-api, orders-canary]}")
    holds(
        [series("shop_requests_total")],
        {"shop_requests_total": [(OWN, 3)]},
    )
    (both, _) = report(model, BASE, 300).metrics
    assert (both.service, both.state) == ("orders-api or orders-canary", "seen")
    (own, _) = report(model, BASE, 300, service="orders-canary").metrics
    assert (own.service, own.state) == ("orders-canary", "missing")


def test_a_prometheus_that_is_not_there(tmp_path: Path) -> None:
    model = model_of(tmp_path, PARTS["spans"])
    with pytest.raises(ImsobsError, match="does not answer") as raised:
        report(model, BASE, 300)
    assert raised.value.exit_code == ExitCode.OUTSIDE


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "spec").mkdir()
    (tmp_path / "spec/shop.yaml").write_text(SMALLEST)
    return tmp_path


def code(
    monkeypatch: pytest.MonkeyPatch, *arguments: str | Path, command: str = "live-check"
) -> int:
    monkeypatch.setattr(sys, "argv", ["imsobs", command, *(str(part) for part in arguments)])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def test_exit_codes(project: Path, holds: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    holds([])
    assert code(monkeypatch, "--root", project) == ExitCode.OK
    assert code(monkeypatch, "--root", project, "--fail-on", "missing") == ExitCode.FINDINGS
    assert code(monkeypatch, "--root", project, "--fail-on", "missin") == ExitCode.INPUT
    assert code(monkeypatch, "--root", project, "--last", "soon") == ExitCode.INPUT
    assert code(monkeypatch, "--root", project, "--service", "order") == ExitCode.INPUT
    lost = "otelcol_exporter_send_failed_spans_total"
    holds([], {lost: [({"exporter": "otlp/traces"}, 1)]})
    assert code(monkeypatch, "--root", project) == ExitCode.OUTSIDE


def test_for_watches_before_it_judges(
    project: Path, holds: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    monkeypatch.setattr("imsobs.cli.livecheck.time.sleep", slept.append)
    held = holds([series("shop_requests_total")])
    assert code(monkeypatch, "--root", project, "--for", "2m") == ExitCode.OK
    assert slept == [120]
    assert any("shop_requests_total[120s] anchored" in query for query in held.asked)


def test_json_has_every_metric_and_the_verdict(
    project: Path, holds: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    holds([series("shop_requests_total")], {"shop_requests_total": [(OWN, 3)]})
    code(monkeypatch, "--root", project, "--format", "json", "--fail-on", "missing,broken")
    data = json.loads(capsys.readouterr().out)
    assert data["verdict"] == "findings"
    assert data["fail_on"] == ["broken", "missing"]
    row = next(row for row in data["metrics"] if row["metric"] == "shop_requests_total")
    assert row == {"metric": "shop_requests_total", "service": "orders-api", "state": "seen",
                   "series": 1, "count": 3.0, "outside": []}  # fmt: skip


def test_names_that_arrive_are_never_markup(
    project: Path, holds: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    hostile = "x|<img src=a>`\x1b]0;t\x07[red]::error::"
    holds([{"__name__": "shop_old_total", "job": hostile, "service_name": hostile}])
    code(monkeypatch, "--root", project, "--format", "markdown")
    page = capsys.readouterr().out
    (row,) = [line for line in page.splitlines() if "shop_old_total" in line]
    assert "\x1b" not in page
    assert "<img" not in page
    assert row.count("|") - row.count("\\|") == 5
    code(monkeypatch, "--root", project)
    text = capsys.readouterr().out
    assert "\x1b]0" not in text
    assert "[red]" in text
    assert "::error::" not in text


def test_text_names_the_line_of_a_metric_and_cuts_nothing(
    project: Path, holds: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.chdir(project)
    extra = "metrics: {shop_log_records_total: {description: Records., log: all}}\n"
    (project / "spec/shop.yaml").write_text(SMALLEST + extra)
    line = len((SMALLEST + extra).splitlines())
    holds([])
    code(monkeypatch, "--root", project)
    text = capsys.readouterr().out
    (row,) = [one for one in text.splitlines() if one.startswith("shop_log_records_total")]
    assert row.split() == ["shop_log_records_total", "orders-api", "0", "log", "all",
                           f"spec/shop.yaml:{line}"]  # fmt: skip


def test_status_of_a_service_shows_all_of_its_metrics(
    project: Path, holds: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rendered_alone(project)
    up = Status("native", [], Telemetry(), [])
    monkeypatch.setattr("imsobs.runtime.status.collect", lambda *_: up)
    held = holds([series("shop_requests_total")], {"shop_requests_total": [(OWN, 3)]})
    given = ("--root", project, "--service")
    assert code(monkeypatch, *given, "orders-api", command="status") == ExitCode.OK
    text = capsys.readouterr().out
    assert re.search(r"^shop_requests_total +orders-api +3 +span http_request", text, re.MULTILINE)
    assert "otelcol_receiver_refused_spans_total" not in text
    assert any("[3600s] anchored" in query for query in held.asked)
    assert code(monkeypatch, *given, "orders-apy", command="status") == ExitCode.INPUT
