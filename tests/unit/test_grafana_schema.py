"""The dashboards, held against the types that the pinned Grafana publishes for them.

No Grafana runs in these tests. Its packages say of which shape a dashboard, the options of each
type of panel and the fields' configuration are; TypeScript's compiler is the judge. What it
cannot see is listed here, too (``NOT_SEEN``).
"""

from __future__ import annotations

import copy
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from imsobs.shipped import shipped

ROOT = Path(__file__).resolve().parents[2]
TYPES = ROOT / "tests/grafana"
COMPILER = TYPES / "node_modules/.bin/tsc"
Dashboard = dict[str, Any]
Change = Callable[[Dashboard], None]

needs_types = pytest.mark.skipif(
    shutil.which("node") is None or not COMPILER.exists(),
    reason="DASHBOARDS NOT HELD AGAINST GRAFANA'S TYPES: needs Node.js and "
    "`npm ci --prefix tests/grafana`",
)


def _faults(dashboards: dict[str, Dashboard], folder: Path) -> dict[str, list[str]]:
    """Return what the compiler says of each dashboard, by name; sound ones are missing."""
    (folder / "node_modules").symlink_to(TYPES / "node_modules")
    for name in ("dashboard.ts", "units.ts", "tsconfig.json"):
        shutil.copy(TYPES / name, folder)
    for name, dashboard in dashboards.items():
        (folder / f"{name}.ts").write_text(
            'import type { Dashboard } from "./dashboard";\n'
            f"export default {json.dumps(dashboard, indent=1)} satisfies Dashboard;\n"
        )
    done = subprocess.run(
        [str(COMPILER), "-p", "."], cwd=folder, capture_output=True, text=True, check=False
    )
    found: dict[str, list[str]] = {}
    for line in done.stdout.splitlines():
        if place := re.match(r"([\w-]+)\.ts\(", line):
            found.setdefault(place[1], []).append(line)
    assert bool(found) == (done.returncode != 0), done.stdout + done.stderr
    return found


def _panels(dashboard: Dashboard) -> list[dict[str, Any]]:
    found = []
    for panel in dashboard["panels"]:
        found += [*panel["panels"]] if panel["type"] == "row" else [panel]
    return found


@pytest.fixture(scope="module")
def samples() -> Dashboard:
    """Return a dashboard with one panel of each type, a row among them."""
    boards = [json.loads(file.read_text()) for file in sorted((ROOT / "dashboards").glob("*.json"))]
    one_each = {panel["type"]: panel for board in boards for panel in _panels(board)}
    row = next(p for board in boards for p in board["panels"] if p["type"] == "row")
    board = copy.deepcopy(boards[0])
    board["panels"] = [*copy.deepcopy(list(one_each.values())), {**row, "panels": []}]
    return board


def _of(dashboard: Dashboard, kind: str) -> Any:
    return next(panel for panel in dashboard["panels"] if panel["type"] == kind)


def _at(kind: str, *path: str | int, value: object) -> Change:
    """Return a change of one place of the panel of a type."""

    def change(dashboard: Dashboard) -> None:
        place = _of(dashboard, kind)
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = value

    return change


def _top(*path: str | int, value: object) -> Change:
    def change(dashboard: Dashboard) -> None:
        place: Any = dashboard
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = value

    return change


def _without(kind: str, *path: str | int) -> Change:
    def change(dashboard: Dashboard) -> None:
        place = _of(dashboard, kind)
        for key in path[:-1]:
            place = place[key]
        del place[path[-1]]

    return change


