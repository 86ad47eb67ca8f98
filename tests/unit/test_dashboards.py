"""What is rendered for Grafana, as Grafana and a reader need it."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from imsobs.compile import read_spec
from imsobs.model import Model, conventions
from imsobs.outputs.grafana import plan
from imsobs.preview.interpolate import panels

ROOT = Path(__file__).resolve().parents[2]
OVERVIEW = {
    "Request rate": "stat",
    "Error rate": "stat",
    "p95 latency": "stat",
    "Total cost 24 h": "stat",
    "Request rate by model": "timeseries",
    "Latency percentiles": "timeseries",
    "Model usage": "bargauge",
    "Requests by vendor": "piechart",
    "Cache hit rate": "stat",
    "Cost drift over time": "timeseries",
    "Policy violations by policy": "timeseries",
}


def _model(*overlays: Path) -> Model:
    compiled = read_spec([ROOT / "spec/ims.yaml", *overlays])
    assert compiled.model is not None, compiled.lines()
    return compiled.model


def _boards(model: Model) -> dict[str, dict[str, Any]]:
    return {page.data["uid"]: page.data for page in plan(model)}


MODEL = _model()
BOARDS = _boards(MODEL)
every_board = pytest.mark.parametrize("board", BOARDS.values(), ids=BOARDS)


def test_overview_has_what_was_asked_for() -> None:
    board = BOARDS["ims-overview"]
    shown = {panel["title"]: panel["type"] for panel in panels(board)}
    assert OVERVIEW.items() <= shown.items()
    (deployments,) = board["annotations"]["list"]
    assert "ims_build_info" in deployments["expr"]
    names = [variable["name"] for variable in board["templating"]["list"]]
    assert names == ["datasource", "environment", "service", "vendor", "model"]


def test_thresholds_come_from_the_alerts_on_the_same_thing() -> None:
    by_title = {panel["title"]: panel for panel in panels(BOARDS["ims-overview"])}
    for title, alerts in {
        "Error rate": ["HighErrorRate", "CriticalErrorRate"],
        "p95 latency": ["HighAPILatency"],
    }.items():
        panel = by_title[title]
        steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
        assert [step["value"] for step in steps] == [
            None,
            *(MODEL.spec.alerts[alert].threshold for alert in alerts),
        ]
        links = {link["title"]: link["url"] for link in panel["links"]}
        for alert in alerts:
            assert links[f"Runbook: {alert}"] == MODEL.alerts[alert].runbook_url


def test_low_is_bad_where_the_alert_says_so() -> None:
    panel = next(p for p in panels(BOARDS["ims-overview"]) if p["title"] == "Cache hit rate")
    steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
    limit = MODEL.spec.alerts["LowCacheHitRate"].threshold
    assert steps == [{"color": "orange", "value": None}, {"color": "green", "value": limit}]


@every_board
def test_every_board_chooses_environments_and_every_query_follows(board: dict[str, Any]) -> None:
    variables = {variable["name"]: variable for variable in board["templating"]["list"]}
    environment = variables["environment"]
    assert environment["multi"]
    assert environment["includeAll"]
    (deployments,) = board["annotations"]["list"]
    assert 'deployment_environment_name=~"$environment"' in deployments["expr"]
    for panel in panels(board):
        for target in panel["targets"]:
            text = target.get("expr", "")
            derived = any(
                name in text and conventions.ENVIRONMENT in series.labels
                for name, series in MODEL.series.items()
            )
            if derived or target["datasource"]["type"] == "loki":
                assert "$environment" in text, panel["title"]


@every_board
def test_panels_stand_side_by_side_without_gaps(board: dict[str, Any]) -> None:
    places = [panel["gridPos"] for panel in board["panels"]]
    for one, other in combinations(places, 2):
        apart = (
            one["x"] + one["w"] <= other["x"]
            or other["x"] + other["w"] <= one["x"]
            or one["y"] + one["h"] <= other["y"]
            or other["y"] + other["h"] <= one["y"]
        )
        assert apart, (one, other)
    bottom = max(place["y"] + place["h"] for place in places)
    assert sum(place["w"] * place["h"] for place in places) == 24 * bottom


@every_board
def test_ids_and_titles_are_unique(board: dict[str, Any]) -> None:
    ids = [panel["id"] for panel in board["panels"]]
    titles = [panel["title"] for panel in panels(board)]
    assert len(set(ids)) == len(ids)
    assert len(set(titles)) == len(titles)
    assert len(board["uid"]) <= 40
    assert "Generated" in board["description"]


@every_board
def test_panels_say_what_they_show(board: dict[str, Any]) -> None:
    for panel in panels(board):
        assert len(panel["description"]) > 15, panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]


@every_board
def test_data_sources_are_chosen_by_a_variable(board: dict[str, Any]) -> None:
    variables = {v["name"]: v["query"] for v in board["templating"]["list"]}
    for panel in panels(board):
        for target in [panel, *panel["targets"]]:
            reference = target["datasource"]
            assert variables[reference["uid"].strip("${}")] == reference["type"]


@every_board
def test_only_the_first_row_has_numbers(board: dict[str, Any]) -> None:
    stats = [panel["gridPos"]["y"] for panel in panels(board) if panel["type"] == "stat"]
    assert set(stats) == {0}


def test_panel_ids_do_not_depend_on_other_panels(tmp_path: Path) -> None:
    overlay = tmp_path / "overlay.yaml"
    overlay.write_text(
        "dashboards:\n  ims-overview:\n    rows:\n      Models and vendors:\n"
        "        Errors by vendor: {rate: ims_api_errors_total, by: [vendor]}\n"
    )
    before = {panel["title"]: panel["id"] for panel in panels(BOARDS["ims-overview"])}
    changed = _boards(_model(overlay))["ims-overview"]
    after = {panel["title"]: panel["id"] for panel in panels(changed)}
    assert before.items() < after.items()


def test_every_alert_leads_to_a_dashboard_that_exists() -> None:
    assert {alert.dashboard for alert in MODEL.alerts.values()} <= set(BOARDS)
