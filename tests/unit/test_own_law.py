"""The generator's own queries are held to the law, and name nothing that a spec has not."""

from __future__ import annotations

import ast
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from small_specs import PARTS, model_of

import imsobs
from imsobs import checks, promql
from imsobs.compile import dashboards
from imsobs.model.builds import Builds, builds
from imsobs.model.rules import Record
from imsobs.outputs import collector
from imsobs.outputs.collector.pruned import pruned
from imsobs.outputs.network import NATIVE
from imsobs.outputs.prometheus.server import scrape_targets

PRICED = PARTS["model calls that are priced"]
VERSIONED = """
labels: {release: {description: Release., resource_attributes: [service.version], values: [a, b]}}
sources: {page: {description: A page., kind: server}}
metrics:
  shop_running_info: {description: Runs., span: page, value: count, fold: max, labels: [release]}
dashboards:
  pages:
    title: Pages
    description: Is it fine?
    variables: [environment, vendor]
    rows: {Runs: {Runs: {value: shop_running_info}}}
"""


def test_the_budget_reads_the_metric_of_cost_whatever_it_is_called(tmp_path: Path) -> None:
    model = model_of(tmp_path, PRICED)
    hourly = model.recorded["service:shop_spent_usd:increase1h"]
    assert hourly == (
        "sum by (service_name, deployment_environment_name)"
        " (increase(shop_spent_usd_total[1h] anchored))"
    )
    readers = [name for name, expr in model.recorded.items() if "increase1h" in expr]
    assert len(readers) == 2


@pytest.mark.parametrize("part", PARTS)
def test_every_series_that_a_record_reads_is_recorded_or_exposed(part: str, tmp_path: Path) -> None:
    model = model_of(tmp_path, PARTS[part])
    read = {name for record in model.records for name in promql.metric_names(record.expr)}
    assert read - set(model.series) == set()


def test_without_a_cost_nothing_is_recorded_of_money(tmp_path: Path) -> None:
    model = model_of(tmp_path, PARTS["spans"])
    assert [name for name in model.recorded if "usd" in name or "month" in name] == []


def test_of_two_costs_the_one_that_budget_names_is_held_against_it(tmp_path: Path) -> None:
    further = """
metrics:
  shop_again_usd_total: {description: Cost., span: priced_call, value: cost, labels: [payer]}
budget: {cost: shop_again_usd_total}
"""
    model = model_of(tmp_path, PRICED, further)
    assert "service:shop_again_usd:increase1h" in model.recorded
    assert "service:shop_spent_usd:increase1h" not in model.recorded


def test_a_query_of_the_generator_that_reads_nothing_is_told_once(tmp_path: Path) -> None:
    broken = Record("shop_x", "sum(shop_gone_total)", "X.", "x", "30s", ("budget",))
    model = replace(model_of(tmp_path, PRICED), records=(broken, broken))
    assert [(p.path, p.check) for p in checks.run(model)] == [
        (("budget",), "promql/unknown-metric")
    ]


def test_deployments_are_marked_by_the_gauge_that_has_a_version(tmp_path: Path) -> None:
    model = model_of(tmp_path, VERSIONED)
    assert builds(model) == Builds("shop_running_info", "release")
    (board,) = dashboards(model)
    (mark,) = [a for a in board["annotations"]["list"] if a["name"] == "Deployments"]
    assert "shop_running_info" in mark["expr"]
    assert mark["titleFormat"] == "Deployed {{release}}"
    # No series has the label vendor: there is nothing to choose.
    variables = [v["name"] for v in board["templating"]["list"] if v["type"] == "query"]
    assert variables == ["environment"]


def test_without_a_version_nothing_is_marked(tmp_path: Path) -> None:
    assert builds(model_of(tmp_path, PARTS["spans"])) is None


@pytest.mark.parametrize(
    ("part", "ports"),
    [("nothing", []), ("spans", ["metrics"]), ("a health route", ["current"])],
)
def test_only_ports_that_are_opened_are_scraped(
    part: str, ports: list[str], tmp_path: Path
) -> None:
    model = model_of(tmp_path, PARTS[part])
    own = model.spec.stack.otelcol.ports
    wanted = [f"127.0.0.1:{getattr(own, port)}" for port in ports]
    assert scrape_targets(model, NATIVE)["shop-metrics"] == wanted
    exporters = collector.plan(model).sections["exporters"]
    opened = {name.removeprefix("prometheus/") for name in exporters if "prometheus/" in name}
    names = {"metrics": "derived", "current": "current"}
    assert {names[port] for port in ports} == opened & set(names.values())


def sections(**given: Any) -> dict[str, Any]:
    empty: dict[str, Any] = {
        key: {} for key in ("receivers", "processors", "connectors", "exporters")
    }
    pipelines = given.pop("pipelines")
    return {**empty, **given, "service": {"pipelines": pipelines}}


def test_what_nothing_is_counted_by_is_left_out_with_what_hangs_on_it() -> None:
    found = pruned(
        sections(
            receivers={"otlp": {}},
            processors={
                "transform/a": {"trace_statements": [{"statements": []}]},
                "transform/b": {"trace_statements": [{"statements": ["x"]}, {"statements": []}]},
                "filter/c": {},
            },
            connectors={"count/none": {"spans": [], "logs": []}, "forward": {}},
            exporters={"prometheus/x": {}, "file": {}},
            pipelines={
                "traces/in": {
                    "receivers": ["otlp"],
                    "processors": ["transform/a", "transform/b"],
                    "exporters": ["count/none", "file"],
                },
                "traces/idle": {
                    "receivers": ["forward"],
                    "processors": ["filter/c"],
                    "exporters": ["count/none"],
                },
                "metrics/x": {
                    "receivers": ["count/none"],
                    "processors": [],
                    "exporters": ["prometheus/x"],
                },
            },
        )
    )
    assert found == sections(
        receivers={"otlp": {}},
        processors={"transform/b": {"trace_statements": [{"statements": ["x"]}]}},
        exporters={"file": {}},
        pipelines={
            "traces/in": {
                "receivers": ["otlp"],
                "processors": ["transform/b"],
                "exporters": ["file"],
            }
        },
    )


def test_no_name_of_a_rule_or_a_service_is_written_in_the_generator() -> None:
    """Texts of the package name no rule of a spec; descriptions and messages may."""
    rule = re.compile(r"^[a-z_]+:(?!//)[a-z_]+:[a-z0-9_]+$|^ims-|^ims:")
    found = []
    for file in Path(imsobs.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            text = node.value if isinstance(node, ast.Constant) else None
            if isinstance(text, str) and rule.search(text):
                found.append(f"{file.name}: {text}")
    assert found == []
