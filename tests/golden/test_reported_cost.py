"""A cost that the vendor reports: it is the cost, where the spec says so and it is one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from golden import otlp, series
from golden.collector import Collector

pytestmark = pytest.mark.native
SERVICE = "reported"
OVERLAY: dict[str, Any] = {
    "service": {"names": [SERVICE]},
    "attributes": {"vendor.cost": "double"},
    # The dialects say where the tokens are; the spec adds where the cost is.
    "sources": {
        "model_call": {"usage": {"reported_cost": ["vendor.cost", "gen_ai.cost.total_cost"]}}
    },
    "events": {
        "model_call_completed": {
            "usage": {
                "input": ["input_tokens"],
                "output": ["output_tokens"],
                "tier": ["service_tier"],
                "reported_cost": ["cost_usd"],
            },
            "fields": {
                "cost_usd": {"type": "number", "optional": True, "description": "Invoiced."},
                "service_tier": {"type": "string", "optional": True, "description": "Served."},
            },
        }
    },
}
# 1000 in, 100 out: (1000*2.50 + 100*10.00) / 1e6 = 0.0035 by the table.
CALL = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": "openai",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.usage.input_tokens": 1000,
    "gen_ai.usage.output_tokens": 100,
}
EVENT = {
    "event": "model_call_completed",
    "vendor": "openai",
    "model": "gpt-4o",
    "estimated_usd": 0.0028,
    "input_tokens": 1000,
    "output_tokens": 100,
}


@pytest.fixture(scope="module")
def collector(otelcol: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collector]:
    running = Collector(otelcol, tmp_path_factory.mktemp("reported"), OVERLAY).start()
    yield running
    running.close()


@pytest.fixture
def costs(collector: Collector) -> Callable[..., tuple[float, float]]:
    """Send a call; return what its cost and the unpriced calls grew by."""

    def measured() -> tuple[float, float]:
        rows = series.of_service(collector.series(), SERVICE)
        names = ("ims_cost_actual_usd_total", "ims_unpriced_calls_total")
        return tuple(sum(rows.get(name, {}).values()) for name in names)  # type: ignore[return-value]

    def send(**attributes: Any) -> tuple[float, float]:
        before = measured()
        span = {
            "kind": "client",
            "scope": "opentelemetry.instrumentation.genai.openai",
            "attributes": {k: v for k, v in {**CALL, **attributes}.items() if v is not None},
        }
        collector.send("traces", otlp.traces(SERVICE, [span]))
        cost, unpriced = (after - old for after, old in zip(measured(), before, strict=True))
        return pytest.approx(cost, rel=1e-9), unpriced  # type: ignore[return-value]

    return send


@pytest.mark.parametrize(
    ("attributes", "cost", "unpriced"),
    [
        ({}, 0.0035, 0),
        ({"vendor.cost": 0.5}, 0.5, 0),
        ({"gen_ai.cost.total_cost": 0.25}, 0.25, 0),
        # The first that is there, whatever the order in which they came.
        ({"gen_ai.cost.total_cost": 0.25, "vendor.cost": 0.5}, 0.5, 0),
        ({"vendor.cost": 2}, 2.0, 0),
        # Nothing is what a library reports that does not know the model.
        ({"vendor.cost": 0.0}, 0.0035, 0),
        # What cannot be a cost is counted as invalid, and the table is asked.
        ({"vendor.cost": float("inf")}, 0.0035, 0),
        ({"vendor.cost": -1.0}, 0.0035, 0),
        ({"vendor.cost": "0.5"}, 0.0035, 0),
        ({"vendor.cost": 1e9}, 0.0035, 0),
        # It needs no price, no tier and no tokens.
        ({"vendor.cost": 0.5, "gen_ai.request.model": "gpt-99"}, 0.5, 0),
        ({"vendor.cost": 0.5, "openai.response.service_tier": "flex"}, 0.5, 0),
        ({"vendor.cost": 0.5, "gen_ai.usage.input_tokens": None}, 0.5, 0),
        ({"openai.response.service_tier": "flex"}, 0.0, 1),
    ],
    ids=str,
)
def test_of_a_span(
    attributes: dict[str, Any],
    cost: float,
    unpriced: float,
    costs: Callable[..., tuple[float, float]],
) -> None:
    assert costs(**attributes) == (cost, unpriced)


def test_of_an_event_and_its_tier(collector: Collector) -> None:
    """The drift is that of the reported cost, or of the tier's price."""

    def drift() -> tuple[float, float]:
        rows = series.of_service(collector.series(), SERVICE)
        metric = "ims_cost_drift_percentage"
        return tuple(sum(rows.get(f"{metric}_{s}", {}).values()) for s in ("count", "sum"))  # type: ignore[return-value]

    def send(**fields: Any) -> None:
        collector.send("logs", otlp.logs(SERVICE, [{"attributes": {**EVENT, **fields}}]))

    # By the table 0.0035, which is 25 % off; invoiced 0.0042: 50 %.
    send()
    assert drift() == (1, pytest.approx(25))
    send(cost_usd=0.0042)
    assert drift() == (2, pytest.approx(75))
    # Priority: (1000*4.25 + 100*17.00) / 1e6 = 0.00595, 112.5 % off.
    send(service_tier="priority")
    assert drift() == (3, pytest.approx(187.5))
    # A tier without a price has no cost, hence no drift; a cost that cannot be makes it invalid.
    send(service_tier="flex")
    send(cost_usd=float("nan"))
    assert drift() == (3, pytest.approx(187.5))
    rows = series.of_service(collector.series(), SERVICE)
    assert sum(rows["ims_invalid_events_total"].values()) == 1
