"""Which tests of values judge which modules."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bench.harness import ROOT

PACKAGE = ROOT / "generator" / "imsobs"


@dataclass(frozen=True)
class Suite:
    """Modules of one subject with the tests that judge them.

    modules: paths and patterns below the package; tests: paths below tests/, run in this order
    until one fails. All of them compare values: none reads a file that was rendered and
    committed.
    """

    name: str
    modules: tuple[str, ...]
    tests: tuple[str, ...]

    def files(self) -> list[Path]:
        """Return the modules' files."""
        return [file for pattern in self.modules for file in sorted(PACKAGE.glob(pattern))]


SUITES = (
    Suite(
        "routing",
        ("outputs/alertmanager.py", "model/routes.py"),
        ("unit/test_routing_values.py", "unit/test_routes.py"),
    ),
    Suite(
        "budget",
        ("model/budget.py", "model/series_budget.py"),
        ("unit/test_series_values.py", "rules/test_budget_values.py"),
    ),
    Suite(
        "objectives",
        ("model/slos.py", "model/slo_alerts.py"),
        ("unit/test_rule_values.py", "unit/test_recorded_series.py"),
    ),
    Suite(
        "rules",
        ("outputs/prometheus/rules.py", "model/rules.py", "model/ratios.py", "model/alerts.py"),
        ("unit/test_recorded_series.py", "unit/test_rule_values.py"),
    ),
    Suite(
        "checks",
        ("checks/thresholds.py", "model/alert_units.py", "checks/inhibitions.py"),
        ("unit/test_threshold_values.py", "unit/test_inhibition_values.py"),
    ),
    Suite("packs", ("spec/packs.py",), ("unit/test_packs.py",)),
    Suite(
        "redaction",
        tuple(
            f"redaction/{name}.py" for name in ("attempts", "contents", "keys", "known", "texts")
        ),
        ("unit/test_redaction_values.py", "unit/test_secrets.py"),
    ),
    Suite(
        "dashboards",
        ("model/dashboards/*.py", "outputs/grafana/*.py"),
        (
            "unit/test_panel_places.py",
            "unit/test_panel_plans.py",
            "unit/test_dashboard_queries.py",
            "unit/test_panel_values.py",
            "unit/test_provisioning_values.py",
        ),
    ),
    Suite(
        "derivation",
        (
            *(f"outputs/collector/{name}.py" for name in ("derive", "count", "values", "outcome")),
            *(f"outputs/collector/{name}.py" for name in ("ottl", "identity")),
            *(f"outputs/collector/{name}.py" for name in ("dialects", "duplicates")),
        ),
        ("unit/test_duplicates.py", "unit/test_derivation_plan.py", "golden/test_small_spec.py"),
    ),
    Suite("order", ("outputs/collector/ordered.py",), ("golden/test_arrival.py",)),
    Suite(
        "cost",
        ("outputs/collector/cost.py", "outputs/collector/unpriced.py", "model/prices.py"),
        ("unit/test_unpriced.py", "unit/test_price_rows.py", "golden/test_small_spec.py"),
    ),
)
