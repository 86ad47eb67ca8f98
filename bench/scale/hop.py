"""The hop: what it costs that spans cross to another Collector, and what one `current` holds.

Traces of the demo service are recorded and sent again to one `derive`, held to one core as all are:
as it is rendered, before two of `sample` that it balances traces over; with an ordinary exporter to
one; and without the pipeline that hands spans on. The difference is the sending side of the hop;
what `sample` uses for a span includes the receiving side. An export of
the demo's SDK metrics is then made one of each of many processes: what `current` uses for a value,
and the memory for a series, say how many processes one of them is enough for.

`imsobs estimate` of a cluster rests on these figures, and is held against them.

    python -m bench.scale.hop
    python -m bench.scale.hop --quick
"""

from __future__ import annotations

import argparse
import functools
import http.client
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)

from bench.harness import alternate, cpu_seconds, measured, memory_mib, say
from bench.record import record_demo
from bench.replay import Payload, send, trace_payloads
from bench.report import write
from bench.scale import cluster as clusters
from bench.scale.cluster import Cluster
from bench.scale.hop_page import HERE, ONE, THERE, Crossed, Held, page
from bench.scale.node import Node
from imsobs import yamlio
from imsobs.outputs.collector.roles import CURRENT, DERIVE, SAMPLE, SPREAD

# As rendered, but decided on soon.
_SOON: dict[str, Any] = {"sampling": {"slow": "1s", "decision_wait": "1s", "longest_request": "2s"}}
_ACCEPTED = "otelcol_receiver_accepted_spans_total"
_DIRECT = "otlp_grpc/spread"
_WINDOW_SECONDS, _IDLE_SHARE, _LONGEST_SECONDS = 0.5, 0.05, 120.0
# As Prometheus asks.
_SCRAPE = {
    "accept": "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;"
    "encoding=delimited",
    "accept-encoding": "gzip",
}


def main() -> None:
    """Run the benchmark and write its page."""
    parser = argparse.ArgumentParser(prog="python -m bench.scale.hop", description=__doc__)
    parser.add_argument("--items", type=int, default=60_000, help="spans of each run")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--scenarios", type=int, default=200, help="scenarios to record")
    parser.add_argument("--processes", type=int, default=400, help="that report to current")
    parser.add_argument("--exports", type=int, default=20, help="of each process")
    parser.add_argument("--plain", action="store_true", help="without what balances")
    parser.add_argument("--quick", action="store_true", help="small and rough")
    parser.add_argument("--out", type=Path, help="folder of the results")
    given = parser.parse_args()
    if given.quick:
        given.items, given.rounds, given.scenarios = 6_000, 1, 40
        given.processes, given.exports = 50, 5
    with measured() as run, tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        say("recording the demo ...")
        recorded = record_demo(scratch / "record", given.scenarios)
        payloads = trace_payloads(recorded.all_traces())
        export = max(recorded.metrics, key=len)
        program = "otelcol" if given.plain else "otelcol-roles"
        names = (HERE, ONE) if given.plain else (HERE, ONE, THERE)
        runs = alternate(
            {
                name: functools.partial(_crossed, scratch, program, name, payloads, given.items)
                for name in names
            },
            given.rounds,
        )
        measure = functools.partial(_held, scratch, program, export, given.processes, given.exports)
        held = alternate({CURRENT: measure}, given.rounds)[CURRENT]
    write(page(given, __doc__ or "", runs, held), run, given.out)


