"""Processes of the roles killed, ended, slow, unreachable, added and removed, under traffic."""

from __future__ import annotations

import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from alertmanager import wait_for
from scale.conftest import Found, See, Stage, stage
from scale.names import Names
from scale.slices import Slices, Watched

from bench import rounds
from bench.scale import cluster as clusters
from bench.scale.cluster import KEEP_ALL
from bench.scale.known import EXPORT, RECORDS
from bench.scale.node import Node
from imsobs.outputs.collector.roles import (
    CURRENT,
    DERIVE,
    SAMPLE,
    SPREAD,
    DnsName,
    Topology,
)

pytestmark = [pytest.mark.scale, pytest.mark.timeout(240), pytest.mark.usefixtures("roles_binary")]

# What is answered is counted soon after; a scrape under way when it came may not have it yet.
_SOON = 0.5
# Prometheus scrapes once a second here.
_TWO_SCRAPES = 2.5
# How long an unavailable peer stays so: longer than a try of a hop takes, and than two.
_AWAY = 12.0


def _stored_once(found: Found) -> bool:
    return not (found.partial or found.absent or found.records_lost)


def _end(running: Stage, how: signal.Signals, see: See) -> None:
    """End a process of `derive` under traffic; what it counted since its last scrape is lost."""
    crowd = running.crowd(1200, pause=0.3)
    time.sleep(2)
    node = running.derive(1)
    node.stop(how)
    ended = time.time()
    scraped = running.prometheus.last_scrape(node, running.cluster.ports.metrics)
    time.sleep(2)
    node.start()
    found = running.found(crowd.wait())
    lost = {}
    for what, missing in found.lost.items():
        each = RECORDS if what == "records" else 1
        unseen = crowd.told(node.address, what, scraped - _SOON)
        # Those after its return are not lost.
        lost[what] = each * (unseen - crowd.told(node.address, what, ended))
        # What was cut off may have been counted by both, or by the one that ended.
        cut = each * EXPORT * crowd.cut[what]
        assert -cut <= missing <= lost[what] + cut, (what, found, lost, crowd.cut)
    see(
        f"{found.text(crowd)}; of what it was told in the {ended - scraped:.1f} s since its last"
        f" scrape ({lost['requests']} requests); {crowd.cut.total()} exports cut off"
    )
    if how is signal.SIGTERM:
        assert _stored_once(found), found
    else:
        # What waited for its owner was in memory.
        assert found.partial + found.absent <= crowd.told(node.address, "calls", ended - 3) + (
            crowd.told(node.address, "requests", ended - 3)
        )


def test_a_derive_that_is_killed_costs_what_no_scrape_saw(running: Stage, see: See) -> None:
    _end(running, signal.SIGKILL, see)


def test_a_derive_that_ends_under_traffic_costs_what_no_scrape_saw(
    running: Stage, see: See
) -> None:
    _end(running, signal.SIGTERM, see)


def test_derives_come_and_go_in_order_at_no_cost(running: Stage, see: See) -> None:
    crowd = running.crowd(2400, pause=0.3)
    time.sleep(1)
    new = running.derive(2).start()
    running.prometheus.scrape(**{DERIVE: [0, 1, 2], SAMPLE: [0, 1], CURRENT: [0]})
    crowd.targets.append(new.address)
    time.sleep(3)
    # Out of service, scraped again, ended.
    for node in (running.derive(0), new):
        crowd.targets.remove(node.address)
        time.sleep(_TWO_SCRAPES)
        node.stop()
    running.derive(0).start()
    crowd.targets.append(running.derive(0).address)
    found = running.found(crowd.wait())
    assert crowd.told(new.address, "requests", 0.0) > 0
    assert not crowd.cut, crowd.cut
    assert found.exact, found
    running.prometheus.scrape(**{DERIVE: [0, 1], SAMPLE: [0, 1], CURRENT: [0]})
    see(f"2 to 3 to 1 to 2 processes: {found.text(crowd)}")


@contextmanager
def _slow(node: Node) -> Iterator[None]:
    """Let a process run a seventh of the time."""
    done = threading.Event()

    def work() -> None:
        while not done.is_set():
            node.pause()
            done.wait(0.6)
            node.proceed()
            time.sleep(0.1)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def test_a_slow_sampler_holds_up_nobody(running: Stage, see: See) -> None:
    with _slow(running.sample(0)):
        crowd = running.crowd(1200, pause=0.3).wait()
        seconds = max(a.at for a in crowd.answers) - min(a.at for a in crowd.answers)
    found = running.found(crowd)
    assert not any(found.lost.values()), found
    assert _stored_once(found), found
    see(f"{found.text(crowd)}; all answered within {seconds:.0f} s")


def test_a_slow_derive_counts_what_it_answers(running: Stage, see: See) -> None:
    with _slow(running.derive(1)):
        crowd = running.crowd(600, pause=0.3).wait()
    found = running.found(crowd)
    # A sender that gave up waiting sent again.
    assert all(-crowd.cut[what] * 3 * EXPORT <= lost <= 0 for what, lost in found.lost.items())
    assert _stored_once(found), found
    see(f"{found.text(crowd)}; {crowd.cut.total()} exports cut off")


def test_no_answer_between_the_tiers_costs_nothing(running: Stage, see: See) -> None:
    behind = [running.sample(0), running.sample(1), running.cluster.node(CURRENT)]
    crowd = running.crowd(1200, pause=0.3)
    time.sleep(1)
    for node in behind:
        node.pause()
    time.sleep(_AWAY)
    for node in behind:
        node.proceed()
    found = running.found(crowd.wait())
    assert not any(found.lost.values()), found
    assert _stored_once(found), found
    assert found.records_twice == 0, found
    see(f"no answer for {_AWAY:.0f} s: {found.text(crowd)}")


