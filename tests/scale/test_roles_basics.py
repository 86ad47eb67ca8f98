"""Two processes that derive, two that sample, one that is current: exact, and one killed."""

from __future__ import annotations

import signal
import time

import pytest
from scale.conftest import See, Stage

from bench.scale.ring import Ring

pytestmark = [pytest.mark.scale, pytest.mark.timeout(180)]
# In every `make` where the binary is; the rest takes longer.
in_every_make = pytest.mark.native


@pytest.mark.parametrize(
    ("number", "pause"),
    [pytest.param(2400, 0.0, id="burst", marks=in_every_make), pytest.param(960, 0.4, id="paced")],
)
def test_nothing_is_lost_or_doubled_while_nothing_fails(
    running: Stage, see: See, number: int, pause: float
) -> None:
    held = running.begun()
    crowd = running.crowd(number, pause=pause).wait()
    found = running.found(crowd)
    assert not crowd.cut, crowd.cut
    assert found.exact, found
    # Both took part: the sum is what is exact.
    for node in (running.derive(0), running.derive(1)):
        assert crowd.told(node.address, "requests", 0.0) > number / 4
    # Who owns a trace is what the simulation of the ring says.
    port = running.cluster.ports.otlp_grpc
    owners = [f"{running.sample(n).address}:{port}" for n in range(2)]
    shares = Ring(owners).shares(bytes.fromhex(trace) for trace in crowd.traces())
    assert [now - before for before, now in zip(held, running.begun(), strict=True)] == [
        shares[owner] for owner in owners
    ]
    see(found.text(crowd))


@in_every_make
def test_a_sampler_that_is_killed_costs_traces_and_no_count(running: Stage, see: See) -> None:
    crowd = running.crowd(960, pause=0.4)
    time.sleep(2)
    running.sample(0).stop(signal.SIGKILL)
    time.sleep(3)
    running.sample(0).start()
    found = running.found(crowd.wait())
    assert not any(found.lost.values()), found
    assert (found.records_lost, found.records_twice) == (0, 0), found
    # What the other one owns is whole: of the killed one's, what it held is lost.
    assert found.whole > crowd.number * 0.4, found
    assert found.partial + found.absent > 0, "it was killed while it held nothing"
    see(found.text(crowd))


def test_no_rule_tells_the_processes_of_a_role_apart(running: Stage, see: See) -> None:
    """What is counted by one and by the other is one value of every rule of the service."""
    model = running.cluster.model
    rules = {record.name: record.expr for record in model.records}
    rules |= {name: alert.expr for name, alert in model.alerts.items()}
    apart, seen = set(), 0
    for name, expr in rules.items():
        rows = running.prometheus.query(expr)
        seen += bool(rows)
        if any("instance" in row["metric"] for row in rows):
            apart.add(name)
    assert seen > 30, "too few rules have a value: there is nothing to see"
    assert apart == set()
    see(f"{seen} of {len(rules)} rules had a value, none of them one for each process")