def _crossed(
    scratch: Path, program: str, name: str, payloads: list[Payload], spans: int
) -> Crossed:
    folder = Path(tempfile.mkdtemp(dir=scratch))
    with clusters.running(folder, _SOON, program=program) as cluster:
        samples = [cluster.node(SAMPLE, n) for n in range(1 if name == ONE else 2)]
        if name != THERE:
            _send_to(cluster, samples[0] if name == ONE else None)
        cluster.start(**{DERIVE: 1, SAMPLE: len(samples), CURRENT: 1})
        derive = cluster.node(DERIVE)
        roles = {DERIVE: [derive], SAMPLE: samples}
        warm = _send(derive, payloads, spans // 4)
        before = _at_rest(roles)
        arrived = _taken(cluster, samples)
        sent = _send(derive, payloads, spans)
        after = _at_rest(roles)
        found = Crossed(
            name,
            sent,
            {role: (after[role] - before[role]) / sent * 1e6 for role in roles},
            _taken(cluster, samples) - arrived,
            _scraped(derive, cluster.ports.metrics),
            max(len(node.scrape(cluster.ports.telemetry)) for node in [derive, *samples]),
        )
    say(f"  {found}, after {warm}")
    return found


def _send_to(cluster: Cluster, sample: Node | None) -> None:
    """Let `derive` send spans to one process by an ordinary exporter, or to none."""
    file = cluster.folder / f"{DERIVE}.yaml"
    config = yaml.safe_load(file.read_text("utf-8"))
    hop = config["exporters"].pop(SPREAD)["protocol"]["otlp"]
    pipelines = config["service"]["pipelines"]
    (name,) = [name for name, one in pipelines.items() if SPREAD in one["exporters"]]
    if sample is None:
        del pipelines[name]
    else:
        endpoint = f"{sample.address}:{cluster.ports.otlp_grpc}"
        config["exporters"][_DIRECT] = {**hop, "endpoint": endpoint}
        pipelines[name]["exporters"] = [_DIRECT]
    file.write_text(yamlio.dump(config), "utf-8")


def _send(derive: Node, payloads: list[Payload], spans: int) -> int:
    return send(4318, "traces", payloads, spans, host=derive.address).items


def _taken(cluster: Cluster, nodes: Iterable[Node]) -> int:
    """Return how many spans these processes have taken in."""
    return round(sum(node.total(cluster.ports.telemetry, _ACCEPTED) for node in nodes))


def _at_rest(roles: dict[str, list[Node]]) -> dict[str, float]:
    """Wait until all are idle; return the CPU seconds of each role until then."""

    def spent() -> dict[str, float]:
        return {role: sum(cpu_seconds(n.pid) for n in nodes) for role, nodes in roles.items()}

    deadline, before, quiet = time.monotonic() + _LONGEST_SECONDS, spent(), 0
    # A trace waits for a second, a batch for its store too.
    while quiet < 6:
        time.sleep(_WINDOW_SECONDS)
        now = spent()
        idle = sum(now.values()) - sum(before.values()) <= _IDLE_SHARE * _WINDOW_SECONDS * 2
        before, quiet = now, quiet + 1 if idle else 0
        if time.monotonic() > deadline:
            raise SystemExit(f"not at rest after {_LONGEST_SECONDS:.0f} s: {now}")
    return before


def _held(scratch: Path, program: str, export: bytes, processes: int, exports: int) -> Held:
    folder = Path(tempfile.mkdtemp(dir=scratch))
    with clusters.running(folder, _SOON, program=program) as cluster:
        _send_to(cluster, None)
        cluster.start(**{DERIVE: 1, CURRENT: 1})
        derive, current = cluster.node(DERIVE), cluster.node(CURRENT)
        roles = {DERIVE: [derive], CURRENT: [current]}
        bodies = [_of_process(export, number) for number in range(processes)]
        _post(derive, bodies[:1])
        before, memory = _at_rest(roles), memory_mib(current.pid, "VmRSS")
        for _ in range(exports):
            _post(derive, bodies)
        after = _at_rest(roles)
        # After the first of a process as well as after the last, each series has a value.
        series = len(current.scrape(cluster.ports.processes))
        values = series * exports
        grown = (memory_mib(current.pid, "VmRSS") - memory) * 1024 * 1024
        found = Held(
            processes,
            series,
            {role: (after[role] - before[role]) / values * 1e6 for role in roles},
            grown / series,
            _scraped(current, cluster.ports.processes),
            sum(map(len, bodies)) / series,
        )
    say(f"  {found}")
    return found


def _of_process(export: bytes, number: int) -> bytes:
    """Return an export as another process would send it."""
    request = ExportMetricsServiceRequest.FromString(export)
    for resource in request.resource_metrics:
        for attribute in resource.resource.attributes:
            if attribute.key == "service.instance.id":
                attribute.value.string_value = f"process-{number}"
    return request.SerializeToString()


def _post(derive: Node, bodies: Iterable[bytes]) -> None:
    client = http.client.HTTPConnection(derive.address, 4318, timeout=60)
    for body in bodies:
        client.request("POST", "/v1/metrics", body, {"content-type": "application/x-protobuf"})
        answer = client.getresponse()
        answer.read()
        if answer.status != 200:
            raise SystemExit(f"metrics: {answer.status}")
    client.close()


def _scraped(node: Node, port: int) -> float:
    """Return the bytes of a scrape for each series, as they cross the network."""
    client = http.client.HTTPConnection(node.address, port, timeout=60)
    client.request("GET", "/metrics", headers=_SCRAPE)
    size = len(client.getresponse().read())
    client.close()
    return size / len(node.scrape(port))


if __name__ == "__main__":
    main()
