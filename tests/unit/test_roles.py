"""The Collector's roles: what each does, what crosses a hop, and who refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import small_specs

from imsobs.outputs import collector as output
from imsobs.outputs.collector.roles import (
    CONNECTION_AGE,
    CURRENT,
    DERIVE,
    OWNER,
    SAMPLE,
    SPREAD,
    DnsName,
    Hosts,
    Topology,
    role_configs,
)
from imsobs.outputs.references import COLLECTOR, written

HERE = Topology(Hosts(("sample-0:4317", "sample-1:4317")), "current:4317")
NO_JAEGER = "stack: {jaeger: null}"
EVERYTHING = [text for name, text in small_specs.PARTS.items() if name != "nothing"]
GAUGE, SDK, PROBE, SPANS = (
    small_specs.PARTS[name]
    for name in ("gauge of events", "metrics of the SDK", "a health route", "spans")
)


def _roles(folder: Path, *texts: str, topology: Topology = HERE) -> dict[str, dict[str, Any]]:
    return role_configs(small_specs.model_of(folder, *texts), topology)


def _pipelines(config: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = config["service"]["pipelines"]
    return found


@pytest.mark.parametrize("name", small_specs.PARTS)
def test_a_role_has_what_its_pipelines_name_and_nothing_else(name: str, tmp_path: Path) -> None:
    for role, config in _roles(tmp_path, small_specs.PARTS[name]).items():
        named: dict[str, set[str]] = {"receivers": set(), "processors": set(), "exporters": set()}
        for pipeline in _pipelines(config).values():
            for kind, parts in pipeline.items():
                named[kind] |= set(parts)
        connectors = set(config["connectors"])
        assert named["receivers"] - connectors == set(config["receivers"]), role
        assert named["processors"] == set(config["processors"]), role
        # Which of the two stores log records is chosen when the Collector starts.
        chosen = {"${env:IMSOBS_LOG_EXPORTER:-file}", "file", "otlp_http/logs"}
        assert named["exporters"] - connectors - chosen == set(config["exporters"]) - chosen, role
        assert connectors <= named["receivers"] & named["exporters"], role
        assert config["service"]["extensions"] == list(config["extensions"]), role


def test_together_the_roles_expose_what_the_single_collector_does(tmp_path: Path) -> None:
    model = small_specs.model_of(tmp_path, *EVERYTHING)

    def exposing(pipelines: dict[str, Any]) -> set[str]:
        ends = {end for one in pipelines.values() for end in one["exporters"] if type(end) is str}
        return {end for end in ends if end.startswith("prometheus/")}

    roles = {role: exposing(_pipelines(c)) for role, c in role_configs(model, HERE).items()}
    single = exposing(output.plan(model).pipelines)
    assert roles[DERIVE] | roles[CURRENT] == single
    # What has one owner is exposed by nobody else.
    assert roles[DERIVE] & roles[CURRENT] == set()
    assert roles[DERIVE] == roles[SAMPLE] == {"prometheus/derived"}


def test_counting_is_the_single_collectors(tmp_path: Path) -> None:
    model = small_specs.model_of(tmp_path, *EVERYTHING)
    single = written(output.plan(model).sections, COLLECTOR)
    derive = role_configs(model, HERE)[DERIVE]
    for name in ("traces/in", "logs/in", "traces/derive", "logs/derive", "metrics/derived"):
        assert _pipelines(derive)[name] == _pipelines(single)[name], name
    for kind in ("processors", "connectors"):
        for name in set(derive[kind]) & set(single[kind]):
            assert derive[kind][name] == single[kind][name], name


def test_no_hop_can_fail_a_request_that_is_counted(tmp_path: Path) -> None:
    derive = _roles(tmp_path, *EVERYTHING)[DERIVE]
    hops = {
        name: pipeline
        for name, pipeline in _pipelines(derive).items()
        if {SPREAD, OWNER} & set(pipeline["exporters"])
    }
    assert {*hops} == {"traces/spread", "metrics/sdk", "metrics/state", "metrics/alive"}
    for name, pipeline in hops.items():
        # A batch processor answers before what follows it does.
        first = pipeline["processors"][0]
        assert first.startswith("batch/"), name
        assert derive["processors"][first] == {"timeout": "0s"}, name
        assert len(pipeline["exporters"]) == 1, name


def test_only_what_may_arrive_twice_crosses_a_hop(tmp_path: Path) -> None:
    roles = _roles(tmp_path, *EVERYTHING)
    for name, pipeline in _pipelines(roles[DERIVE]).items():
        if OWNER in pipeline["exporters"]:
            assert "signal_to_metrics/derive" not in pipeline["receivers"], name
            # Sums are made by one process.
            assert "delta_to_cumulative" not in pipeline["processors"], name
    counted = [
        name
        for role in (SAMPLE, CURRENT)
        for name in roles[role]["connectors"]
        if name in ("signal_to_metrics/derive", "signal_to_metrics/state")
    ]
    assert counted == []


def test_a_trace_goes_to_its_owner_by_a_queue_of_the_owners_own(tmp_path: Path) -> None:
    spread = _roles(tmp_path, SPANS)[DERIVE]["exporters"][SPREAD]
    assert spread["routing_key"] == "traceID"
    # A retry of the whole would repeat what other owners have.
    assert {*spread} == {"routing_key", "protocol", "resolver"}
    hop = spread["protocol"]["otlp"]
    assert hop["retry_on_failure"]["max_elapsed_time"] == "0s"
    # The sub-exporters share one configuration, and would share one file.
    assert "storage" not in hop["sending_queue"]


def test_an_owner_gets_its_values_in_order_and_keeps_the_later(tmp_path: Path) -> None:
    roles = _roles(tmp_path, GAUGE, SDK)
    assert roles[DERIVE]["exporters"][OWNER]["sending_queue"]["num_consumers"] == 1
    assert roles[DERIVE]["exporters"][OWNER]["endpoint"] == "current:4317"
    for name in ("metrics/state", "metrics/processes"):
        processors = _pipelines(roles[CURRENT])[name]["processors"]
        assert "transform/current" in processors, name
    statements = roles[CURRENT]["processors"]["transform/current"]["metric_statements"]
    assert [group["statements"] for group in statements] == [
        ["set(datapoint.time, Now()) where datapoint.time > Now()"]
    ]


def test_an_owner_takes_only_what_the_spec_names(tmp_path: Path) -> None:
    current = _roles(tmp_path, GAUGE, SDK)[CURRENT]
    (state,) = current["processors"]["filter/state"]["metrics"]["metric"]
    (processes,) = current["processors"]["filter/processes"]["metrics"]["metric"]
    assert "shop_carts_per_process" in state
    assert "shop_process_memory_bytes" not in state
    assert "shop_process_memory_bytes_per_process" in processes
    assert "shop_process_alive" in processes


def test_a_role_takes_as_much_in_one_message_as_another_gathers(tmp_path: Path) -> None:
    roles = _roles(tmp_path, *EVERYTHING)
    sent = roles[DERIVE]["exporters"][SPREAD]["protocol"]["otlp"]["sending_queue"]["batch"]
    for role in (SAMPLE, CURRENT):
        protocols = roles[role]["receivers"]["otlp"]["protocols"]
        assert {*protocols} == {"grpc"}
        taken = protocols["grpc"]["max_recv_msg_size_mib"] * 1024 * 1024
        assert taken == sent["max_size"]
    limit = roles[DERIVE]["processors"]["memory_limiter"]["limit_mib"]
    # One that is away must not make memory_limiter refuse.
    queue = roles[DERIVE]["exporters"][SPREAD]["protocol"]["otlp"]["sending_queue"]["queue_size"]
    assert queue * 4 <= limit * 1024 * 1024


def test_a_service_keeps_no_connection_to_one_of_several(tmp_path: Path) -> None:
    roles = _roles(tmp_path, SPANS)
    protocols = roles[DERIVE]["receivers"]["otlp"]["protocols"]
    assert protocols["http"]["keepalive"] == {"enabled": False}
    age = protocols["grpc"]["keepalive"]["server_parameters"]
    assert age == {"max_connection_age": CONNECTION_AGE, "max_connection_age_grace": "5s"}
    # What is too large is refused as by the single Collector.
    assert protocols["grpc"]["max_recv_msg_size_mib"] == 4
    assert protocols["http"]["max_request_body_size"] == 4 * 1024 * 1024
    # Traces must not move to another owner.
    assert "keepalive" not in roles[SAMPLE]["receivers"]["otlp"]["protocols"]["grpc"]


@pytest.mark.parametrize(
    ("sample", "resolver"),
    [
        (Hosts(("a:1", "b")), {"static": {"hostnames": ["a:1", "b"]}}),
        (DnsName("s.ns", 14317), {"dns": {"hostname": "s.ns", "port": "14317", "interval": "5s"}}),
    ],
)
def test_owners_are_found_by_names_or_by_dns(
    sample: Hosts | DnsName, resolver: dict[str, Any], tmp_path: Path
) -> None:
    roles = _roles(tmp_path, SPANS, topology=Topology(sample, "current:4317"))
    assert roles[DERIVE]["exporters"][SPREAD]["resolver"] == resolver


def test_where_the_stores_are_is_the_environments_or_the_topologys(tmp_path: Path) -> None:
    roles = _roles(tmp_path, SPANS)
    assert roles[SAMPLE]["exporters"]["otlp_grpc/traces"]["endpoint"].startswith(
        "${env:IMSOBS_JAEGER_ENDPOINT:-"
    )
    there = Topology(HERE.sample, HERE.current, jaeger="jaeger:4317", loki="http://l$1:3100")
    roles = _roles(tmp_path, SPANS, topology=there)
    assert roles[SAMPLE]["exporters"]["otlp_grpc/traces"]["endpoint"] == "jaeger:4317"
    # A dollar is a dollar, not the beginning of a reference.
    assert roles[DERIVE]["exporters"]["otlp_http/logs"]["endpoint"] == "http://l$$1:3100/otlp"


def test_a_role_that_has_nothing_to_do_is_left_out(tmp_path: Path) -> None:
    assert {*_roles(tmp_path, SPANS)} == {DERIVE, SAMPLE}
    assert {*_roles(tmp_path, SPANS, NO_JAEGER)} == {DERIVE}
    for part in (GAUGE, SDK, PROBE):
        assert {*_roles(tmp_path, part, NO_JAEGER)} == {DERIVE, CURRENT}


def test_a_role_without_a_queue_on_disk_needs_no_disk(tmp_path: Path) -> None:
    roles = _roles(tmp_path, *EVERYTHING)
    assert {role: "file_storage" in config["extensions"] for role, config in roles.items()} == {
        DERIVE: True,
        SAMPLE: True,
        CURRENT: False,
    }
    assert "http_check" in roles[CURRENT]["receivers"]
    assert "http_check" not in roles[DERIVE]["receivers"]