def test_samplers_that_nobody_reaches_cost_nothing(running: Stage, see: See) -> None:
    crowd = running.crowd(1200, pause=0.3)
    time.sleep(1)
    # What they hold is decided on as they end; what is sent meanwhile waits.
    for node in (running.sample(0), running.sample(1)):
        node.stop()
    time.sleep(_AWAY)
    for node in (running.sample(0), running.sample(1)):
        node.start()
    found = running.found(crowd.wait())
    assert not any(found.lost.values()), found
    assert _stored_once(found), found
    see(f"ended in order, back after {_AWAY:.0f} s: {found.text(crowd)}")


def test_what_waits_for_a_sampler_is_bounded_and_told(tmp_path: Path, see: See) -> None:
    least = 128
    small = {**KEEP_ALL, "collector": {"memory_limit_mib": least}}
    with clusters.running(tmp_path, small) as cluster:
        cluster.start(**{DERIVE: 1})
        node, ports = cluster.node(DERIVE), cluster.ports
        request, number = rounds.requests(padding=60_000)["traces"], 40
        url = f"http://{node.address}:{ports.otlp_http}/v1/traces"
        headers, statuses = {"content-type": "application/x-protobuf"}, set()
        with httpx.Client(trust_env=False, timeout=20, headers=headers) as client:
            for _ in range(number):
                request.renew()
                statuses.add(client.post(url, content=bytes(request.body)).status_code)
        names = ("ims_requests_total{", "ims_model_calls_total{")
        wanted = number * rounds.SPANS
        wait_for(
            lambda: sum(node.total(ports.metrics, n) for n in names) == wanted, 20, "the counts"
        )
        told = node.total(ports.telemetry, "exporter_send_failed_spans_total", SPREAD)
        # What a sender is refused, it would send again.
        assert statuses == {200}
        assert 0 < told < wanted
        assert node.total(ports.telemetry, "backend_outcome_total", 'success="false"') > 0
        see(
            f"no sampler, a limit of {least} MiB: {wanted} spans of 60 kB answered and counted;"
            f" {told:.0f} told as not sent"
        )


@contextmanager
def _looked_up(folder: Path) -> Iterator[tuple[Stage, Names]]:
    """Run a cluster whose samplers are found by name."""
    if subprocess.run(["unshare", "-m", "true"], check=False).returncode:
        pytest.skip("no mount namespaces here: a process cannot be given a name server of its own")
    block = "127.19.53"
    names = Names(f"{block}.1", [])
    try:
        topology = Topology(DnsName("sample.test", 4317), f"{block}.30:4317")
        given = {"topology": topology, "resolv_conf": names.resolv_conf(folder), "block": block}
        names.addresses = [f"{block}.20", f"{block}.21"]
        with stage(folder / "stage", **given) as made:
            yield made, names
    finally:
        names.close()


def test_samplers_come_and_go(tmp_path: Path, see: See) -> None:
    with _looked_up(tmp_path) as (made, names):
        crowd = made.crowd(4800, pause=0.35)
        time.sleep(1)
        new = made.sample(2).start()
        names.addresses.append(new.address)
        # Every `derive` looks the name up every five seconds, each at its own time.
        time.sleep(8)
        names.addresses.remove(made.sample(0).address)
        time.sleep(8)
        gone = made.begun()[0]
        made.sample(0).stop()
        found = made.found(crowd.wait())
        kept = made.begun()
        assert min(gone, *kept) > 0, "one of the three had nothing"
        split = round(gone + sum(kept) - crowd.number)
        assert not any(found.lost.values()), found
        assert _stored_once(found), found
        assert split < crowd.number * 0.2, split
        see(f"2 to 3 to 2 processes: {found.text(crowd)}; {split} traces seen by two samplers")


def test_a_name_without_an_address_changes_no_owner(tmp_path: Path, see: See) -> None:
    with _looked_up(tmp_path) as (made, names):
        crowd = made.crowd(2400, pause=0.35)
        time.sleep(1)
        both, names.addresses = names.addresses, []
        time.sleep(_AWAY)
        names.addresses = both
        found = made.found(crowd.wait())
        assert found.exact, found
        see(f"no address for {_AWAY:.0f} s: {found.text(crowd)}")


def test_kubernetes_names_a_sampler_until_it_has_ended(tmp_path: Path, see: See) -> None:
    """The endpoints that are watched include those that are to end: they are sent to until then."""
    block = "127.19.54"
    both = {f"{block}.20": False, f"{block}.21": False}
    slices = Slices(f"{block}.1", both)
    try:
        found = Watched("sample.ns", 4317)
        topology = Topology(found, f"{block}.30:4317")
        env = {"KUBECONFIG": str(slices.kubeconfig(tmp_path))}
        with stage(tmp_path / "stage", topology=topology, block=block, env=env) as made:
            crowd = made.crowd(2400, pause=0.35)
            time.sleep(2)
            slices.set({**both, f"{block}.20": True})
            time.sleep(4)
            before = made.begun()[0]
            time.sleep(2)
            assert made.begun()[0] > before
            made.sample(0).stop()
            slices.set({f"{block}.21": False})
            result = made.found(crowd.wait())
            assert not any(result.lost.values()), result
            see(f"2 to 1 processes: {result.text(crowd)}")
    finally:
        slices.close()
