"""What Grafana is told of panels and of a dashboard's frame, value by value."""

from __future__ import annotations

import json
from typing import Any

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from small_specs import PARTS, model_of

from imsobs.model import Model
from imsobs.model.dashboards import ResolvedPanel
from imsobs.model.dashboards.layout import Place
from imsobs.model.dashboards.queries import Query
from imsobs.model.dashboards.thresholds import Step
from imsobs.outputs.grafana import plan
from imsobs.outputs.grafana.board import traces_url
from imsobs.outputs.grafana.panels import data_source_kind, panel
from imsobs.outputs.grafana.shapes import UNITS
from imsobs.outputs.grafana.sources import KINDS

UP = Query("promql", "up", "Up")
BY_JOB = Query("promql", "up", "{{job}}")
OK = Step(None, "ok")
EXEMPLARS = """
labels: {version: {description: Version., resource_attributes: [service.version],
  patterns: {"*": "^v[0-9]+$"}, limit: 3}}
service: {names: [orders-api, cart]}
dashboards: {pages: {variables: [environment, service, vendor], rows:
  {More: {Again: {increase: shop_pages_total}}}}}
buckets: {wait: [0.1, 1]}
metrics:
  shop_wait_seconds: {description: Time., span: page_view, value: duration, buckets: wait}
  shop_kept_wait_seconds: {description: Time of kept ones., span: page_view, value: duration,
    buckets: wait, exemplars: true}
  shop_served_total: {description: Served., span: page_view, labels: [version]}
  shop_build_info: {description: Versions., span: page_view, value: count, fold: max,
    labels: [version]}
"""


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """Two services with an objective, a dashboard and kept histograms."""
    return model_of(tmp_path_factory.mktemp("spec"), PARTS["an objective and a band"], EXEMPLARS)


def shown(model: Model, show: str, *queries: Query, **more: Any) -> dict[str, Any]:
    """Return a panel as Grafana stores it."""
    given: dict[str, Any] = {
        "id": 7,
        "title": "T",
        "description": "D",
        "purpose": "rate",
        "show": show,
        "unit": "count",
        "queries": queries,
        "steps": (OK,),
        "alerts": (),
        "place": Place(1, 2, 3, 4),
        "may_be_empty": "",
        "path": (),
    } | more
    text = JSONEncoder(sort_keys=True).encode(panel(ResolvedPanel(**given), model))
    found: dict[str, Any] = json.loads(text)
    return found


LAST = {"calcs": ["lastNotNull"], "values": False}
BY_NAME = {"mode": "palette-classic-by-name"}
LINES = {
    "legend": {
        "calcs": ["mean", "max", "lastNotNull"],
        "displayMode": "table",
        "placement": "bottom",
        "showLegend": False,
    },
    "tooltip": {"mode": "multi", "sort": "desc"},
}
LINE = {"axisSoftMin": 0, "showPoints": "auto", "thresholdsStyle": {"mode": "off"}}
SHAPES: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "stat": (
        "stat",
        {"colorMode": "value", "graphMode": "area", "reduceOptions": LAST, "textMode": "auto"},
        {"color": {"mode": "thresholds"}},
    ),
    "series": (
        "timeseries",
        LINES,
        {"color": BY_NAME, "custom": {**LINE, "lineWidth": 2, "fillOpacity": 8}},
    ),
    "area": (
        "timeseries",
        LINES,
        {
            "color": BY_NAME,
            "custom": {
                **LINE,
                "lineWidth": 1,
                "fillOpacity": 40,
                "stacking": {"group": "A", "mode": "normal"},
            },
        },
    ),
    "bars": (
        "bargauge",
        {
            "displayMode": "basic",
            "namePlacement": "left",
            "orientation": "horizontal",
            "reduceOptions": LAST,
        },
        {"color": BY_NAME, "min": 0},
    ),
    "pie": (
        "piechart",
        {
            "displayLabels": [],
            "pieType": "donut",
            "reduceOptions": LAST,
            "legend": {
                "calcs": [],
                "displayMode": "table",
                "placement": "right",
                "showLegend": True,
                "values": ["value", "percent"],
            },
        },
        {"color": BY_NAME},
    ),
    "table": ("table", {"cellHeight": "sm", "showHeader": True}, {}),
    "heatmap": (
        "heatmap",
        {
            "calculate": False,
            "cellGap": 1,
            "yAxis": {"unit": "short"},
            "color": {
                "exponent": 0.5,
                "fill": "",
                "mode": "scheme",
                "reverse": False,
                "scale": "exponential",
                "scheme": "Blues",
                "steps": 64,
            },
        },
        {},
    ),
    "states": (
        "state-timeline",
        {"mergeValues": True, "rowHeight": 0.8, "showValue": "never"},
        {},
    ),
    "logs": (
        "logs",
        {
            "enableLogDetails": True,
            "showTime": True,
            "sortOrder": "Descending",
            "wrapLogMessage": True,
        },
        {},
    ),
}


