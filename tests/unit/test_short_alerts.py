"""An alert in eight lines: what its author leaves out is derived, or told as missing."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from imsobs.cli import app
from imsobs.compile import read_spec, render_model
from imsobs.model import Model
from imsobs.model.alert_units import unit_of
from imsobs.model.rules import ResolvedAlert
from imsobs.runtime.build.binaries import resolve_binary

ROOT = Path(__file__).resolve().parents[2]
BY = "service_name, deployment_environment_name"
ALERT = f"""\
alerts:
  QueueFailures:
    summary: '{{{{ $labels.queue }}}} of {{{{ $who }}}} fails {{{{ $amount }}}} jobs per second'
    severity: warning
    group: queue
    expr: sum by ({BY}, queue) (rate(ims_queue_failures_total[5m]))
    threshold: 1
    for: 5m
"""
# Operator, threshold and expression of alerts whose test is derived.
DERIVED = [
    (">", 1, f"sum by ({BY}) (rate(ims_queue_failures_total[5m]))"),
    (">=", 1, f"sum by ({BY}) (rate(ims_queue_failures_total[5m]))"),
    ("<", 1, f"sum by ({BY}) (rate(ims_queue_failures_total[5m]))"),
    ("<=", 1, f"sum by ({BY}) (rate(ims_queue_failures_total[5m]))"),
    # Not a whole number of increments: one is not enough before the window is filled.
    (">", 0.01, f"sum by ({BY}) (rate(ims_queue_failures_total[10m]))"),
    (">", 0.123, f"max by ({BY}) (rate(ims_queue_failures_total[2m]))"),
    ("<", 0.123, f"max by ({BY}) (rate(ims_queue_failures_total[2m]))"),
    (">", 0, f"sum by ({BY}) (increase(ims_queue_failures_total[15m] anchored))"),
    (">", 7, f"sum by ({BY}) (increase(ims_queue_failures_total[1h] anchored))"),
    ("<=", 30, f"sum by ({BY}) (increase(ims_queue_failures_total[30m] anchored))"),
    (">", 100, f"max by ({BY}, queue) (ims_queue_depth)"),
    (">=", 0.5, f'max by ({BY}, cache) (ims_cache_size_bytes{{cache!="response"}})'),
    ("<", 1, f'min by ({BY}) (ims_health_status{{component="database"}})'),
    ("<", 3, f"sum by ({BY}) (ims_in_flight_requests)"),
]


def with_alerts(folder: Path, text: str) -> Model:
    """Return the product's model with these alerts added."""
    overlay = folder / "overlay.yaml"
    overlay.write_text(text)
    compiled = read_spec([ROOT / "spec" / "ims.yaml", overlay])
    assert compiled.model is not None, "\n".join(compiled.lines())
    return compiled.model


def overlay_of(cases: list[tuple[str, float, str]]) -> str:
    """Return the alerts A0, A1, ... of these cases, as a spec."""
    shared = {"summary": "{{ $who }} {{ $amount }}", "severity": "info", "group": "queue"}
    alerts = {
        f"Case{index}": {**shared, "expr": expr, "op": op, "threshold": threshold, "for": "2m"}
        for index, (op, threshold, expr) in enumerate(cases)
    }
    return yaml.safe_dump({"alerts": alerts})


def written(model: Model, names: list[str], folder: Path) -> list[Path]:
    """Write the rules and the tests of some alerts; return the files of the tests."""
    files = render_model(model)
    for path, content in files.items():
        if path.startswith("alerts/"):
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content)
    return [folder / f"alerts/tests/{name.lower()}.yaml" for name in names]


