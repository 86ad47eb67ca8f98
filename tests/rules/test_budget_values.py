"""What the budget's formulas give: of money in a month, and of an objective's error budget."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from promtool import asked, check
from small_specs import PARTS, model_of

from imsobs.model.budget import budget_metrics, budget_records, costs, counted_cost
from imsobs.model.rules import Record
from imsobs.model.sampling import most_held
from imsobs.model.slos import slo_records
from imsobs.spec.schema.root import Spec

pytestmark = pytest.mark.native
PRODUCTION = '{deployment_environment_name="production"}'
IDENTITY = '{deployment_environment_name="production",service_name="own"}'


def rules(folder: Path, records: Sequence[Record]) -> Path:
    """Write records as one group, evaluated in their order."""
    group = [{"record": record.name, "expr": record.expr} for record in records]
    file = folder / "rules.yaml"
    file.write_text(json.dumps({"groups": [{"name": "own", "rules": group}]}))
    return file


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> Spec:
    """Two environments, of which one has a budget of its own."""
    text = """
service: {environments: [staging, production]}
budget: {monthly_usd: {staging: 10, production: 1000}, series: 100}
"""
    parts = (PARTS["model calls that are priced"], PARTS["gauge of events"])
    return model_of(tmp_path_factory.mktemp("spec"), *parts, text).spec


# 2 USD an hour since 1970-01-01 00:00; the first hour is taken at its end.
MOMENTS = {
    48: (96, 96 + 2 * (31 * 24 - 48)),
    49: (98, 98 + 2 * (31 * 24 - 49)),
    # The last hour of January, overdrawn; February begins; its first hour.
    31 * 24 - 1: (2 * (31 * 24 - 1), 2 * 31 * 24),
    31 * 24: (0, 2 * 28 * 24),
    31 * 24 + 1: (2, 2 + 2 * (28 * 24 - 1)),
}


def test_money_of_a_month(spec: Spec, tmp_path: Path) -> None:
    staging = PRODUCTION.replace("production", "staging")
    questions = []
    for hours, (used, forecast) in MOMENTS.items():
        # Of an environment without calls nothing is used.
        for name, mine, others in (
            ("shop_budget_limit_usd", 1000, 10),
            ("shop_budget_used_usd", used, 0),
            ("shop_budget_remaining_usd", 1000 - used, 10),
            ("shop_cost_forecast_usd", forecast, 0),
        ):
            samples = {f"{name}{PRODUCTION}": mine, f"{name}{staging}": others}
            questions.append(asked(name, f"{hours}h", samples))
    questions.append(asked("shop_series_limit", "48h", {"shop_series_limit": 100}))
    held = "shop_held_traces_limit"
    questions.append(asked(held, "48h", {held: most_held(spec)}))
    cost = {f"service:shop_spent_usd:increase1h{IDENTITY}": f"2x{31 * 24 + 2}"}
    check(tmp_path, cost, questions, [rules(tmp_path, budget_records(spec))], "1h", "1h")


def test_the_forecast_goes_on_as_the_last_three_days(spec: Spec, tmp_path: Path) -> None:
    """10 USD an hour for three days, then 2: at the end of the sixth day only these count."""
    used = 72 * 10 + 72 * 2
    questions = [
        asked(
            f"shop_cost_forecast_usd{PRODUCTION}",
            "144h",
            {f"shop_cost_forecast_usd{PRODUCTION}": used + 2 * (31 * 24 - 144)},
        )
    ]
    cost = {f"service:shop_spent_usd:increase1h{IDENTITY}": "10x72 2x72"}
    check(tmp_path, cost, questions, [rules(tmp_path, budget_records(spec))], "1h", "1h")


def test_what_was_spent_in_an_hour(spec: Spec, tmp_path: Path) -> None:
    """Two vendors, 3 USD in the hour before the last minute and 1 USD in it, all in one hour."""
    hourly = [r for r in budget_records(spec) if r.name == "service:shop_spent_usd:increase1h"]
    own = 'service_name="own",deployment_environment_name="production"'
    series = {
        f'shop_spent_usd_total{{{own},payer="a"}}': "0 5x59 8x60",
        f'shop_spent_usd_total{{{own},payer="b"}}': "1x119 2",
    }
    # The hour ends at minute 119: from 5 to 8, and nothing of the other.
    samples = {f"{hourly[0].name}{IDENTITY}": 3}
    questions = [asked(hourly[0].name, "119m", samples)]
    check(tmp_path, series, questions, [rules(tmp_path, hourly)], "1m", "1m")


def test_records_of_the_budget_say_where_they_come_from(spec: Spec) -> None:
    found = budget_records(spec)
    assert {r.name: r.metric for r in found} == {
        "service:shop_spent_usd:increase1h": False,
        "shop:calendar:month": False,
        "shop_budget_limit_usd": True,
        "shop_budget_used_usd": True,
        "shop_budget_remaining_usd": True,
        "shop_cost_forecast_usd": True,
        "shop_series_limit": True,
        "shop_held_traces_limit": True,
    }
    for record in found:
        assert (record.group, record.interval, record.path) == ("budget", "30s", ("budget",))
        assert record.file == "recording"
    for name, metric in budget_metrics(spec).items():
        assert (metric.type, metric.group) == ("gauge", "cost")
        limit = name in ("shop_series_limit", "shop_held_traces_limit")
        assert metric.labels == ([] if limit else ["deployment_environment_name"])
    named = spec.model_copy(update={"metrics": {**spec.metrics, **budget_metrics(spec)}})
    assert not [r for r in budget_records(named) if r.metric]


def test_the_first_counter_of_a_cost_is_held_against_the_budget(spec: Spec) -> None:
    assert costs(spec) == ["shop_spent_usd_total"]
    own = spec.budget.model_copy(update={"cost": "own_usd_total"})
    assert counted_cost(spec.model_copy(update={"budget": own})) == "own_usd_total"
    metric = spec.metrics["shop_spent_usd_total"]
    for change in ({"type": "histogram"}, {"value": "count"}, {"span": "gone"}, {"span": None}):
        changed = {"shop_spent_usd_total": metric.model_copy(update=change)}
        without = spec.model_copy(update={"metrics": changed})
        assert counted_cost(without) is None
        assert [r.name for r in budget_records(without)] == [
            "shop_series_limit",
            "shop_held_traces_limit",
        ]


def test_dashes_of_a_namespace_are_underscores(spec: Spec) -> None:
    service = spec.service.model_copy(update={"namespace": "my-shop"})
    names = {r.name for r in budget_records(spec.model_copy(update={"service": service}))}
    assert {"my_shop_budget_used_usd", "my_shop:calendar:month"} <= names


def test_what_is_left_of_an_error_budget(tmp_path: Path) -> None:
    """Of 1 % that may be bad: nothing used, half, all, twice as much."""
    model = model_of(tmp_path, PARTS["an objective and a band"])
    (record,) = [r for r in slo_records(model.spec) if r.name == "slo:pages:error_budget_remaining"]
    # Divided by a share that is no fraction of two: as near as doubles come.
    rounded = f"round({record.name}, 0.000001)"
    ratio = {f"slo:pages:error_ratio30d{IDENTITY}": "0 0.005 0.01 0.02"}
    questions = [
        asked(rounded, f"{minute}m", {IDENTITY: left})
        for minute, left in enumerate((1, 0.5, 0, -1))
    ]
    check(tmp_path, ratio, questions, [rules(tmp_path, [record])], "1m", "1m")
