"""Plan of the Collector's pipelines: who may refuse, what is in order, whose time counts."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from imsobs import yamlio
from imsobs.compile import read_spec
from imsobs.outputs import collector as output
from imsobs.outputs.collector import exemplars, ordered, probe
from imsobs.pages import render_page

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def config() -> dict[str, Any]:
    """The Collector's configuration as it is rendered from the project's spec."""
    model = read_spec([ROOT / "spec/ims.yaml"]).model
    assert model is not None
    loaded: dict[str, Any] = yamlio.parse(render_page(output.plan(model).config).decode())
    return loaded


def test_a_request_is_refused_before_any_of_it_is_counted_or_not_at_all(
    config: dict[str, Any],
) -> None:
    taking_in = []
    for name, pipeline in config["service"]["pipelines"].items():
        first = pipeline["processors"][0] if pipeline["processors"] else None
        if "otlp" in pipeline["receivers"]:
            taking_in.append(name)
            assert first == "memory_limiter", name
            assert len(pipeline["exporters"]) == 1, f"{name}: one of several could refuse"
        else:
            assert "memory_limiter" not in pipeline["processors"], name
    # Two pipelines of one signal could decide differently about one request.
    assert len({name.partition("/")[0] for name in taking_in}) == len(taking_in)


def test_what_is_counted_is_put_in_order_before_it_gets_its_time(config: dict[str, Any]) -> None:
    pipelines = config["service"]["pipelines"]
    # An SDK's series has one sender, which waits for each answer.
    adding_up = {
        name: pipeline
        for name, pipeline in pipelines.items()
        if "delta_to_cumulative" in pipeline["processors"] and name != "metrics/sdk"
    }
    # A gauge is no delta: the last one counts, and nothing is added up.
    counted = [
        name
        for name, connector in config["connectors"].items()
        # A round of probes is folded as a whole, and is no delta either.
        if name.startswith("signal_to_metrics")
        and name != probe.CONNECTOR
        and any("gauge" not in one for of in connector.values() if type(of) is list for one in of)
    ]
    assert [name for p in adding_up.values() for name in p["receivers"]] == counted
    for pipeline in adding_up.values():
        assert pipeline["processors"][0] == ordered.QUEUE
    assert config["processors"][ordered.QUEUE] == {"timeout": "0s"}


def test_whatever_prometheus_scrapes_has_the_time_of_its_arrival(config: dict[str, Any]) -> None:
    exposing = [
        (name, pipeline["processors"])
        for name, pipeline in config["service"]["pipelines"].items()
        if any(exporter.startswith("prometheus/") for exporter in pipeline["exporters"])
    ]
    assert exposing
    for name, processors in exposing:
        groups = [
            group
            for processor in processors
            for group in (config["processors"][processor] or {}).get("metric_statements", [])
        ]
        statements = [statement for group in groups for statement in group["statements"]]
        assert set(ordered.times()) <= set(statements), name


def test_of_kept_spans_only_those_that_are_measured_are_labelled_again(
    config: dict[str, Any],
) -> None:
    again = [
        pipeline["processors"]
        for pipeline in config["service"]["pipelines"].values()
        if pipeline["receivers"] == ["forward/kept"]
    ]
    assert again
    for processors in again:
        first, second = processors[:2]
        assert config["processors"][first]["traces"] == {"span": ["kind != SPAN_KIND_SERVER"]}
        assert second == "transform/derive_traces"


def test_every_kept_span_is_labelled_again_where_others_tell_which_is_counted() -> None:
    model = read_spec([ROOT / "spec/ims.yaml"]).model
    assert model is not None
    name = "ims_kept_request_duration_seconds"
    for source in ("database_query", "model_call"):
        changed = replace(model.metrics[name], sources=(source,))
        found = exemplars.pipelines(replace(model, metrics={**model.metrics, name: changed}))
        assert found[f"traces/{name}"]["processors"][0] == "transform/derive_traces"


def _unix_nano(uuid: str) -> int:
    """Return what the statement computes, read from the statement itself."""
    _, statement = ordered.times()
    parts = [tuple(map(int, found)) for found in re.findall(r"\], (\d+), (\d+)\)", statement)]
    factors = [int(found) for found in re.findall(r"\* (\d+)", statement)]
    texts = [uuid[start : start + length] for start, length in parts]
    return int(texts[0] + texts[1], 16) * factors[0] + int(texts[2], 16) * factors[1]


def _uuid(milliseconds: int, step: int) -> str:
    """Return a UUID of version 7 (RFC 9562)."""
    digits = f"{milliseconds:012x}7{step:03x}8" + "0" * 15
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def test_a_later_uuid_is_a_later_time() -> None:
    now = 1_764_000_000_123
    steps = [(now, step) for step in range(4096)] + [(now + 1, 0), (now + 1, 1)]
    times = [_unix_nano(_uuid(*step)) for step in steps]
    assert times == sorted(set(times))
    assert times[0] == now * 1_000_000
    assert times[4095] < (now + 1) * 1_000_000 == times[4096]
