"""Kinds of sources: each in one place, whatever asks for it."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
import yaml

from imsobs.compile import read_spec
from imsobs.model import Model
from imsobs.model.kinds import KEYS, KINDS
from imsobs.model.kinds.kind import Kind
from imsobs.outputs import collector
from imsobs.pages import render_page
from imsobs.spec.schema.metrics import Metric
from tests.new_kind import METRIC, PACKAGE, extend, run

ROOT = Path(__file__).resolve().parents[2]
FILES = [*PACKAGE.rglob("*.py"), *(ROOT / "bench").rglob("*.py"), *(ROOT / "tests").rglob("*.py")]


@pytest.fixture(scope="module")
def model() -> Model:
    found = read_spec([ROOT / "spec/ims.yaml"]).model
    assert found is not None
    return found


@pytest.fixture(scope="module")
def extended(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return extend(tmp_path_factory.mktemp("extended"))


def test_a_kind_is_one_module_and_one_line(extended: Path, tmp_path: Path, model: Model) -> None:
    done = run(extended, "render", "--out", tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    config = yaml.safe_load((tmp_path / "collector/config.yaml").read_text())
    counted = [
        one
        for one in config["connectors"]["signal_to_metrics/derive"]["logs"]
        if one["name"] == METRIC
    ]
    assert counted == [
        {
            "name": METRIC,
            "description": "Log records of a tenant.",
            "include_resource_attributes": [
                {"key": "service.name"},
                {"key": "deployment.environment.name"},
            ],
            "attributes": [
                {"key": "severity"},
                {"key": "imsobs.constant.carried", "default_value": "tenant_id"},
            ],
            "conditions": ['log.attributes["tenant_id"] != nil'],
            "sum": {"value": "1", "monotonic": True},
        }
    ]
    named = config["processors"]["transform/derived"]["metric_statements"]
    assert 'set(datapoint.attributes["carried"]' in str(named)
    page = (tmp_path / "docs/reference/metrics.md").read_text()
    entry = page.partition(f"### {METRIC}\n")[2].partition("###")[0]
    assert "| source | log records that carry `tenant_id` |" in entry
    # The label has one value of its own, besides unknown and other.
    assert f"| series budget | {3 * model.labels['severity'].limit} |" in entry
    assert "ims_tenant_failures" in (tmp_path / "alerts/rules/recording.yaml").read_text()


def test_its_own_checks_and_those_of_its_series_hold(extended: Path) -> None:
    done = run(extended, "validate", carrying="imsobs.source")
    assert done.returncode == 2
    assert "a sender cannot set this [metric/carrying]" in done.stdout + done.stderr
    both = run(extended, "validate", log="all")
    expected = "exactly one source: span, event, log, pipeline, sdk, probe, rule, ratio, carrying"
    assert expected in both.stdout + both.stderr


def test_only_a_kind_itself_is_asked_which_it_is() -> None:
    """Nothing compares the kind's name: what is particular to a kind is in its module."""

    def names_it(node: ast.AST) -> bool:
        return isinstance(node, ast.Attribute) and node.attr == "source_kind"

    asked = [
        f"{file.relative_to(ROOT)}:{node.lineno}"
        for file in FILES
        for node in ast.walk(ast.parse(file.read_text()))
        if (isinstance(node, ast.Compare) and any(map(names_it, [node.left, *node.comparators])))
        or (isinstance(node, ast.Match) and names_it(node.subject))
    ]
    assert not asked, "ask metric.kind instead: " + ", ".join(asked)


def test_each_key_of_a_source_is_of_one_kind() -> None:
    assert len(set(KEYS)) == len(KEYS)
    assert set(KEYS) <= set(Metric.model_fields)
    assert list(KINDS) == [key for key in Metric.model_fields if key in KINDS]


def test_what_the_collector_exposes_is_counted_or_has_parts_of_its_own() -> None:
    assert set(collector.OWN_PARTS) <= set(KINDS)
    for name, kind in KINDS.items():
        counted = type(kind).counted is not Kind.counted
        assert kind.exposed == (counted or name in collector.OWN_PARTS), name


def test_the_collector_exposes_each_metric_whose_kind_says_so(model: Model) -> None:
    config = render_page(collector.plan(model).config).decode()
    exposed = [metric.exposed for metric in model.metrics.values() if metric.kind.exposed]
    assert exposed
    assert not [name for name in exposed if not re.search(rf"\b{re.escape(name)}\b", config)]
