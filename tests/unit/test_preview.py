"""Grafana's substitution, numbers as Grafana writes them, and drawings without Grafana."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs
from xml.etree import ElementTree

import pytest

from imsobs.errors import ImsobsError
from imsobs.model import Model
from imsobs.outputs.grafana import plan
from imsobs.preview import page, theme, values
from imsobs.preview.fetch import Prometheus, series_name
from imsobs.preview.interpolate import chosen, duration, interval, panel_queries, substitute
from imsobs.preview.scene import Request

ROOT = Path(__file__).resolve().parents[2]
END = 1_800_000_000.0


@pytest.fixture(scope="module")
def boards(model: Model) -> dict[str, Any]:
    return {rendered.data["uid"]: rendered.data for rendered in plan(model)}


# Grafana's own tests of rangeUtil.calculateInterval and of $__rate_interval.
@pytest.mark.parametrize(
    ("seconds", "points", "minimum", "expected"),
    [(600, 1600, 1, 1), (600, 1600, 0.4, 0.5), (3600, 1392, 15, 15), (86400, 1392, 15, 60)],
)
def test_interval_is_rounded_as_grafana_does(
    seconds: float, points: int, minimum: float, expected: float
) -> None:
    assert interval(seconds, points, minimum) == pytest.approx(expected, rel=0.2)


@pytest.mark.parametrize(
    ("seconds", "text"), [(60, "1m"), (75, "1m15s"), (0.5, "500ms"), (90000, "1d1h"), (15, "15s")]
)
def test_durations_are_promql(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("values_chosen", "text"),
    [((), ".+"), (("openai",), "openai"), (("a", "b"), "(a|b)"), (("a.b",), r"a\\.b")],
)
def test_chosen_values_become_a_pattern(values_chosen: tuple[str, ...], text: str) -> None:
    assert chosen(values_chosen, ".+") == text


def test_every_spelling_of_a_variable_is_known() -> None:
    found = substitute("$a ${a} ${a:regex} [[a]] $unknown $ab", {"a": "x"})
    assert found == "x x x x $unknown $ab"


def test_no_variable_is_left(boards: dict[str, Any]) -> None:
    for board in boards.values():
        for query in panel_queries(board, values={"vendor": ["openai", "anthropic"]}):
            assert "$" not in query.expr, query


def test_rate_interval_is_at_least_four_scrapes(boards: dict[str, Any]) -> None:
    query = next(q for q in panel_queries(boards["ims-overview"]) if q.title == "Request rate")
    assert "[1m]" in query.expr
    fast = panel_queries(boards["ims-overview"], seconds=600, scrape_interval=2)
    assert "[8s]" in next(q for q in fast if q.title == "Request rate").expr


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.25, "s", "250 ms"),
        (95, "s", "1.58 min"),
        (0.051, "percentunit", "5.1%"),
        (12.5, "currencyUSD", "$12.50"),
        (0.00123, "currencyUSD", "$0.00123"),
        (1536, "bytes", "1.5 KiB"),
        (1_234_567, "short", "1.23 Mil"),
        (1_234_567, "locale", "1,234,567"),
        (8, "locale", "8"),
        (0, "locale", "0"),
        (5.67, "reqps", "5.67 req/s"),
        (0, "s", "0 s"),
    ],
)
def test_values_are_written_with_their_unit(value: float, unit: str, text: str) -> None:
    assert values.text(value, unit) == text


@pytest.mark.parametrize(
    ("low", "high", "unit"), [(0, 0.87, "short"), (0, 0, "s"), (-3, 2, "short"), (0, 7e9, "bytes")]
)
def test_ticks_cover_what_is_shown(low: float, high: float, unit: str) -> None:
    ticks = values.ticks(low, high, unit)
    assert ticks[0] <= low
    assert ticks[-1] >= high
    assert 2 <= len(ticks) <= 8


def test_legend_takes_labels() -> None:
    assert series_name("{{ a }} to {{b}}", {"a": "x", "b": "y"}) == "x to y"
    assert series_name("", {"__name__": "m", "a": "x"}) == 'm{a="x"}'


def test_skins_share_one_drawing() -> None:
    drawing = f'<rect fill="{theme.LIGHT["card"]}"/><rect fill="{theme.PALETTE[0]}"/>'
    assert theme.DARK["card"] in theme.dark(drawing)
    assert 'fill="var(--card)"' in theme.variables(drawing)
    assert len(set(theme.LIGHT.values())) == len(theme.LIGHT)
    assert not set(theme.LIGHT.values()) & {*theme.PALETTE, *theme.DARK.values()}


class _Answers(BaseHTTPRequestHandler):
    """A Prometheus that has one series for everything, two buckets for heatmaps."""

    empty = False

    def do_POST(self) -> None:
        arguments = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        labels = [{"le": "0.5", "component": "a"}, {"le": "+Inf", "component": "b"}]
        if "query" in self.path.rsplit("/", 1)[-1] and self.path.endswith("range"):
            start, end = float(arguments["start"][0]), float(arguments["end"][0])
            points = [[start + i * (end - start) / 50, str(i % 7)] for i in range(51)]
            rows: list[Any] = [{"metric": entry, "values": points} for entry in labels]
        else:
            rows = [{"metric": entry, "value": [END, "3"]} for entry in labels]
        found: list[Any] = [] if self.empty else rows
        body = json.dumps({"data": {"resultType": "vector", "result": found}}).encode()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def prometheus() -> Iterator[Prometheus]:
    server = HTTPServer(("127.0.0.1", 0), _Answers)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield Prometheus(f"http://127.0.0.1:{server.server_port}")
    server.shutdown()
    server.server_close()


def test_every_dashboard_can_be_drawn(boards: dict[str, Any], prometheus: Prometheus) -> None:
    for board in boards.values():
        drawing = page.draw(board, prometheus, Request(end=END))
        ElementTree.fromstring(drawing)  # noqa: S314 - drawn right here
        assert "No data" not in drawing
    assert page.png(drawing)[:4] == b"\x89PNG"
    whole = page.html(drawing, "A & B")
    assert "A &amp; B" in whole
    assert "http://www.w3.org/2000/svg" in whole
    assert "src=" not in whole


def test_empty_panels_say_why(
    boards: dict[str, Any], prometheus: Prometheus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_Answers, "empty", True)
    drawing = page.draw(boards["ims-overview"], prometheus, Request(end=END))
    assert "no alert is firing" in drawing
    assert "No data" in drawing


def test_absent_prometheus_is_one_clear_line() -> None:
    with pytest.raises(ImsobsError, match=r"does not answer at http://127\.0\.0\.1:1"):
        Prometheus("http://127.0.0.1:1").instant("up", END)
