"""Many processes send at once: what is counted is what was sent, series by series."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from golden import otlp, series
from golden.collector import Collector

from bench import crowd, rounds

pytestmark = pytest.mark.native

SENDERS = (2, 4, 8, 20)
# Flat out, and as the SDK sends: round after round at a fixed pace. ROUNDS: of all together.
PACES = {"burst": 0.0, "paced": 0.1}
ROUNDS = 240


def _service(senders: int, pace: str) -> str:
    return f"{pace}-{senders}"


@pytest.fixture(scope="module")
def receiving(otelcol: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collector]:
    """A Collector to which every case is a service of its own."""
    names = ["alone", "replicas", *(_service(n, pace) for n in SENDERS for pace in PACES)]
    overlay = {
        "service": {"names": names},
        "collector": {"max_series": 2_000_000},
        # Which traces are kept, and measured with exemplars, is chance.
        "sampling": {"rate": 0.0},
    }
    running = Collector(otelcol, tmp_path_factory.mktemp("senders"), overlay).start()
    yield running
    running.close()


@pytest.fixture(scope="module")
def once(receiving: Collector) -> crowd.Series:
    """What one round counts when it comes alone."""
    crowd.drive(receiving.ports["otlp_http"], rounds.requests("alone"), 1, 1)
    return crowd.settled(receiving.ports["metrics"], {}, "alone")


def _refused(collector: Collector) -> dict[series.Labels, float]:
    rows = series.parse(collector.scrape_text("telemetry"))
    points = rows.get("otelcol_deltatocumulative_datapoints_total", {})
    return {labels: v for labels, v in points.items() if any(key == "error" for key, _ in labels)}


def test_a_round_is_what_it_says(once: crowd.Series) -> None:
    counted = {name: value for name, value in once.items() if "_bucket" not in name}

    def total(metric: str) -> float:
        return sum(v for name, v in counted.items() if name.startswith(f"{metric}{{"))

    # A quarter of the spans are model calls.
    assert total("ims_requests_total") == rounds.SPANS * 3 / 4
    assert total("ims_model_calls_total") == rounds.SPANS / 4
    assert total("ims_log_records_total") == rounds.RECORDS
    assert total("ims_actions_total") == rounds.RECORDS / 2
    assert total("ims_redactions_total") == rounds.RECORDS / 4
    assert total("ims_request_duration_seconds_sum") > 0


@pytest.mark.parametrize("pace", PACES)
@pytest.mark.parametrize("senders", SENDERS)
def test_counted_is_what_was_sent(
    receiving: Collector, once: crowd.Series, senders: int, pace: str
) -> None:
    service = _service(senders, pace)
    outcome = crowd.drive(
        receiving.ports["otlp_http"],
        rounds.requests(service),
        senders,
        ROUNDS // senders,
        PACES[pace],
    )
    wanted = crowd.times(once, outcome.rounds)
    found = crowd.settled(receiving.ports["metrics"], wanted, service)
    assert crowd.differing(wanted, found) == []
    assert _refused(receiving) == {}


def test_several_processes_in_one_request(receiving: Collector) -> None:
    # As a gateway Collector in front sends them: several resources that are one series here.
    resources = [{"service.instance.id": name} for name in "abc"]
    server = {
        "kind": "server",
        "attributes": {"http.request.method": "GET", "http.route": "/v1/jobs"},
    }
    spans = [{**server, "resource": resource, "count": 2} for resource in resources]
    receiving.send("traces", otlp.traces("replicas", spans))
    receiving.send("logs", otlp.logs("replicas", [{"resource": r} for r in resources]))
    rows = series.of_service(series.parse(receiving.scrape_text()), "replicas")
    assert list(rows["ims_requests_total"].values()) == [6]
    assert list(rows["ims_log_records_total"].values()) == [3]


def test_several_services_that_become_one_in_one_request(receiving: Collector) -> None:
    # What is counted where it is stored keeps its resource until then.
    secret = {"attributes": {"password": "hunter2"}}
    names = [{"service.name": f"stranger-{number}"} for number in range(5)]
    request = otlp.logs("", [{**secret, "resource": name} for name in names])
    receiving.send("logs", request)

    def redacted() -> list[float]:
        rows = series.of_service(series.parse(receiving.scrape_text()), "other")
        return list(rows.get("ims_redactions_total", {}).values())

    crowd.settled(receiving.ports["metrics"], {}, "other")
    assert redacted() == [5]
    assert _refused(receiving) == {}
