"""What is shown as a count is what happened: panels, alerts, recorded series and runbooks.

Known telemetry (the golden cases) goes through a real Collector that starts anew in between; a
real Prometheus scrapes it and is asked each query that counts, as it is rendered. The truth are
the totals that the Collector tells itself, which the cases hold to what was sent. Queries are
found by what they compute, so a new panel is compared as well.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import alertmanager
import httpx
import pytest
from golden import cases, series
from golden.collector import ROOT, Collector
from golden.conftest import cases_overlay
from golden.health import HealthServer
from golden.prometheus import EXPOSED, Prometheus
from golden.stores import wait_until
from native.counts import (
    Component,
    Shown,
    Target,
    counts,
    exposition,
    of_components,
    of_totals,
    shown,
)

from imsobs.model import conventions
from imsobs.runtime.build.binaries import resolve_binary

pytestmark = [pytest.mark.native, pytest.mark.timeout(600)]

# Longer than the test, so that every range looks back over all that was sent.
SHOWN_SECONDS = 900
# Ports of the Collector that are scraped.
PORTS = ("metrics", "current", "processes", "state")
# Spans, log records and metric points in which nothing is wrong.
ORDINARY = {"requests", "logs", "process"}
# What a component counts before and after the Collector starts anew, by the parity of its place.
STEPS = ((3, 8), (1, 13))
Totals = dict[str, series.Rows]


@dataclass(frozen=True)
class Told:
    """A Prometheus that has seen all of it.

    middle: Unix time between the two halves; end: after both.
    """

    collector: Collector
    prometheus: Prometheus
    known: set[str]
    middle: float
    end: float

    def answer(self, expr: str) -> dict[series.Labels, float]:
        """Return labels -> value of an instant query at the end."""
        rows = self.prometheus.query(expr, self.end)
        return {
            frozenset((k, v) for k, v in row["metric"].items() if k != "__name__"): float(
                row["value"][1]
            )
            for row in rows
        }

    def differences(self, queries: list[Shown], prefix: str = "truth") -> list[str]:
        """Return a line for each query whose answer is not that of the totals."""
        lines = []
        for query in queries:
            asked = of_totals(query.expr, self.collector.model, self.known, prefix)
            have, want = self.answer(query.expr), self.answer(asked)
            whole = not query.whole or all(value == int(value) for value in have.values())
            if not whole or not _same(have, want):
                lines.append(f"{query.place}: {_text(have)} instead of {_text(want)}: {query.expr}")
        return lines


def _same(have: Mapping[Any, float], want: Mapping[Any, float]) -> bool:
    # Of equals, topk keeps any.
    if sorted(have.values()) == sorted(want.values()) and len(have) == 10:
        return True
    return have.keys() == want.keys() and all(series.same(have[k], want[k]) for k in have)


def _text(answer: Mapping[series.Labels, float]) -> str:
    rows = sorted(answer.items(), key=lambda row: sorted(row[0]))
    return str([(" ".join(f"{k}={v}" for k, v in sorted(labels)), value) for labels, value in rows])


def _counted(collector: Collector) -> Totals:
    """Return what a Collector tells, as it is after a scrape: with the labels of the target."""
    found: Totals = {}
    namespace = collector.model.spec.service.namespace
    for what, ports in EXPOSED.items():
        for port in ports:
            job = conventions.scrape_job(namespace, what)
            target = {"job": job, "instance": f"127.0.0.1:{collector.ports[port]}"}
            for name, rows in series.parse(collector.scrape_text(port)).items():
                mine = {labels | frozenset(target.items()): v for labels, v in rows.items()}
                found.setdefault(name, {}).update(mine)
    return found


def _sum(first: Totals, second: Totals) -> Totals:
    return {
        name: {
            labels: first.get(name, {}).get(labels, 0.0) + second.get(name, {}).get(labels, 0.0)
            for labels in first.get(name, {}).keys() | second.get(name, {}).keys()
        }
        for name in first.keys() | second.keys()
    }


def _texts(components: list[Component], halves: int) -> dict[str, Totals]:
    """Return job -> what its component exposes after none, one or both halves."""
    found: dict[str, Totals] = {}
    for place, component in enumerate(components):
        value = float(sum(STEPS[place % 2][:halves]))
        rows = found.setdefault(component.job, {}).setdefault(component.name, {})
        if halves or component.begins:
            rows[component.labels] = value
    return found


def _of_targets(texts: dict[str, Totals], address: str) -> Totals:
    found: Totals = {}
    for job, totals in texts.items():
        target = {"job": job, "instance": address}
        for name, rows in totals.items():
            mine = {labels | frozenset(target.items()): value for labels, value in rows.items()}
            found.setdefault(name, {}).update(mine)
    return found


def _metrics(client: httpx.Client) -> str:
    return client.get("/metrics").text


def _while_all_is_well(collector: Collector, folder: Path) -> dict[str, Totals]:
    """Return what each real component exposes after ordinary traffic, by job."""
    for case in cases.CASES:
        if case.name in ORDINARY:
            cases.send(case, collector)
    config = {"route": {"receiver": "nobody"}, "receivers": [{"name": "nobody"}]}
    empty = folder / "empty"
    empty.mkdir()
    with alertmanager.running(config, folder, empty) as client:
        prometheus = Prometheus(
            resolve_binary("prometheus", ROOT),
            folder,
            [collector],
            recording=True,
            alertmanagers=(client.base_url.netloc.decode(),),
        ).start()
        try:
            discovered = "prometheus_notifications_alertmanagers_discovered 1"
            wait_until(lambda: discovered in _metrics(prometheus.client), "no Alertmanager")
            own = series.parse(_metrics(prometheus.client))
            alerts = series.parse(_metrics(client))
        finally:
            prometheus.close()
    telemetry = series.parse(collector.scrape_text("telemetry"))
    return {"otelcol": telemetry, "alertmanager": alerts, "prometheus": own}


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    """All cases twice, with a start of the Collector in between, and all of it scraped."""
    binary = resolve_binary("otelcol", ROOT)
    with HealthServer() as health, Target() as target:
        folder = tmp_path_factory.mktemp("collector")
        env = {"IMSOBS_SERVICE_URL": health.url}
        collector = Collector(binary, folder, cases_overlay(), env).start()
        model = collector.model
        queries = shown(model, SHOWN_SECONDS)
        exposed = _while_all_is_well(collector, tmp_path_factory.mktemp("well"))
        components = of_components(model, queries, exposed)
        collector.stop()

        jobs = sorted({component.job for component in components})
        target.texts = {"truth": "", "late": ""}
        target.texts |= {job: exposition(text) for job, text in _texts(components, 0).items()}
        others = [target.job("truth", honor=True), target.job("late", honor=True)]
        others += [target.job(job) for job in jobs]
        gone = {"job_name": "gone", "static_configs": [{"targets": ["127.0.0.1:1"]}]}
        prometheus = Prometheus(
            resolve_binary("prometheus", ROOT),
            tmp_path_factory.mktemp("prometheus"),
            [collector],
            PORTS,
            recording=True,
            others=[*others, gone],
        ).start()
        try:
            collector.start()
            targets = len(others) + len(PORTS)
            # The 0 from which the components count is there.
            _seen(prometheus, targets)
            halves = [_half(collector, target, components, 1)]
            _seen(prometheus, targets)
            collector.stop()
            wait_until(lambda: (prometheus.value("count(up == 0)") or 0) > 1, "not seen to end")
            collector.start()
            _seen(prometheus, targets)
            middle = time.time()
            halves.append(_half(collector, target, components, 2))
            first, both = (_of_targets(_texts(components, n), target.address) for n in (1, 2))
            late = {n: {k: v - first[n].get(k, 0.0) for k, v in both[n].items()} for n in both}
            totals = {**_sum(*halves), **both, "up": _up(prometheus)}
            target.texts["truth"] = exposition(totals, "truth:")
            target.texts["late"] = exposition({**halves[1], **late, "up": totals["up"]}, "late:")
            _seen(prometheus, targets)
            while True:
                seconds = math.ceil(time.time() - middle)
                time.sleep(middle + seconds - time.time())
                # On a busy machine a scrape takes too long at times.
                if len(prometheus.query("up == 1", middle + seconds)) == targets:
                    break
            yield Told(collector, prometheus, set(totals), middle, middle + seconds)
        finally:
            prometheus.close()
            collector.close()


def _seen(prometheus: Prometheus, targets: int) -> None:
    """Wait until all that is told now is scraped and recorded."""
    now = time.time()
    scraped = f"count(up == 1 and timestamp(up) > {now})"
    wait_until(lambda: prometheus.value(scraped) == targets, "not scraped", 60)
    # Twice: a rule may ask for what another one records.
    for _ in range(2):
        now = time.time()
        wait_until(lambda now=now: prometheus.evaluated() > now, "not recorded", 60)


def _half(collector: Collector, target: Target, components: list[Component], number: int) -> Totals:
    """Send every case, let the components count, and return what the Collector counted."""
    for case in cases.CASES:
        cases.send(case, collector)
    texts = _texts(components, number)
    target.texts |= {job: exposition(text) for job, text in texts.items()}
    found = _settled(collector)
    wrong = [
        line for case in cases.CASES for line in cases.differences(case, collector, _bare(found))
    ]
    assert not wrong, "\n".join(wrong)
    return found


def _settled(collector: Collector) -> Totals:
    """Return what a Collector tells once its counters stand: what is stored is counted later."""
    for _ in range(20):
        before = _counted(collector)
        time.sleep(1)
        after = _counted(collector)
        if all(after[name] == before.get(name) for name in after if name.endswith("_total")):
            return after
    raise AssertionError("the Collector's counters do not stand still")


def _bare(totals: Totals) -> Totals:
    """Return totals without the labels of the target."""
    return {
        name: {
            frozenset((k, v) for k, v in labels if k not in ("job", "instance")): value
            for labels, value in rows.items()
        }
        for name, rows in totals.items()
    }


def _up(prometheus: Prometheus) -> series.Rows:
    """Return which targets answer: all but the one that is not there."""
    return {
        frozenset((k, v) for k, v in row["metric"].items() if k != "__name__"): float(
            row["metric"]["job"] != "gone"
        )
        for row in prometheus.query("up")
    }


@pytest.mark.parametrize("kind", ["panel", "alert", "record", "runbook"])
def test_what_is_shown_happened(told: Told, kind: str) -> None:
    queries = [q for q in shown(told.collector.model, SHOWN_SECONDS) if q.place.startswith(kind)]
    assert queries
    wrong = told.differences(queries)
    assert not wrong, "\n".join(wrong)


def test_what_happened_before_the_time_shown_is_not_in_it(told: Told) -> None:
    """Of panels that follow the time shown, when that begins between the two halves."""
    model = told.collector.model
    both = shown(model, SHOWN_SECONDS)
    late = shown(model, round(told.end - told.middle))
    follow = [short for short, whole in zip(late, both, strict=True) if short != whole]
    assert any(query.whole for query in follow)
    wrong = told.differences(follow, "late")
    assert not wrong, "\n".join(wrong)


def test_extrapolated_counts_would_be_found(told: Told) -> None:
    queries = [query for query in shown(told.collector.model, SHOWN_SECONDS) if query.whole]
    found = [
        value
        for query in queries
        for value in told.answer(query.expr.replace(" anchored", "")).values()
    ]
    assert any(value != int(value) for value in found)


def test_a_new_panel_is_compared() -> None:
    """Whatever counts is found by what it computes; what estimates a speed is not compared."""
    counting = [
        "sum(increase(x_total[7d] anchored)) or vector(0)",
        "increase(x_total[1h])",
        "changes(x[1h])",
        "count by (a) (x)",
        "count_over_time(x[1h])",
    ]
    assert [counts(expr) for expr in counting] == [True] * len(counting)
    assert not counts("sum(rate(x_total[5m])) * 60")