_DEFAULTS = ("fieldConfig", "defaults")
SEEN: dict[str, Change] = {
    "a type of panel that does not exist": _at("stat", "type", value="statistic"),
    "an option of another version": _at("table", "options", "footer", value={"show": False}),
    "a misspelt option": _at("stat", "options", "colourMode", value="value"),
    "a mode that does not exist": _at("stat", "options", "graphMode", value="areas"),
    "a missing option": _without("bargauge", "options", "displayMode"),
    "an option of another type of panel": _at("logs", "options", "graphMode", value="area"),
    "a legend in no place": _at("timeseries", "options", "legend", "placement", value="left"),
    "a tooltip of no mode": _at("timeseries", "options", "tooltip", "mode", value="all"),
    "a line of no style": _at("timeseries", *_DEFAULTS, "custom", "drawStyle", value="dots"),
    "a misspelt field": _at("timeseries", *_DEFAULTS, "custom", "linewidth", value=2),
    "a field of another type of panel": _at(
        "piechart", *_DEFAULTS, "custom", value={"lineWidth": 1}
    ),
    "a unit that does not exist": _at("stat", *_DEFAULTS, "unit", value="requests"),
    "a colour of no mode": _at("stat", *_DEFAULTS, "color", value={"mode": "rainbow"}),
    "limits of no mode": _at("stat", *_DEFAULTS, "thresholds", "mode", value="relative"),
    "a limit as text": _at("stat", *_DEFAULTS, "thresholds", "steps", 0, "value", value="0"),
    "a mapping of no type": _at("stat", *_DEFAULTS, "mappings", value=[{"type": "v"}]),
    "a place without a width": _without("stat", "gridPos", "w"),
    "a place as text": _at("stat", "gridPos", "x", value="0"),
    "a query's misspelt key": _at("stat", "targets", 0, "legendformat", value="x"),
    "a query without an expression": _without("stat", "targets", 0, "expr"),
    "a query of no data source": _at("stat", "targets", 0, "datasource", "type", value="prom"),
    "a transformation without an id": _without("table", "transformations", 0, "id"),
    "a repetition in no direction": _at("stat", "repeatDirection", value="x"),
    "a row that is neither open nor shut": _without("row", "collapsed"),
    "a variable of no type": _top("templating", "list", 0, "type", value="list"),
    "a variable refreshed never heard of": _top("templating", "list", 0, "refresh", value=7),
    "a variable's misspelt key": _top("templating", "list", 0, "includeall", value=True),
    "a link of no type": _top("links", 0, "type", value="page"),
    "an annotation of no colour": _top("annotations", "list", 0, "iconColor", value=None),
    "a version as text": _top("schemaVersion", value="42"),
    "a time without an end": _top("time", value={"from": "now-6h"}),
    "a cursor shared by five": _top("graphTooltip", value=5),
}
# Texts whose meaning only a running Grafana knows.
NOT_SEEN: dict[str, Change] = {
    "a transformation that does not exist": _at("table", "transformations", 0, "id", value="mrge"),
    "a transformation's options": _at("table", "transformations", 0, "options", value={"x": 1}),
    "a calculation that does not exist": _at(
        "stat", "options", "reduceOptions", "calcs", value=["newest"]
    ),
    "a colour scheme that does not exist": _at("heatmap", "options", "color", "scheme", value="X"),
    "a refresh that is no duration": _top("refresh", value="often"),
    "a property that no override has": _at(
        "stat",
        "fieldConfig",
        "overrides",
        value=[
            {"matcher": {"id": "byName", "options": "A"}, "properties": [{"id": "colour"}]},
        ],
    ),
    "a query that is no PromQL": _at("stat", "targets", 0, "expr", value="sum("),
}


@needs_types
def test_every_dashboard_is_of_the_types_that_grafana_publishes(tmp_path: Path) -> None:
    boards = {
        file.stem: json.loads(file.read_text()) for file in (ROOT / "dashboards").glob("*.json")
    }
    assert boards
    assert _faults(boards, tmp_path) == {}


@needs_types
def test_what_the_types_see_and_what_they_do_not(samples: Dashboard, tmp_path: Path) -> None:
    names = {}
    changed = {"unchanged": samples}
    for index, (name, change) in enumerate({**SEEN, **NOT_SEEN}.items()):
        changed[f"change-{index}"] = copy.deepcopy(samples)
        change(changed[f"change-{index}"])
        names[f"change-{index}"] = name
    faults = _faults(changed, tmp_path)
    assert {names.get(name, name) for name in faults} == set(SEEN)


def test_the_types_are_of_the_grafana_that_is_run() -> None:
    version = shipped().versions()["grafana"]
    assert json.loads((TYPES / "package.json").read_text())["dependencies"]["@grafana/schema"] == (
        version
    )
    assert f"@grafana/data {version}," in (TYPES / "units.ts").read_text()
