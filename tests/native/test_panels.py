"""Every panel of every dashboard shows data after the reference traffic.

Queries are taken from the rendered JSON and substituted as Grafana would. A panel may only
be empty where the spec says why (``may_be_empty``).
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from native.conftest import FAST, Live

from gateway.traffic import Order
from imsobs.compile import read_spec
from imsobs.errors import ImsobsError
from imsobs.outputs.grafana import plan
from imsobs.preview.fetch import Prometheus
from imsobs.preview.interpolate import PanelQuery, panel_queries

pytestmark = [pytest.mark.native, pytest.mark.timeout(600)]

ROOT = Path(__file__).resolve().parents[2]
SCRAPE_SECONDS = float(FAST["scrape"]["interval"].removesuffix("s"))
SHOWN_SECONDS = 900
# Long windows of an objective are sums of its points at whole five minutes; the rules that add them
# up, and their rates, need a few evaluations more.
PATIENCE_SECONDS = 300 + 60
PICKED = {
    "all": {},
    "one": {"service": ["ims-core"], "vendor": ["openai"]},
    "several": {"service": ["ims-core"], "vendor": ["openai", "anthropic"]},
}


def _queries(picked: dict[str, list[str]]) -> Iterator[PanelQuery]:
    model = read_spec([ROOT / "spec/ims.yaml"]).model
    assert model is not None
    for page in plan(model):
        yield from panel_queries(
            page.data, seconds=SHOWN_SECONDS, values=picked, scrape_interval=SCRAPE_SECONDS
        )


def _empty(queries: list[PanelQuery], prometheus: Prometheus) -> list[PanelQuery]:
    end = time.time()
    return [query for query in queries if not prometheus.ask(query, end)]


def test_every_panel_shows_data(stack: Live) -> None:
    prometheus = Prometheus(stack.prometheus)
    waiting = [q for q in _queries({}) if q.source == "prometheus"]
    waiting = [q for q in waiting if not q.may_be_empty]
    deadline = time.monotonic() + PATIENCE_SECONDS
    seed = 100
    while waiting and time.monotonic() < deadline:
        waiting = _empty(waiting, prometheus)
        if waiting:
            # What the SDK sums up itself first appears with its sum; a rate needs more of it.
            stack.drive(Order(count=20, seed=(seed := seed + 1)))
            time.sleep(5)
    if waiting:
        lines = [f"{q.dashboard}: {q.title} ({q.ref_id}): {q.expr}" for q in waiting]
        pytest.fail("panels without data:\n" + "\n".join(lines))


@pytest.mark.parametrize("picked", PICKED.values(), ids=PICKED)
def test_prometheus_takes_every_query(stack: Live, picked: dict[str, list[str]]) -> None:
    prometheus = Prometheus(stack.prometheus)
    refused = []
    for query in _queries(picked):
        if query.source != "prometheus":
            continue
        try:
            prometheus.ask(query, time.time())
        except ImsobsError as error:
            refused.append(f"{query.dashboard}: {query.title}: {error}")
    assert refused == []


def test_pickers_narrow_what_is_shown(stack: Live) -> None:
    prometheus = Prometheus(stack.prometheus)
    shown = {
        name: {
            series.labels["vendor"]
            for query in _queries(picked)
            if query.title == "Requests by vendor"
            for series in prometheus.ask(query, time.time())
        }
        for name, picked in PICKED.items()
    }
    assert shown["one"] == {"openai"}
    assert shown["several"] == {"openai", "anthropic"}
    assert shown["several"] <= shown["all"]
