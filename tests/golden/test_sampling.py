"""Sampling in the Collector: metrics stay exact, kept traces are whole, errors are all kept."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from golden import otlp, series
from golden.collector import Collector
from golden.stores import records, wait_until, whole_lines

pytestmark = pytest.mark.native
SERVICE = "sampled"
ORDINARY, ERRORS, SLOW = 800, 20, 20
OVERLAY = {"service": {"names": [SERVICE]}, "sampling": {"decision_wait": "2s", "slow": "1s"}}


def traces() -> dict[str, list[dict[str, Any]]]:
    """Return trace id -> its three spans; ids are random, as real ones are."""
    numbers = random.Random(20261123)  # noqa: S311 - the same ids in every run
    kinds = ["ordinary"] * ORDINARY + ["error"] * ERRORS + ["slow"] * SLOW
    found = {}
    for kind in kinds:
        trace = f"{numbers.getrandbits(128):032x}"
        attributes = {"http.request.method": "POST", "http.route": "/v1/generate", "kind": kind}
        call = {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "openai",
            "gen_ai.request.model": "gpt-4o",
            "gen_ai.usage.input_tokens": 1000,
            "gen_ai.usage.output_tokens": 100,
            "kind": kind,
        }
        found[trace] = [
            {
                "kind": "server",
                "duration": 1.0 if kind == "slow" else 0.999,
                "attributes": attributes,
            },
            # The error is deep inside; the request itself was answered.
            {
                "kind": "client",
                "scope": "opentelemetry.instrumentation.genai.openai",
                "status": "error" if kind == "error" else "unset",
                "attributes": call,
            },
            {
                "kind": "client",
                "name": "SELECT",
                "attributes": {"db.system.name": "sqlite", "kind": kind},
            },
        ]
        for span in found[trace]:
            # One start for all, so that nothing but the spans' own duration is slow.
            span |= {"trace": trace, "at": 1_795_000_000}
    return found


def decided(collector: Collector) -> dict[str, float]:
    """Return "true" and "false" -> traces of which the sampler decided so."""
    rows = series.parse(collector.scrape_text("telemetry"))
    found = rows.get("otelcol_processor_tail_sampling_global_count_traces_sampled_total", {})
    return {"true": 0.0} | {dict(labels)["sampled"]: value for labels, value in found.items()}


RATES = ("0", "0.1", "1")


@pytest.fixture(scope="module")
def by_rate(
    otelcol: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Collector]]:
    """A Collector per rate, all of which were sent the same; they decide side by side."""
    running = {
        rate: Collector(
            otelcol, tmp_path_factory.mktemp("rate"), OVERLAY, {"TRACE_SAMPLING_RATE": rate}
        ).start()
        for rate in RATES
    }
    sent = [*traces().values()]
    # A trace's spans come in three exports, as from three processes; few traces at a time, so
    # that the last one comes before the decision on a slow machine too.
    for first in range(0, len(sent), 40):
        for number in range(3):
            some = [spans[number] for spans in sent[first : first + 40]]
            request = otlp.traces(SERVICE, some)
            for collector in running.values():
                collector.send("traces", request)
    yield running
    for collector in running.values():
        collector.close()


@pytest.mark.parametrize("rate", RATES)
def test_metrics_are_exact_and_kept_traces_whole(rate: str, by_rate: dict[str, Collector]) -> None:
    collector = by_rate[rate]
    total = ORDINARY + ERRORS + SLOW
    rows = series.of_service(collector.series(), SERVICE)
    assert sum(rows["ims_requests_total"].values()) == total
    assert sum(rows["ims_model_calls_total"].values()) == total
    # (1000*2.50 + 100*10.00) / 1e6 = 0.0035 each
    assert sum(rows["ims_cost_actual_usd_total"].values()) == pytest.approx(
        total * 0.0035, rel=1e-12
    )
    assert sum(rows["ims_database_query_duration_seconds_count"].values()) == total

    wait_until(lambda: sum(decided(collector).values()) == total, "not every trace was decided")
    kept = decided(collector)["true"]
    wait_until(
        lambda: whole_lines(collector.stored_traces).count('"traceId"') == kept * 3,
        "not every span was stored",
    )

    spans_of: Counter[str] = Counter()
    kinds: Counter[str] = Counter()
    for given, text in records(collector):
        trace = text.split('"traceId": "')[1][:32]
        spans_of[trace] += 1
        kinds[given["kind"]] += spans_of[trace] == 1
    assert set(spans_of.values()) == {3}, "a kept trace lacks spans"
    assert kinds["error"] == ERRORS
    assert kinds["slow"] == SLOW
    share = float(rate)
    # Four standard deviations of a binomial distribution; none for 0 and 1.
    width = 4 * (ORDINARY * share * (1 - share)) ** 0.5
    assert abs(kinds["ordinary"] - ORDINARY * share) <= width
