"""Kinds of sources: each in one place, whatever asks for it."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import imsobs
import pytest
import yaml
from imsobs.compile import read_spec
from imsobs.model import Model
from imsobs.model.kinds import KEYS, KINDS
from imsobs.outputs import collector
from imsobs.pages import render_page
from imsobs.spec.schema.metrics import Metric

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = Path(imsobs.__file__).parent
FILES = [*PACKAGE.rglob("*.py"), *(ROOT / "bench").rglob("*.py"), *(ROOT / "tests").rglob("*.py")]

# A kind that no other module knows: log records that carry an attribute.
MODULE = """
from imsobs.model.kinds.kind import Counting, Kind, quoted


class Carrying(Kind):
    name = "carrying"
    signal = "log"
    labels_of_records = True
    constants = ("carried",)

    def problems(self, path, metric):
        from imsobs.problems import Problem
        if metric.carrying.startswith("ims."):
            yield Problem((*path, "carrying"), "a sender cannot set this", "metric/carrying")

    def described(self, metric, spec):
        return f"log records that carry {quoted(metric)}"

    def counted(self, metric, model):
        name = metric.sources[0]
        return [Counting("log", any_of=(name,), constant=("carried", name))]


KIND = Carrying()
"""
LINE = "    carrying: str | None = None\n"
OVERLAY = {
    "labels": {"carried": {"description": "What a record carries.", "values": ["tenant_id"]}},
    "metrics": {
        "ims_tenant_records_total": {
            "type": "counter",
            "description": "Log records of a tenant.",
            "carrying": "tenant_id",
            "labels": ["severity"],
        }
    },
    "rules": {
        "service:ims_tenant_failures:rate5m": {
            "group": "tenants",
            "description": "Failures that tenants see, per second.",
            "expr": "sum by (service_name, deployment_environment_name) "
            '(rate(ims_tenant_records_total{severity="error"}[5m]))',
        }
    },
}


@pytest.fixture(scope="module")
def model() -> Model:
    found = read_spec([ROOT / "spec/ims.yaml"]).model
    assert found is not None
    return found


@pytest.fixture(scope="module")
def extended(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a copy of the package that has one module and one line more."""
    folder = tmp_path_factory.mktemp("extended")
    copy = folder / "imsobs"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    (copy / "model/kinds/carrying.py").write_text(MODULE)
    schema = copy / "spec/schema/metrics.py"
    text, count = re.subn(r"^(?=    stack: )", LINE, schema.read_text(), flags=re.MULTILINE)
    assert count == 1
    schema.write_text(text)
    return folder


def run(extended: Path, *arguments: str | Path, **changes: str) -> subprocess.CompletedProcess[str]:
    """Run the extended copy on the project's spec and an overlay with a metric of the kind."""
    overlay = extended / "overlay.yaml"
    metric = {**OVERLAY["metrics"]["ims_tenant_records_total"], **changes}
    overlay.write_text(yaml.safe_dump({**OVERLAY, "metrics": {"ims_tenant_records_total": metric}}))
    return subprocess.run(
        [sys.executable, "-m", "imsobs", *map(str, arguments), "--overlay", str(overlay)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(extended)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_a_kind_is_one_module_and_one_line(extended: Path, tmp_path: Path, model: Model) -> None:
    done = run(extended, "render", "--out", tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    config = yaml.safe_load((tmp_path / "collector/config.yaml").read_text())
    counted = [
        one
        for one in config["connectors"]["signal_to_metrics/derive"]["logs"]
        if one["name"] == "ims_tenant_records_total"
    ]
    assert counted == [
        {
            "name": "ims_tenant_records_total",
            "description": "Log records of a tenant.",
            "include_resource_attributes": [
                {"key": "service.name"},
                {"key": "deployment.environment.name"},
            ],
            "attributes": [
                {"key": "severity"},
                {"key": "ims.constant.carried", "default_value": "tenant_id"},
            ],
            "conditions": ['log.attributes["tenant_id"] != nil'],
            "sum": {"value": "1", "monotonic": True},
        }
    ]
    named = config["processors"]["transform/derived"]["metric_statements"]
    assert 'set(datapoint.attributes["carried"]' in str(named)
    page = (tmp_path / "docs/reference/metrics.md").read_text()
    entry = page.partition("### ims_tenant_records_total")[2].partition("###")[0]
    assert "| source | log records that carry `tenant_id` |" in entry
    assert f"| series budget | {model.labels['severity'].limit} |" in entry
    assert "ims_tenant_failures" in (tmp_path / "alerts/rules/recording.yaml").read_text()


def test_its_own_checks_and_those_of_its_series_hold(extended: Path) -> None:
    done = run(extended, "validate", carrying="ims.source")
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


def test_the_collector_exposes_each_metric_whose_kind_says_so(model: Model) -> None:
    config = render_page(collector.plan(model).config).decode()
    exposed = [metric.exposed for metric in model.metrics.values() if metric.kind.exposed]
    assert exposed
    assert not [name for name in exposed if not re.search(rf"\b{re.escape(name)}\b", config)]
