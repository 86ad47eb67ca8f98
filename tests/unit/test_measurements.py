"""What views keep of measurements is what the SDK alone would keep, and the rest is not made."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry import metrics
from opentelemetry.sdk.metrics import AlwaysOffExemplarFilter, MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.metrics.view import DropAggregation, View

from imsobs_instrumentation import measurements, sparing
from imsobs_instrumentation.measurements import SparingMeter
from imsobs_instrumentation.settings import Settings, read

ROOT = Path(__file__).parents[2]
KEPT = {
    "http.server.active_requests": frozenset({"http.request.method"}),
    "http.server.request.body.size": frozenset({"http.request.method", "http.route"}),
    "jobs": frozenset({"imsobs.none"}),
}
VALUES = st.one_of(st.sampled_from(["GET", "POST", ""]), st.sampled_from([1, True, 1.0, None, "1"]))
ATTRIBUTES = st.one_of(
    st.none(),
    st.dictionaries(
        st.sampled_from(["http.request.method", "http.route", "url.scheme"]), VALUES, max_size=3
    ),
)
# What an instrument is told, and how much, and when the SDK collects.
STEPS = st.lists(
    st.tuples(
        st.sampled_from([*KEPT, "dropped.total", "collect"]),
        st.sampled_from([1, -1, 7, 0, 2.5]),
        ATTRIBUTES,
    ),
    max_size=25,
)


class Measuring:
    """Instruments of a provider: the SDK's alone, or ours."""

    def __init__(self, ours: Settings | None) -> None:
        self.reader = InMemoryMetricReader()
        views = [
            View(instrument_name=name, attribute_keys=set(kept)) for name, kept in KEPT.items()
        ]
        drop = View(instrument_name="*", attribute_keys=set(), aggregation=DropAggregation())
        self.provider = MeterProvider(
            [self.reader],
            shutdown_on_exit=False,
            views=[*views, drop],
            exemplar_filter=AlwaysOffExemplarFilter(),
        )
        if ours is not None:
            measurements.install(self.provider, ours)
        self.meter = self.provider.get_meter("test", "1")
        active = self.meter.create_up_down_counter("http.server.active_requests")
        size = self.meter.create_histogram("http.server.request.body.size")
        jobs = self.meter.create_counter("jobs")
        dropped = self.meter.create_counter("dropped.total")
        self.tell: dict[str, Any] = {
            "http.server.active_requests": active.add,
            "http.server.request.body.size": size.record,
            "jobs": jobs.add,
            "dropped.total": dropped.add,
        }

    def collected(self) -> dict[str, list[Any]]:
        """Return metric -> its points, without their times."""
        data = self.reader.get_metrics_data()
        found: dict[str, list[Any]] = {}
        for resource in data.resource_metrics if data else []:
            for scope in resource.scope_metrics:
                for metric in scope.metrics:
                    found[metric.name] = sorted(_told(point) for point in metric.data.data_points)
        return found


def _told(point: Any) -> str:
    value = getattr(point, "value", None)
    counts = (getattr(point, "count", None), getattr(point, "sum", None))
    buckets = getattr(point, "bucket_counts", None)
    return repr((sorted(point.attributes.items(), key=repr), value, counts, buckets))


@settings(max_examples=200, deadline=None)
@given(steps=STEPS)
def test_the_sdk_collects_what_it_would_have_without(steps: list[tuple[str, Any, Any]]) -> None:
    alone, ours = Measuring(None), Measuring(Settings(KEPT, exemplars=False))
    for name, amount, attributes in steps:
        if name == "collect":
            assert ours.collected() == alone.collected()
        else:
            alone.tell[name](amount, attributes)
            ours.tell[name](amount, attributes)
    assert ours.collected() == alone.collected()


def test_what_was_added_is_there_at_the_first_collection_and_at_the_last() -> None:
    ours = Measuring(Settings(KEPT, exemplars=False))
    for _ in range(3):
        ours.tell["jobs"](2, {"http.route": "/"})
    assert ours.collected() == {"jobs": [_point((), 6)]}
    ours.tell["jobs"](1)
    assert ours.collected() == {"jobs": [_point((), 7)]}


def _point(attributes: tuple[Any, ...], value: int) -> str:
    return repr(([*attributes], value, (None, None), None))


