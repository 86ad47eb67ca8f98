"""Health as the Collector's probe sees it: 1 healthy, 0 not, whatever the reason."""

from __future__ import annotations

import time

import pytest
from golden import series
from golden.collector import Collector
from golden.conftest import PROBED
from golden.health import HealthServer
from imsobs.model import conventions

pytestmark = pytest.mark.native
COMPONENTS = ("service", "database", "cache", "queue", "router")


def status(collector: Collector, name: str = "ims_health_status") -> dict[str, float]:
    """Return component -> value; each with exactly the catalogue's labels."""
    found = {}
    for labels, value in series.of_service(collector.series(), PROBED).get(name, {}).items():
        given = dict(labels)
        assert set(given) == {"component", conventions.SERVICE_NAME, conventions.ENVIRONMENT}
        found[given["component"]] = value
    return found


def wait_for(collector: Collector, expected: dict[str, float]) -> None:
    deadline = time.monotonic() + 15
    while (found := status(collector)) != expected:
        assert time.monotonic() < deadline, f"expected {expected}, got {found}"
        time.sleep(0.1)


def test_each_component_has_its_own_status(collector: Collector, health: HealthServer) -> None:
    healthy = dict.fromkeys(COMPONENTS, 1.0)
    wait_for(collector, healthy)
    health.unhealthy = {"database"}
    wait_for(collector, {**healthy, "database": 0.0})
    health.unhealthy = set(COMPONENTS)
    wait_for(collector, dict.fromkeys(COMPONENTS, 0.0))
    health.unhealthy = set()
    wait_for(collector, healthy)


def test_durations_are_seconds(collector: Collector) -> None:
    wait_for(collector, dict.fromkeys(COMPONENTS, 1.0))
    durations = status(collector, "ims_health_check_duration_seconds")
    assert set(durations) == set(COMPONENTS)
    # The server answers at once: milliseconds that were taken for seconds would be above 1.
    assert all(0 <= seconds < 1 for seconds in durations.values()), durations


def test_a_service_that_does_not_answer_is_unhealthy(start_collector, health: HealthServer) -> None:  # type: ignore[no-untyped-def]
    overlay = {"service": {"names": [PROBED]}, "collector": {"probe_interval": "1s"}}
    # Nobody listens on port 1.
    alone = start_collector(overlay, {"IMS_SERVICE_URL": "http://127.0.0.1:1"})
    wait_for(alone, dict.fromkeys(COMPONENTS, 0.0))
