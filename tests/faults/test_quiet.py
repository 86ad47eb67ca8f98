"""Quiet when all is well: the demo's ordinary traffic fires nothing but the Watchdog.

A real run of six minutes with the rules, times and thresholds as they are, not compressed: rates
over five minutes are whole by then, and counts over longer windows only grow towards what they
stay at. An alert that waits for longer than the run has is seen pending: the traffic is the same
all the time, so one that is pending for half of the run would fire within thirty minutes.
`QUIET_MINUTES=30` plays the thirty minutes, as `make gameday INCIDENTS=quiet` does.
"""

from __future__ import annotations

import os

import pytest

from bench import quiet

MINUTES = int(os.environ.get("QUIET_MINUTES", "6"))
pytestmark = [pytest.mark.faults, pytest.mark.timeout(340 + MINUTES * 60)]


def test_ordinary_traffic_fires_nothing_but_the_watchdog() -> None:
    found = quiet.watch(MINUTES)
    # A slow machine sends less; a service that stopped answering would send next to nothing.
    assert found.requests > MINUTES * 60 * quiet.RATE
    assert found.fired == []
    assert found.pending == []
    assert found.always == ["Watchdog"]