def test_dropped_instruments_are_made_of_nothing() -> None:
    meter = Measuring(Settings(KEPT, exemplars=False)).meter
    assert isinstance(meter, SparingMeter)
    assert type(meter.create_counter("dropped")) is metrics.NoOpCounter
    assert type(meter.create_up_down_counter("dropped")) is metrics.NoOpUpDownCounter
    assert type(meter.create_histogram("dropped")) is metrics.NoOpHistogram


def test_other_instruments_are_the_sdks() -> None:
    ours = Measuring(Settings({**KEPT, "size": frozenset()}, exemplars=False))
    observe = lambda _: [metrics.Observation(3)]  # noqa: E731
    ours.meter.create_observable_gauge("size", [observe])
    ours.meter.create_observable_counter("other.total", [observe])
    ours.meter.create_observable_up_down_counter("other", [observe])
    ours.meter.create_gauge("gauge").set(1)
    # The SDK's own view of `size` is missing here, so the last one drops it.
    assert ours.collected() == {}


def test_where_measurements_may_become_exemplars_each_reaches_the_sdk_at_once() -> None:
    ours = Measuring(Settings(KEPT, exemplars=True))
    told: list[Any] = []
    ours.provider._measurement_consumer.consume_measurement = told.append
    ours.tell["jobs"](2, {"http.route": "/"})
    assert [(one.value, one.attributes) for one in told] == [(2, {})]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no forks on this system")
def test_a_forked_child_does_not_give_what_its_parent_added() -> None:
    ours = Measuring(Settings(KEPT, exemplars=False))
    ours.tell["jobs"](2)
    end, begin = os.pipe()
    if not (child := os.fork()):
        try:
            os.write(begin, repr(ours.collected()).encode())
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    assert os.read(end, 1000) == b"{}"
    assert ours.collected() == {"jobs": [_point((), 2)]}


def settings_of(tmp_path: Path, document: Any) -> Settings:
    (tmp_path / "sdk.yaml").write_text(yaml.safe_dump(document))
    return read({"OTEL_CONFIG_FILE": str(tmp_path / "sdk.yaml")})


def view(instrument: str, *kept: str, **stream: Any) -> dict[str, Any]:
    return {
        "selector": {"instrument_name": instrument},
        "stream": {"attribute_keys": {"included": list(kept)}, **stream},
    }


DROP = view("*", "none", aggregation={"drop": {}})


def test_the_rendered_file_says_what_is_kept() -> None:
    found = read({"OTEL_CONFIG_FILE": str(ROOT / "app" / "otel-sdk.yaml")})
    assert not found.exemplars
    assert found.kept is not None
    assert found.kept["http.server.active_requests"] == {"http.request.method"}
    views = yaml.safe_load((ROOT / "app/otel-sdk.yaml").read_text())["meter_provider"]["views"]
    assert [*found.kept] == [one["selector"]["instrument_name"] for one in views[:-1]]


@pytest.mark.parametrize(
    "views",
    [
        [],
        [view("jobs", "a")],
        [DROP, view("jobs", "a")],
        [view("job*", "a"), DROP],
        [view("Jobs", "a"), DROP],
        [view("jobs", "a"), view("jobs", "b"), DROP],
        [view("jobs", "a", name="other"), DROP],
        [view("jobs", "a", aggregation={"drop": {}}), DROP],
        [{"selector": {"instrument_name": "jobs"}, "stream": {}}, DROP],
        [{**view("jobs", "a"), "selector": {"instrument_name": "jobs", "meter_name": "m"}}, DROP],
        [{**view("jobs", "a"), "selector": {"meter_name": "m"}}, DROP],
        [view("jobs", "a"), view("*", "none")],
    ],
)
def test_with_views_of_another_form_everything_is_the_sdks(
    tmp_path: Path, views: list[Any]
) -> None:
    found = settings_of(tmp_path, {"meter_provider": {"views": views}})
    assert (found.kept, found.exemplars) == (None, True)
    assert not isinstance(Measuring(found).meter, SparingMeter)


def test_without_a_file_everything_is_the_sdks() -> None:
    assert read({}) == Settings(None, exemplars=True)


def test_with_an_untested_sdk_everything_is_the_sdks_and_one_line_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert sparing.is_tested()
    assert caplog.messages == []
    assert not sparing.is_tested("1.46.0")
    assert caplog.messages == [
        "the SDK does all its work: this was not tested with its version 1.46.0"
    ]
