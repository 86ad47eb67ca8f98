"""What the budget's formulas give: of money in a month, and of an objective's error budget."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from promtool import asked, check

from imsobs.model import Model
from imsobs.model.budget import budget_records, counted_cost, hourly_cost
from imsobs.model.rules import Record
from imsobs.model.slos import slo_records
from imsobs.spec.schema.rules import Budget
from imsobs.spec.schema.slos import Slo

pytestmark = pytest.mark.native
PRODUCTION = '{deployment_environment_name="production"}'
IDENTITY = '{deployment_environment_name="production",service_name="own"}'


def rules(folder: Path, records: Sequence[Record]) -> Path:
    """Write records as one group, evaluated in their order."""
    group = [{"record": record.name, "expr": record.expr} for record in records]
    file = folder / "rules.yaml"
    file.write_text(json.dumps({"groups": [{"name": "own", "rules": group}]}))
    return file


@pytest.mark.parametrize(
    ("hours", "used", "left", "forecast"),
    [
        # 2 USD an hour since 1970-01-01 00:00; the first hour is taken at its end.
        (48, 96, 904, 96 + 2 * (31 * 24 - 48)),
        (49, 98, 902, 98 + 2 * (31 * 24 - 49)),
        # The last hour of January, overdrawn; February begins; its first hour.
        (31 * 24 - 1, 2 * (31 * 24 - 1), 1000 - 2 * (31 * 24 - 1), 2 * 31 * 24),
        (31 * 24, 0, 1000, 2 * 28 * 24),
        (31 * 24 + 1, 2, 998, 2 + 2 * (28 * 24 - 1)),
    ],
)
def test_money_of_a_month(
    hours: int, used: float, left: float, forecast: float, model: Model, tmp_path: Path
) -> None:
    budget = Budget.model_validate({"monthly_usd": {"production": 1000}, "series": 100})
    records = budget_records(model.spec.model_copy(update={"budget": budget}))
    at = f"{hours}h"
    questions = [
        asked("ims_budget_limit_usd", at, {f"ims_budget_limit_usd{PRODUCTION}": 1000}),
        asked("ims_budget_used_usd", at, {f"ims_budget_used_usd{PRODUCTION}": used}),
        asked("ims_budget_remaining_usd", at, {f"ims_budget_remaining_usd{PRODUCTION}": left}),
        asked("ims_cost_forecast_usd", at, {f"ims_cost_forecast_usd{PRODUCTION}": forecast}),
        asked("ims_series_limit", at, {"ims_series_limit": 100}),
    ]
    metric = counted_cost(model.spec)
    assert metric is not None
    cost = {f"{hourly_cost(metric)}{IDENTITY}": f"2x{hours + 1}"}
    check(tmp_path, cost, questions, [rules(tmp_path, records)], "1h", "1h")


@pytest.mark.parametrize(
    ("objective", "share", "left"),
    [(0.999, 0.0, 1.0), (0.999, 0.0005, 0.5), (0.999, 0.001, 0.0), (0.99, 0.02, -1.0)],
)
def test_what_is_left_of_an_error_budget(
    objective: float, share: float, left: float, model: Model, tmp_path: Path
) -> None:
    slo = Slo.model_validate(
        {
            "description": "Of requests.",
            "objective": objective,
            "window": "30d",
            "total": "ims_requests_total",
            "bad": {"status_class": "5xx"},
            "min_failures": 1,
        }
        | _without_alerts(model)
    )
    spec = model.spec.model_copy(update={"slos": {"own": slo}})
    (record,) = [r for r in slo_records(spec) if r.name == "slo:own:error_budget_remaining"]
    # Divided by a share that is no fraction of two: as near as doubles come.
    rounded = f"round({record.name}, 0.000001)"
    ratio = {f"slo:own:error_ratio30d{IDENTITY}": f"{share}x10"}
    file = rules(tmp_path, [record])
    check(tmp_path, ratio, [asked(rounded, "5m", {IDENTITY: left})], [file], "1m", "1m")


def _without_alerts(model: Model) -> dict[str, object]:
    """Return the keys of an objective that are about its alerts, of any of the spec's."""
    some = next(iter(model.spec.slos.values())).model_dump(by_alias=True)
    mine = {"description", "objective", "window", "total", "bad", "below", "min_failures"}
    return {key: value for key, value in some.items() if key not in mine}
