"""How many series a small spec can make, counted by hand."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_specs import model_of

from imsobs.model import Model
from imsobs.model.series_budget import limit_metric, limit_records, process_limits, series_budget

SPEC = """
service: {names: [a, b], environments: [x, y, z]}
labels: {color: {description: Color., attributes: [http.route], values: [red, green]}}
sources: {page: {description: A page., kind: server}}
buckets: {wait: [0.1, 1]}
events:
  state: {description: State., fields: {carts: {type: integer, description: Carts.}}}
metrics:
  shop_pages_total: {description: Pages., span: page, labels: [color]}
  shop_wait_seconds: {description: Time., span: page, value: duration, buckets: wait}
  shop_carts: {description: Carts., event: state, value: carts, fold: sum}
  shop_last_carts: {description: Carts., event: state, value: carts, fold: last}
  shop_memory_bytes: {description: Memory., sdk: process.memory.usage, fold: sum}
collector: {max_processes: 10}
"""


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return model_of(tmp_path_factory.mktemp("spec"), SPEC)


def test_series_are_the_products_of_their_labels(small: Model) -> None:
    found = series_budget(small.spec, small.metrics)
    # red, green, other, unknown; two bounds, +Inf, sum and count.
    assert found.each["shop_pages_total"] == 4
    assert found.each["shop_wait_seconds"] == 5
    assert found.each["shop_last_carts"] == 1
    assert found.state == {"shop_carts": 1}
    assert found.processes == {"shop_memory_bytes": 1, "shop_process_alive": 1}
    assert found.own == sum(found.each.values()) == 10
    assert found.of_process == 3
    # Two services in three environments, and ten processes.
    assert found.planned == 10 * 2 * 3 + 3 * 10
    # With other services, and other and unknown environments.
    assert found.worst == 10 * 3 * 5 + 3 * 10
    # Processes start twice while the first is still shown, those with a state ten times; what
    # is reported last is there, too, once for each service and environment.
    assert found.limits == {
        "shop-processes": 2 * 10 * 2,
        "shop-state": 1 * 10 * 10 + 1 * 3 * 5,
    }


def test_the_largest_come_first_and_then_by_name(small: Model) -> None:
    found = series_budget(small.spec, small.metrics)
    assert found.largest(2) == [("shop_wait_seconds", 5), ("shop_pages_total", 4)]
    assert [name for name, _ in found.largest()] == [
        "shop_wait_seconds",
        "shop_pages_total",
        "shop_carts",
    ]


def test_the_limits_of_scrapes_are_a_metric(small: Model, tmp_path: Path) -> None:
    ((name, metric),) = limit_metric(small.spec, small.metrics).items()
    assert name == "shop_process_series_limit"
    assert metric.rule == (
        'label_replace(vector(40), "job", "shop-processes", "", "")\n'
        '  or label_replace(vector(115), "job", "shop-state", "", "")'
    )
    assert (metric.type, metric.group, metric.labels) == ("gauge", "pipeline", ["job"])
    assert process_limits(small.spec, small.metrics) == {
        'shop_process_series_limit{job="shop-processes"}': 40,
        'shop_process_series_limit{job="shop-state"}': 115,
    }
    (record,) = limit_records(small.spec, small.metrics)
    assert (record.name, record.expr, record.metric) == (name, metric.rule, True)
    assert (record.interval, record.path) == (
        small.spec.scrape.interval,
        ("collector", "max_processes"),
    )
    assert record.description == metric.description
    nothing = model_of(tmp_path)
    assert limit_metric(nothing.spec, nothing.metrics) == {}