def promtool(files: list[Path]) -> subprocess.CompletedProcess[str]:
    command = [str(resolve_binary("promtool", ROOT)), "test", "rules", *map(str, files)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def alert(tmp_path: Path) -> ResolvedAlert:
    return with_alerts(tmp_path, ALERT).alerts["QueueFailures"]


def test_eight_lines_are_an_alert(alert: ResolvedAlert) -> None:
    assert len(ALERT.splitlines()) - 1 <= 8
    assert (alert.team, alert.dashboard, alert.unit) == (
        "platform",
        "ims-cache-queue",
        "per_second",
    )
    assert alert.description == "The value is {{ $value | humanize }}; the limit is 1/s."
    assert alert.test is not None
    assert {text: (step.quiet, step.fires) for text, step in alert.test.series.items()} == {
        'ims_queue_failures_total{service_name="ims-core",'
        'deployment_environment_name="production",queue="default"}': (60, 61)
    }
    (send,) = alert.drill.send
    assert (send.event, send.attributes) == (
        "job_finished",
        {"queue": "default", "outcome": "error", "duration_seconds": 1.5},
    )


def test_its_runbook_has_queries_and_says_what_is_missing(tmp_path: Path) -> None:
    page = render_model(with_alerts(tmp_path, ALERT))["docs/runbooks/queue-failures.md"].decode()
    assert "sum by (service_name, deployment_environment_name, queue" in page
    assert page.count("Not written yet") == 3


@pytest.mark.parametrize("format", ["text", "json"])
def test_what_is_missing_is_a_note(tmp_path: Path, format: str) -> None:
    overlay = tmp_path / "overlay.yaml"
    overlay.write_text(ALERT)
    options = ["validate", "--root", str(ROOT), "--overlay", str(overlay), "--format", format]
    done = CliRunner().invoke(app, options)
    assert done.exit_code == 0
    assert done.output.count("alert/missing-runbook") == 1
    assert "overlay.yaml" in done.output


def test_the_product_has_nothing_to_note() -> None:
    assert read_spec([ROOT / "spec" / "ims.yaml"]).notes == []


def test_what_does_not_follow_from_one_series_has_to_be_written(tmp_path: Path) -> None:
    guarded = ALERT + "    guard: service:ims_requests:rate5m > 0.05\n"
    quotient = ALERT.replace("5m]))", "5m])) / 2").replace("Queue", "Other")
    overlay = tmp_path / "overlay.yaml"
    overlay.write_text(guarded + quotient.removeprefix("alerts:\n"))
    lines = read_spec([ROOT / "spec" / "ims.yaml", overlay]).lines()
    assert [line.rpartition("[")[2] for line in lines] == ["alert/missing-test]"] * 2


@pytest.mark.parametrize(
    ("expr", "unit"),
    [
        ("rate(ims_requests_total[5m])", "per_second"),
        ("increase(ims_requests_total[5m] anchored)", "count"),
        ("rate(ims_cost_actual_usd_total[5m])", "usd"),
        ("rate(ims_process_cpu_seconds_total[5m])", "ratio"),
        ("max(ims_queue_oldest_age_seconds)", "seconds"),
        ("histogram_quantile(0.9, sum by (le) (rate(ims_request_duration_seconds_bucket[5m])))",
         "seconds"),
        ("ims_health_status", "bool"),
        ("ims_cache_hit_ratio", "ratio"),
        ("ims_model_success_rate", "ratio"),
        ("service:ims_requests_failed:ratio_rate5m", "ratio"),
        # "ratio" is a part of "duration", and no unit of it.
        ("service:ims_request_duration_seconds:p95_rate5m", "seconds"),
        ("service:ims_requests:rate5m", "per_second"),
        ("ims_budget_used_usd / (ims_budget_limit_usd > 0)", "ratio"),
        ("ims_queue_depth / 10", "count"),
        ("not promql (", "count"),
    ],
)  # fmt: skip
def test_the_unit_follows_from_the_expression(expr: str, unit: str, model: Model) -> None:
    assert unit_of(expr, model.metrics) == unit


@pytest.mark.native
def test_promtool_accepts_derived_tests(tmp_path: Path) -> None:
    model = with_alerts(tmp_path, overlay_of(DERIVED))
    names = [f"Case{index}" for index in range(len(DERIVED))]
    done = promtool(written(model, names, tmp_path))
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("SUCCESS") == len(DERIVED)


@pytest.mark.native
@pytest.mark.parametrize("index", range(len(DERIVED)))
def test_a_derived_test_fails_when_the_rule_is_another(index: int, tmp_path: Path) -> None:
    """The rule compares the other way, so that it fires at the quiet values."""
    model = with_alerts(tmp_path, overlay_of(DERIVED))
    files = written(model, [f"Case{index}"], tmp_path)
    rules = tmp_path / "alerts/rules/alerting.yaml"
    document = yaml.safe_load(rules.read_text())
    op, threshold, _ = DERIVED[index]
    swapped = {">": ">=", ">=": ">", "<": "<=", "<=": "<"}[op]
    for rule in (rule for group in document["groups"] for rule in group["rules"]):
        if rule.get("alert") == f"Case{index}":
            rule["expr"] = rule["expr"].replace(f" {op} ", f" {swapped} ")
            # Where the threshold is between two steps, another operator changes nothing.
            if threshold in (0.01, 0.123, 7):
                rule["for"] = "5m"
    rules.write_text(yaml.safe_dump(document))
    assert promtool(files).returncode != 0