@pytest.mark.parametrize("show", SHAPES)
def test_a_panel_looks_as_its_kind_says(show: str, small: Model) -> None:
    kind, options, defaults = SHAPES[show]
    found = shown(small, show, UP)
    assert found["type"] == kind
    assert {key: found["options"][key] for key in options} == options
    told = found["fieldConfig"]["defaults"]
    assert {key: told[key] for key in defaults} == defaults
    assert "footer" not in found["options"]
    assert ("min" in told) == (show == "bars")
    if show == "states":
        assert found["options"]["legend"]["showLegend"] is True
        assert found["options"]["legend"]["displayMode"] == "list"


def test_every_panel_has_its_place_and_its_texts(small: Model) -> None:
    found = shown(small, "stat", UP)
    assert found["gridPos"] == {"x": 1, "y": 2, "w": 3, "h": 4}
    assert (found["id"], found["title"], found["description"]) == (7, "T", "D")
    assert found["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
    told = found["fieldConfig"]["defaults"]
    assert told["unit"] == "short"
    assert told["thresholds"] == {"mode": "absolute", "steps": [{"color": "text", "value": None}]}
    assert not {"links", "min", "noValue", "mappings"} & {*found, *told}


def test_one_line_without_labels_needs_no_legend(small: Model) -> None:
    for queries, legend in (((UP,), False), ((BY_JOB,), True), ((UP, UP), True)):
        assert shown(small, "series", *queries)["options"]["legend"]["showLegend"] is legend


def test_a_number_at_one_moment_has_no_graph(small: Model) -> None:
    now = Query("promql", "up", "Up", instant=True)
    found = shown(small, "stat", UP, now)
    assert found["options"]["graphMode"] == "none"
    assert [(one["refId"], one["instant"], one["range"]) for one in found["targets"]] == [
        ("A", False, True),
        ("B", True, False),
    ]


def test_colours_say_how_bad_a_number_is(small: Model) -> None:
    steps = (OK, Step(1, "info"), Step(2, "warning"), Step(3, "critical"))
    for show, mode in (("bars", "thresholds"), ("stat", "thresholds")):
        told = shown(small, show, UP, steps=steps)["fieldConfig"]["defaults"]
        assert told["color"] == {"mode": mode}
        assert told["thresholds"]["steps"] == [
            {"color": "green", "value": None},
            {"color": "blue", "value": 1},
            {"color": "orange", "value": 2},
            {"color": "red", "value": 3},
        ]
    custom = shown(small, "series", UP, steps=steps)["fieldConfig"]["defaults"]["custom"]
    assert custom["thresholdsStyle"] == {"mode": "dashed"}
    # One limit is enough.
    for show in ("series", "bars"):
        told = shown(small, show, UP, steps=(OK, Step(1, "info")))["fieldConfig"]["defaults"]
        assert [step["color"] for step in told["thresholds"]["steps"]] == ["green", "blue"]
        if show == "series":
            assert told["custom"]["thresholdsStyle"] == {"mode": "dashed"}
        else:
            assert told["color"] == {"mode": "thresholds"}


@pytest.mark.parametrize(
    ("label", "colors"),
    [
        (
            "severity",
            {
                "debug": "gray",
                "info": "blue",
                "warning": "orange",
                "error": "red",
                "critical": "purple",
            },
        ),
        ("severity_text", {"DEBUG": "gray", "INFO": "blue", "WARN": "orange", "ERROR": "red"}),
        ("outcome", {"success": "green", "error": "red"}),
        ("decision", {"allow": "green", "redact": "orange", "deny": "red"}),
        ("status_class", {"2xx": "green", "3xx": "blue", "4xx": "orange", "5xx": "red"}),
        ("route", {}),
    ],
)
def test_values_with_a_meaning_have_its_colour(
    label: str, colors: dict[str, str], small: Model
) -> None:
    by_label = Query("promql", "up", f"{{{{{label}}}}}")
    found = shown(small, "series", by_label)["fieldConfig"]["overrides"]
    assert found == [
        {
            "matcher": {"id": "byName", "options": value},
            "properties": [{"id": "color", "value": {"fixedColor": color, "mode": "fixed"}}],
        }
        for value, color in colors.items()
    ]
    assert shown(small, "series", by_label, UP)["fieldConfig"]["overrides"] == []


@pytest.mark.parametrize(
    ("unit", "shown_as"),
    [
        ("count", "short"),
        ("whole", "locale"),
        ("s", "s"),
        ("By", "bytes"),
        ("USD", "currencyUSD"),
        ("ratio", "percentunit"),
        ("percent", "percent"),
        ("per_second", "cps"),
        ("per_minute", "cpm"),
        ("requests_per_second", "reqps"),
        ("By_per_second", "binBps"),
        ("bool", "short"),
        ("unix_s", "dateTimeFromNow"),
    ],
)
def test_units_are_those_that_grafana_knows(unit: str, shown_as: str, small: Model) -> None:
    assert UNITS[unit] == shown_as
    told = shown(small, "heatmap", UP, unit=unit)
    assert told["fieldConfig"]["defaults"]["unit"] == shown_as
    assert told["options"]["yAxis"] == {"unit": shown_as}
    assert ("mappings" in told["fieldConfig"]["defaults"]) == (unit == "bool")


def test_health_is_told_in_words(small: Model) -> None:
    (found,) = shown(small, "stat", UP, unit="bool")["fieldConfig"]["defaults"]["mappings"]
    assert found["type"] == "value"
    assert found["options"] == {
        "0": {"text": "unhealthy", "color": "red", "index": 0},
        "1": {"text": "healthy", "color": "green", "index": 1},
    }


def test_a_share_begins_at_nothing(small: Model) -> None:
    for purpose, unit, lowest in (("ratio", "ratio", 0), ("rate", "ratio", None)):
        told = shown(small, "series", UP, purpose=purpose, unit=unit)["fieldConfig"]["defaults"]
        assert told.get("min") == lowest
    told = shown(small, "series", UP, purpose="ratio", unit="s")["fieldConfig"]["defaults"]
    assert "min" not in told


def test_an_empty_panel_says_why(small: Model) -> None:
    told = shown(small, "stat", UP, may_be_empty="nobody came")["fieldConfig"]["defaults"]
    assert told["noValue"] == "nobody came"


def test_a_panel_leads_to_the_runbooks_of_its_alerts(small: Model) -> None:
    (link,) = shown(small, "stat", UP, alerts=("UnusualPages", "Gone"))["links"]
    assert link["title"] == "Runbook: UnusualPages"
    assert link["url"] == "http://127.0.0.1/runbooks/unusual-pages.md"
    assert (link["type"], link["targetBlank"]) == ("link", True)


def test_columns_of_a_table_are_called_as_their_queries(small: Model) -> None:
    def renamed(*queries: Query) -> dict[str, str]:
        merge, organize = shown(small, "table", *queries)["transformations"]
        assert merge == {"id": "merge", "options": {}}
        assert organize["id"] == "organize"
        assert organize["options"]["excludeByName"] == {"Time": True, "__name__": True}
        found: dict[str, str] = organize["options"]["renameByName"]
        return found

    assert renamed(UP) == {"Value": "Up"}
    assert renamed(BY_JOB) == {"Value": "value"}
    assert renamed(UP, BY_JOB) == {"Value #A": "Up", "Value #B": "{{job}}"}


def test_queries_are_asked_in_the_form_that_their_panel_needs(small: Model) -> None:
    def asked(show: str, query: Query, **more: Any) -> dict[str, Any]:
        found: dict[str, Any] = shown(small, show, query, **more)["targets"][0]
        return found

    assert asked("series", UP) == {
        "datasource": {"type": "prometheus", "uid": "${datasource}"},
        "editorMode": "code",
        "expr": "up",
        "format": "time_series",
        "instant": False,
        "legendFormat": "Up",
        "range": True,
        "refId": "A",
    }
    assert asked("table", UP)["format"] == "table"
    buckets = Query("promql", "shop_wait_seconds_bucket", "{{le}}", heatmap=True)
    assert asked("heatmap", buckets, purpose="heatmap")["format"] == "heatmap"


def test_exemplars_are_asked_of_histograms_that_have_them(small: Model) -> None:
    for name, instant, purpose, wanted in (
        ("shop_kept_wait_seconds_bucket", False, "percentiles", True),
        ("shop_kept_wait_seconds_bucket", False, "heatmap", True),
        ("shop_kept_wait_seconds_bucket", True, "percentiles", None),
        ("shop_kept_wait_seconds_bucket", False, "promql", None),
        ("shop_wait_seconds_bucket", False, "percentiles", None),
    ):
        query = Query("promql", f"sum by (le) (rate({name}[5m]))", "p", instant=instant)
        assert shown(small, "series", query, purpose=purpose)["targets"][0].get("exemplar") is (
            wanted
        )


def test_logs_are_asked_of_loki(small: Model) -> None:
    loki = {"type": "loki", "uid": "${logs}"}
    lines = shown(small, "logs", Query("logs", '{a="b"}', ""), purpose="logs")
    assert lines["datasource"] == loki
    assert lines["targets"] == [
        {
            "datasource": loki,
            "expr": '{a="b"}',
            "maxLines": 200,
            "queryType": "range",
            "refId": "A",
        }
    ]
    counted = Query("logql", 'sum(rate({a="b"}[1m]))', "n", instant=True)
    (target,) = shown(small, "stat", counted, purpose="logql")["targets"]
    assert (target["queryType"], target["legendFormat"]) == ("instant", "n")
    assert "maxLines" not in target


def test_traces_are_searched_for_each_service(small: Model) -> None:
    query = Query("traces", "error=true minDuration=2s", "", instant=True)
    found = shown(small, "table", query, purpose="traces")
    jaeger = {"type": "jaeger", "uid": "${traces}"}
    assert found["datasource"] == jaeger
    assert "transformations" not in found
    assert found["targets"] == [
        {
            "datasource": jaeger,
            "limit": 20,
            "minDuration": "2s",
            "queryType": "search",
            "refId": ref_id,
            "service": service,
            "tags": "error=true",
        }
        for ref_id, service in (("A", "orders-api"), ("B", "cart"))
    ]
    two = shown(small, "table", query, Query("traces", "", ""), purpose="traces")["targets"]
    assert [one["refId"] for one in two] == ["A", "B", "C", "D"]
    assert not {"tags", "minDuration"} & two[2].keys()


def test_a_panel_without_a_query_asks_prometheus(small: Model) -> None:
    found = shown(small, "table")
    assert found["targets"] == []
    assert found["datasource"]["type"] == "prometheus"
    for language, plugin in (("logql", "loki"), ("traces", "jaeger")):
        entry = ResolvedPanel(
            1, "", "", "", "table", "count", (Query(language, "", ""),), (), (),  # type: ignore[arg-type]
            Place(0, 0, 1, 1), "", (),
        )  # fmt: skip
        assert data_source_kind(entry).plugin == plugin


@pytest.fixture(scope="module")
def board(small: Model) -> dict[str, Any]:
    """The dashboard of the small spec."""
    (page,) = plan(small)
    assert page.path == "dashboards/pages.json"
    return page.data


def test_the_frame_of_a_dashboard(board: dict[str, Any]) -> None:
    assert board["uid"] == "pages"
    assert board["title"] == "Pages"
    assert board["description"].startswith("Is it fine? Generated from ")
    assert board["tags"] == ["generated", "shop"]
    assert board["editable"] is True
    assert board["timezone"] == "browser"
    assert board["graphTooltip"] == 1
    assert board["time"] == {"from": "now-1h", "to": "now"}
    assert board["refresh"] == "30s"
    assert board["timepicker"]["refresh_intervals"] == ["10s", "30s", "1m", "5m", "15m", "1h"]
    # Sorted by key, so that the file is the same whatever the SDK does.
    assert list(board) == sorted(board)


def test_each_kind_of_source_is_chosen_by_a_variable_of_its_own() -> None:
    assert {(kind.plugin, kind.variable, kind.label) for kind in KINDS} == {
        ("prometheus", "datasource", "Metrics"),
        ("loki", "logs", "Logs"),
        ("jaeger", "traces", "Traces"),
    }


def test_variables_choose_the_source_and_then_narrow_each_other(board: dict[str, Any]) -> None:
    source, environment, service = board["templating"]["list"]
    assert source["type"] == "datasource"
    assert (source["name"], source["label"], source["query"]) == (
        "datasource",
        "Metrics",
        "prometheus",
    )
    assert source["current"] == {"text": "prometheus", "value": "prometheus"}
    assert source["refresh"] == 1
    assert (environment["label"], service["label"]) == ("Environment", "Service")
    for variable, asked in (
        (environment, "label_values(shop_pages_total, deployment_environment_name)"),
        (
            service,
            'label_values(shop_pages_total{deployment_environment_name=~"$environment"},'
            " service_name)",
        ),
    ):
        assert variable["query"] == variable["definition"] == asked
        assert variable["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        assert (variable["type"], variable["refresh"], variable["sort"]) == ("query", 2, 1)
        assert (variable["multi"], variable["includeAll"], variable["allValue"]) == (
            True,
            True,
            ".+",
        )
        assert variable["current"] == {"selected": True, "text": ["All"], "value": ["$__all"]}


def test_rows_have_a_header_from_the_second_on(board: dict[str, Any]) -> None:
    found = [(entry["type"], entry["title"]) for entry in board["panels"]]
    assert found == [("timeseries", "Pages"), ("row", "More"), ("timeseries", "Again")]
    _, header, again = board["panels"]
    assert header["gridPos"] == {"h": 1, "w": 24, "x": 0, "y": again["gridPos"]["y"] - 1}
    assert header["panels"] == []
    assert header["id"] != again["id"]


def test_links_lead_to_the_other_dashboards_and_to_traces(board: dict[str, Any]) -> None:
    dashboards, *traces = board["links"]
    assert "placement" not in dashboards
    told = ("title", "type", "icon", "tags", "asDropdown", "includeVars", "keepTime")
    assert [dashboards[key] for key in told] == [
        "Dashboards",
        "dashboards",
        "dashboard",
        ["shop"],
        True,
        True,
        True,
    ]
    assert [
        (one["title"], one["type"], one["icon"], one["url"], one["targetBlank"]) for one in traces
    ] == [
        (f"Traces of {name}", "link", "external link", traces_url(name), True)
        for name in ("orders-api", "cart")
    ]


def test_a_search_for_traces_is_of_the_time_shown() -> None:
    quoted = (
        "{'traces':{'datasource':'jaeger','queries':[{'refId':'A','datasource':"
        "{'type':'jaeger','uid':'jaeger'},'queryType':'search','service':'a%20b'}],"
        "'range':{'from':'${__from}','to':'${__to}'}}}"
    ).replace("'", "%22")
    assert traces_url("a b") == f"/explore?schemaVersion=1&panes={quoted}"


def test_deployments_are_marked_when_a_version_first_serves(board: dict[str, Any]) -> None:
    (mark,) = board["annotations"]["list"]
    chosen = '{service_name=~"$service", deployment_environment_name=~"$environment"}'
    by = "sum by (service_name, deployment_environment_name, version)"
    info = f"{by} (shop_build_info{chosen}"
    assert mark["expr"] == f"{info}) unless {info} offset 1m)"
    assert mark["name"] == "Deployments"
    assert (mark["iconColor"], mark["step"], mark["tagKeys"]) == ("purple", "60s", "version")
    assert mark["titleFormat"] == "Deployed {{version}}"
    assert mark["textFormat"] == "{{service_name}} in {{deployment_environment_name}}"
    assert mark["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
    assert "placement" not in mark
