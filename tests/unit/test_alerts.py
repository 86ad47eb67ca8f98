"""Alerts, objectives, bands and the budget: each proven by promtool, none without a runbook."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
import yaml
from alertmanager import ROOT
from pydantic import ValidationError

from imsobs.compile import read_spec
from imsobs.model import Model
from imsobs.model.alert_tests import completed
from imsobs.model.alerts import filled_in, threshold_text
from imsobs.model.conventions import ENVIRONMENT
from imsobs.model.notification import expand, humanized
from imsobs.model.rules import number
from imsobs.outputs.docs import runbooks
from imsobs.outputs.prometheus import anomaly_tests
from imsobs.outputs.prometheus import rule_tests as alert_tests
from imsobs.outputs.prometheus import rules as alert_rules
from imsobs.pages import render
from imsobs.promql.windows import change_window, longest_window
from imsobs.runtime.build.binaries import resolve_binary
from imsobs.spec.schema.alerts import Alert, AlertTest, Runbook, Step
from imsobs.spec.schema.base import seconds

REQUIRED = {
    "ServiceDown": ("critical", "1m"),
    "DatabaseUnhealthy": ("critical", "2m"),
    "CriticalErrorRate": ("critical", "2m"),
    # A report: the burn alerts page.
    "SLOAvailabilityBreach": ("none", None),
    "HighErrorRate": ("warning", "5m"),
    "HighAPILatency": ("warning", "5m"),
    "ModelFallbackSpike": ("warning", "5m"),
    "HighCostDrift": ("warning", "10m"),
    "HighPolicyViolationRate": ("warning", "5m"),
    "LowCacheHitRate": ("warning", "10m"),
    "QueueDepthGrowing": ("warning", None),
    "FrequentRateLimiting": ("warning", None),
    "ModelSuccessRateDrop": ("warning", "10m"),
    "SLOLatencyBreach": ("none", None),
    "TelemetryPipelineDown": ("critical", None),
}


@pytest.fixture(scope="module")
def files(model: Model) -> dict[str, bytes]:
    planners = (alert_rules, alert_tests, anomaly_tests, runbooks)
    return render(page for planner in planners for page in planner.plan(model))


@pytest.fixture(scope="module")
def tree(files: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("rules")
    for path, content in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content)
    return root


def test_the_fifteen_alerts_of_the_plan(model: Model) -> None:
    for name, (severity, for_) in REQUIRED.items():
        alert = model.alerts[name]
        assert alert.severity == severity, name
        # The plan's durations are when somebody is told at the latest, not how long to wait.
        assert for_ is None or seconds(alert.for_ or "0s") <= seconds(for_), name
        assert alert.enabled, name


def test_every_alert_has_a_promtool_test_and_a_runbook(
    model: Model, files: dict[str, bytes]
) -> None:
    for name in model.alerts:
        assert alert_tests.test_file(name) in files, f"{name} has no promtool test"
        page = files[runbooks.runbook_file(name)].decode()
        for heading in (
            "Meaning",
            "Impact",
            "First queries",
            "Likely causes",
            "Mitigation",
            "Silence",
        ):
            assert f"## {heading}\n" in page, f"{name}: {heading}"


def test_every_alert_says_who_what_and_where(files: dict[str, bytes]) -> None:
    rendered = [path for path in files if path.startswith(("alerts/rules/", "alerts/disabled/"))]
    alerts = [
        rule
        for path in rendered
        for group in yaml.safe_load(files[path])["groups"]
        for rule in group["rules"]
        if "alert" in rule
    ]
    assert alerts
    for rule in alerts:
        assert {"severity", "team", "area"} <= set(rule["labels"]), rule["alert"]
        assert set(rule["annotations"]) == {
            "summary",
            "description",
            "runbook_url",
            "dashboard_url",
        }


def test_a_threshold_changes_its_rule_and_its_pages_only(model: Model, tmp_path: Path) -> None:
    overlay = tmp_path / "overlay.yaml"
    overlay.write_text("alerts: {CriticalErrorRate: {threshold: 0.3}}")
    compiled = read_spec([ROOT / "spec/ims.yaml", overlay])
    assert compiled.model is not None
    planners = (alert_rules, alert_tests, anomaly_tests, runbooks)
    old = render(page for planner in planners for page in planner.plan(model))
    new = render(page for planner in planners for page in planner.plan(compiled.model))
    assert [path for path in new if new[path] != old[path]] == [
        "alerts/rules/alerting.yaml",
        # The text of the notification says the threshold.
        "alerts/tests/critical-error-rate.yaml",
        "docs/reference/alerts.md",
        "docs/runbooks/critical-error-rate.md",
    ]


def test_a_guard_is_matched_on_the_labels_that_it_has(model: Model) -> None:
    cost = model.alerts["HighCostDrift"].expr
    assert cost.startswith(
        f"ims_cost_drift_ratio > 0.25\nand sum by (service_name, {ENVIRONMENT}, vendor)"
    )
    fast = model.alerts["SLOAvailabilityBurnFast"].expr
    assert fast.startswith(
        "slo:availability:error_ratio1h > 0.0144\nand (slo:availability:error_ratio5m"
    )


def test_a_window_reaches_through_recorded_series(model: Model) -> None:
    assert longest_window(model.alerts["HighErrorRate"].expr, model.recorded) == 300
    assert (
        longest_window(model.alerts["SLOAvailabilityBreach"].expr, model.recorded)
        == 30 * 86400 + 300
    )
    assert longest_window("vector(1)", model) == 0


@pytest.mark.parametrize(
    ("expr", "seconds"),
    [
        ("sum by (a) (increase(x_total[15m] anchored))", 900),
        ("rate(x_total[5m]) + increase(y_total[15m] anchored)", 300),
        ("job:x:increase10m or changes(y[1h])", 600),
        # What is kept of it is seen for longer.
        ("max_over_time(rate(x_total[5m])[15m:1m])", 1200),
        ("delta(job:x:increase10m[1h:1m])", 3600),
        # What only chooses.
        ("x unless rate(y_total[5m]) > 0", None),
        ("increase(x_total[15m] anchored) and on () rate(y_total[5m]) > 0", 900),
        ("(x_total unless x_total offset 15m) > 0", None),
        ("avg_over_time(x[5m])", None),
    ],
)
def test_for_how_long_a_change_is_seen(expr: str, seconds: int | None) -> None:
    recorded = {"job:x:increase10m": "sum by (job) (increase(x_total[10m] anchored))"}
    assert change_window(expr, recorded) == seconds


def test_an_info_alert_waits_for_a_graver_one(model: Model) -> None:
    held = runbooks.holders("LabelOverflow", model)
    assert held == ["critical-over-lesser", "warning-over-info", "info-alone"]
    assert runbooks.holders("ServiceDown", model) == []


@pytest.mark.parametrize(
    ("function", "value", "text"),
    [
        (None, 0.25, "0.25"),
        ("humanize", 1234567.0, "1.235M"),
        ("humanize", 0.0125, "12.5m"),
        ("humanize", 0.0, "0"),
        ('printf "%.0f"', 12345.0, "12345"),
        ('printf "%.0f"', 8.0, "8"),
        ("humanizePercentage", 0.21, "21%"),
        ("humanizeDuration", 5.8333333, "5.833s"),
        ("humanizeDuration", 601.0, "10m 1s"),
        ("humanizeDuration", 90061.0, "1d 1h 1m 1s"),
        ("humanizeDuration", 0.25, "250ms"),
    ],
)
def test_values_are_written_as_prometheus_writes_them(
    function: str | None, value: float, text: str
) -> None:
    assert humanized(function, value) == text


def test_texts_take_labels_and_leave_out_absent_ones() -> None:
    text = "{{ $labels.vendor }} of {{ $labels.region }}: {{ $value | humanizePercentage }}"
    assert expand(text, {"vendor": "openai"}, 0.5) == "openai of : 50%"


def test_numbers_are_short() -> None:
    assert [number(value) for value in (0.2, 100.0, 14.4 * 0.001, 1e-7)] == [
        "0.2",
        "100",
        "0.0144",
        "1e-07",
    ]


def test_no_alert_looks_back_less_than_four_scrapes(files: dict[str, bytes]) -> None:
    text = "".join(files[path].decode() for path in files if path.startswith("alerts/rules/"))
    assert not re.search(r"\[(\d|[1-5]\d)s\]", text)


@pytest.mark.native
def test_promtool_accepts_every_rule(tree: Path) -> None:
    rules = [
        str(path)
        for folder in ("rules", "disabled")
        for path in (tree / "alerts" / folder).glob("*")
    ]
    promtool = str(resolve_binary("promtool", ROOT))
    command = [promtool, "check", "rules", "--lint=all", "--lint-fatal", *rules]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.native
def test_every_alert_fires_at_its_boundary_and_resolves(model: Model, tree: Path) -> None:
    promtool = str(resolve_binary("promtool", ROOT))
    tests = sorted(str(path) for path in (tree / "alerts/tests").glob("*.yaml"))
    assert len(tests) == len(model.alerts)
    done = subprocess.run(
        [promtool, "test", "rules", *tests], capture_output=True, text=True, check=False
    )
    failed = [part for part in done.stdout.split("\n\n") if "FAILED" in part]
    assert done.returncode == 0, "\n\n".join(failed) + done.stderr


@pytest.mark.native
def test_an_alert_of_one_environment_is_none_of_another(
    model: Model, tree: Path, tmp_path: Path
) -> None:
    """Beside what makes an alert fire, another environment stays quiet: only the one is told.

    The other one is "other", which has no budget of its own. Objectives are left out: their
    windows of 30 days take minutes, and scenarios cover them.
    """
    written = []
    for name, alert in model.alerts.items():
        if alert.test is None or alert.path[0] != "alerts":
            continue
        if ENVIRONMENT not in (alert.carried or ()):
            continue
        if alert.test.labels[ENVIRONMENT] != "production":
            continue  # it is about the environment itself
        page = yaml.safe_load((tree / alert_tests.test_file(name)).read_text())
        page["rule_files"] = [str(tree / "alerts" / f[3:]) for f in page["rule_files"]]
        (case,) = page["tests"]
        line = alert_tests.timeline(alert, alert.test, model)
        for selector, step in alert.test.series.items():
            assert f'{ENVIRONMENT}="production"' in selector, name
            quiet = alert_tests.series_values(
                selector, Step(quiet=step.quiet, fires=step.quiet), line, model
            )
            other = selector.replace(f'{ENVIRONMENT}="production"', f'{ENVIRONMENT}="other"')
            case["input_series"].append({"series": other, "values": quiet})
        written.append(tmp_path / f"{name}.yaml")
        written[-1].write_text(yaml.safe_dump(page))
    assert len(written) > 15
    promtool = str(resolve_binary("promtool", ROOT))
    done = subprocess.run(
        [promtool, "test", "rules", *map(str, written)], capture_output=True, text=True, check=False
    )
    failed = [part for part in done.stdout.split("\n\n") if "FAILED" in part]
    assert done.returncode == 0, "\n\n".join(failed) + done.stderr


@pytest.mark.native
def test_the_budget_counts_one_month_from_its_first_hour(tree: Path) -> None:
    """One dollar an hour: 24 after a day, nothing in the first hour of the next month."""
    where = 'deployment_environment_name="production"'
    hourly = f'service:ims_cost_actual_usd:increase1h{{service_name="ims-core",{where}}}'
    moments = {24: 24, 30 * 24: 720, 31 * 24 - 1: 743, 31 * 24: 0, 31 * 24 + 1: 1, 32 * 24: 24}
    case = {
        "rule_files": [str(tree / "alerts/rules/recording.yaml")],
        "evaluation_interval": "1h",
        "tests": [
            {
                "interval": "1h",
                "input_series": [{"series": hourly, "values": "1x1000"}],
                "promql_expr_test": [
                    {
                        "expr": f"ims_budget_used_usd{{{where}}}",
                        "eval_time": f"{hour}h",
                        "exp_samples": [
                            {"labels": f"ims_budget_used_usd{{{where}}}", "value": used}
                        ],
                    }
                    for hour, used in moments.items()
                ],
            }
        ],
    }
    file = tree / "budget.yaml"
    file.write_text(yaml.safe_dump(case))
    promtool = str(resolve_binary("promtool", ROOT))
    done = subprocess.run(
        [promtool, "test", "rules", str(file)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("threshold", "unit", "shown"),
    [
        (0.05, "ratio", "5%"),
        (0.144, "ratio", "14.4%"),
        (600, "seconds", "10m 0s"),
        (5, "seconds", "5s"),
        (100, "usd", "$100"),
        (10, "per_second", "10/s"),
        (1000, "count", "1000"),
    ],
)
def test_a_threshold_is_written_with_its_unit(threshold: float, unit: str, shown: str) -> None:
    assert threshold_text(threshold, unit) == shown


def test_the_threshold_stands_in_texts_and_follows_the_alert(model: Model) -> None:
    alert = model.spec.alerts["HighErrorRate"].model_copy(
        update={"threshold": 0.07, "unit": "ratio"}
    )
    assert "; 7% is the limit" in filled_in(alert.description, alert)
    assert "; 5% is the limit" in model.alerts["HighErrorRate"].description


def test_an_alerts_own_keys_win_over_those_of_its_group(model: Model) -> None:
    groups = model.spec.alerting.groups
    by_group = [n for n, a in model.spec.alerts.items() if a.team is None and a.group in groups]
    assert by_group
    for name in by_group:
        assert model.alerts[name].team == groups[model.spec.alerts[name].group].team
    for name, alert in model.spec.alerts.items():
        assert model.alerts[name].team == (alert.team or groups[alert.group].team)


@pytest.mark.parametrize(
    ("written", "whole"),
    [
        ("ims_requests_total", "ims_requests_total{IDENTITY}"),
        ("ims_requests_total{}", "ims_requests_total{IDENTITY}"),
        ('ims_requests_total{route="/x"}', 'ims_requests_total{IDENTITY,route="/x"}'),
        ('up{job="otelcol"}', 'up{job="otelcol"}'),
        (
            'ims_requests_total{service_name="other"}',
            'ims_requests_total{deployment_environment_name="production",service_name="other"}',
        ),
        ("not PromQL {", "not PromQL {"),
    ],
)
def test_a_series_of_a_test_gets_the_labels_of_its_service(
    model: Model, written: str, whole: str
) -> None:
    identity = 'service_name="ims-core",deployment_environment_name="production"'
    test = AlertTest(series={written: Step(quiet=0, fires=1)}, value=1, labels={})
    carried = frozenset({"service_name", "route"})
    done = completed(test, carried, model.spec, model.series)
    assert list(done.series) == [whole.replace("IDENTITY", identity)]
    assert done.labels == {"service_name": "ims-core"}


@pytest.mark.parametrize(
    ("unit", "value", "threshold", "text"),
    [
        ("ratio", 0.061, 0.05, "shop in test: 6.1% of 5%"),
        ("seconds", 61, 60, "shop in test: 1m 1s of 1m 0s"),
        ("per_second", 2500, 10, "shop in test: 2.5k of 10/s"),
        ("count", 12345, 100, "shop in test: 12345 of 100"),
        ("usd", 1500, 100, "shop in test: $1.5k of $100"),
    ],
)
def test_texts_write_who_and_how_much(unit: str, value: float, threshold: float, text: str) -> None:
    alert = Alert.model_validate(
        {
            "summary": "{{ $who }}: {{ $amount }} of {{$threshold}}",
            "description": "d",
            "severity": "info",
            "group": "g",
            "expr": "vector(1)",
            "threshold": threshold,
            "unit": unit,
        }
    )
    labels = {"service_name": "shop", "deployment_environment_name": "test"}
    assert expand(filled_in(alert.summary, alert), labels, value) == text


def test_an_alert_in_a_test_has_the_labels_that_its_series_select(model: Model) -> None:
    step = {"quiet": 0, "fires": 1}
    series = {
        'x_total{vendor="acme",reason=~"a|b",queue="q"}': step,
        'y_total{vendor="other",kind!="k"}': step,
    }
    carried = frozenset({"service_name", "vendor", "reason", "kind"})
    left_out = AlertTest.model_validate({"series": series, "value": 1})
    service = model.spec.service.names[0]
    found = completed(left_out, carried, model.spec, model.series)
    assert found.labels == {"service_name": service, "vendor": "acme"}
    written = AlertTest.model_validate({"series": series, "value": 1, "labels": {}})
    found = completed(written, carried, model.spec, model.series)
    assert found.labels == {"service_name": service}


def test_queries_of_a_runbook_are_a_mapping() -> None:
    rest = {"meaning": "m", "impact": "i", "causes": ["c"], "mitigation": ["m"]}
    assert Runbook.model_validate({**rest, "queries": {"Up": "up"}}).queries
    with pytest.raises(ValidationError):
        Runbook.model_validate({**rest, "queries": [{"title": "Up", "expr": "up"}]})
