"""What a program objects to is told at the line of the spec: real programs, real objections."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from alertmanager import ROOT
from small_specs import PARTS, rendered

from imsobs import artifacts
from imsobs.compile import places
from imsobs.model import Model
from imsobs.problems import dotted
from imsobs.runtime.build.binaries import resolve_binary
from imsobs.runtime.verify.spec_lines import entries

pytestmark = pytest.mark.native


def told(root: Path, model: Model, subject: str, program: str, *args: str) -> list[str]:
    """Return the places of the spec that a program's objection to a file is about."""
    command = [str(resolve_binary(program, ROOT)), *args]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    said = done.stderr + done.stdout
    here = places(model)[subject]
    paths = entries(said, here, (root / subject).read_text())
    return [dotted(path) for path in paths]


def collector(root: Path, model: Model) -> list[str]:
    args = ("validate", "--config", artifacts.COLLECTOR)
    return told(root, model, artifacts.COLLECTOR, "otelcol", *args)


@pytest.mark.parametrize(
    ("part", "path"),
    [
        # A path that is no list.
        ("sources: {page: {description: A page., kind: server,"
         " where: 'span.name[\"a\"] != nil'}}\n"
         "metrics: {shop_pages_total: {description: Pages., span: page}}",
         "sources.page.where"),
        # A function with too few arguments, in the condition of records.
        ("records: {failure: {description: It fails., where: IsMatch(log.body)}}\n"
         "metrics: {shop_failures_total: {description: Failures., log: failure}}",
         "records.failure.where"),
        # What its grammar has not: the Collector quotes a part only.
        ("records:\n  other: {description: Others., where: log.body == nil}\n"
         "  failure: {description: It fails., where: 'true == (log.body == nil)'}\n"
         "metrics: {shop_failures_total: {description: Failures., log: failure},"
         " shop_others_total: {description: Others., log: other}}",
         "records.failure.where"),
        ("sources: {page: {description: A page., kind: server,"
         " cancelled_where: HasPrefix(span.name)}}\n"
         "labels: {outcome: {description: End., values: [success, error, cancelled]}}\n"
         "metrics: {shop_pages_total: {description: Pages., span: page, labels: [outcome]}}",
         "sources.page.cancelled_where"),
    ],
)  # fmt: skip
def test_an_expression_that_the_collector_does_not_take(
    part: str, path: str, tmp_path: Path
) -> None:
    model = rendered(tmp_path, part)
    assert collector(tmp_path, model) == [path]


def test_a_setting_that_the_collector_does_not_take(tmp_path: Path) -> None:
    model = rendered(tmp_path, PARTS["spans"])
    file = tmp_path / artifacts.COLLECTOR
    file.write_text(file.read_text().replace("num_traces:", "num_trace:"))
    assert collector(tmp_path, model) == ["sampling"]


def test_a_query_that_prometheus_does_not_take(tmp_path: Path) -> None:
    rule = """
rules:
  service:shop_pages:sum:
    description: Pages.
    expr: sum by (service_name, deployment_environment_name) (rate(shop_pages_total[7m]))
"""
    model = rendered(tmp_path, PARTS["an objective and a band"], rule)
    file = tmp_path / artifacts.RULES / "recording.yaml"
    file.write_text(
        file.read_text().replace("rate(shop_pages_total[7m])", "gone(shop_pages_total)")
    )
    subject = str(file.relative_to(tmp_path))
    found = told(tmp_path, model, subject, "promtool", "check", "rules", subject)
    assert found == ["rules.service:shop_pages:sum.expr"]


def test_a_test_of_an_alert_that_fails(tmp_path: Path) -> None:
    model = rendered(tmp_path, PARTS["the pack pipeline"])
    subject = f"{artifacts.RULE_TESTS}/target-down.yaml"
    file = tmp_path / subject
    file.write_text(file.read_text().replace("jaeger", "jaegr", 1))
    found = told(tmp_path, model, subject, "promtool", "test", "rules", subject)
    assert found == ["alerts.TargetDown.test"]


@pytest.mark.parametrize(
    ("word", "wrong", "path"),
    [
        ("receiver: nobody\n  ", "receivr: nobody\n  ", "routing"),
        ("- name: nobody", "- nam: nobody", "receivers.nobody"),
    ],
)
def test_a_line_that_alertmanager_does_not_take(
    word: str, wrong: str, path: str, tmp_path: Path
) -> None:
    model = rendered(tmp_path, PARTS["the pack pipeline"])
    file = tmp_path / artifacts.ALERTMANAGER
    text = file.read_text()
    assert word in text
    file.write_text(
        text.replace(word, word.replace("receiver:", "receivr:").replace("name:", "nam:"), 1)
    )
    args = ("check-config", artifacts.ALERTMANAGER)
    assert told(tmp_path, model, artifacts.ALERTMANAGER, "amtool", *args) == [path]
