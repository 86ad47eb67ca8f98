"""Health as the Collector's probe sees it: 1 healthy, 0 not, whatever the reason."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest
from golden import series
from golden.collector import Collector
from golden.conftest import PROBED
from golden.health import Answer, HealthServer, documented

from imsobs.model import conventions

pytestmark = pytest.mark.native
COMPONENTS = ("service", "database", "cache", "queue", "router")
PARTS = COMPONENTS[1:]
# Seconds between two probes; an answer that comes later is late.
INTERVAL = 2
SOUND = documented(**dict.fromkeys(PARTS, "healthy"))
Start = Callable[..., Collector]


def status(collector: Collector, name: str = "ims_health_status") -> dict[str, float]:
    """Return component -> value; each with exactly the catalogue's labels."""
    found = {}
    for labels, value in series.of_service(collector.series(), PROBED).get(name, {}).items():
        given = dict(labels)
        assert set(given) == {"component", conventions.SERVICE_NAME, conventions.ENVIRONMENT}
        found[given["component"]] = value
    return found


def wait_for(collector: Collector, expected: dict[str, float]) -> None:
    deadline = time.monotonic() + 30
    while (found := status(collector)) != expected:
        assert time.monotonic() < deadline, f"expected {expected}, got {found}"
        time.sleep(0.1)


def stays(collector: Collector, expected: dict[str, float]) -> None:
    """Wait for the values, and see them stand while the probe asks again."""
    wait_for(collector, expected)
    end = time.monotonic() + 1.5 * INTERVAL
    while time.monotonic() < end:
        assert status(collector) == expected
        time.sleep(0.1)


def test_each_component_has_its_own_status(collector: Collector, health: HealthServer) -> None:
    """By the status code alone: the routes answer without a body."""
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


@pytest.fixture
def told(
    collector: Collector, health: HealthServer
) -> Iterator[Callable[[dict[str, Answer]], None]]:
    """Let the detailed route answer so, by component; the others answer soundly."""

    def tell(answers: dict[str, Answer]) -> None:
        health.answer = lambda path, component: answers.get(
            component, SOUND if component in PARTS else None
        )

    yield tell
    health.answer = None
    wait_for(collector, dict.fromkeys(COMPONENTS, 1.0))


def test_the_body_counts_though_the_status_code_is_200(collector: Collector, told) -> None:  # type: ignore[no-untyped-def]
    states = {"database": "unhealthy", "cache": "unhealthy", "queue": "healthy", "router": "x"}
    told(dict.fromkeys(PARTS, documented(**states)))
    stays(
        collector,
        {"service": 1.0, "database": 0.0, "cache": 0.0, "queue": 1.0, "router": 0.0},
    )


def test_the_body_counts_though_the_status_code_is_503(collector: Collector, told) -> None:  # type: ignore[no-untyped-def]
    """A route that fails as a whole for one component still says that the others work."""
    body = documented(database="unhealthy", cache="healthy", queue="healthy", router="healthy").body
    told(dict.fromkeys(PARTS, Answer(503, body)))
    stays(collector, {**dict.fromkeys(COMPONENTS, 1.0), "database": 0.0})


# NAME stands for the component that is asked.
NOT_VOUCHING = [
    b'{"components": {"NAME": {"status": "healthy"',
    b'{"components": {"NAME": {"status": "healthy"}}} trailing',
    b'{"components": {"other": {"status": "healthy"}}}',
    b'{"components": {"NAME": {"status": "degraded"}}}',
    b'{"components": {"NAME": {"status": "Healthy"}}}',
    b'{"components": {"NAME": {"status": ["healthy"]}}}',
    b'{"components": {"NAME": {"status": true}}}',
    b'{"components": {"NAME": {"status": null}}}',
    b'{"components": {"NAME": "healthy"}}',
    b'{"components": [{"NAME": {"status": "healthy"}}]}',
    b'{"components": {"NAME": {"status": "healthy\\u0000"}}}',
    b'{"NAME": {"status": "healthy"}}',
    b'{"status": "healthy"}',
    b"healthy",
    b"<html>Sign in</html>",
    b"\x00\xff\xfe",
    b"[" * 100_000,
]


@pytest.mark.parametrize("first", range(0, len(NOT_VOUCHING), len(PARTS)))
def test_a_body_that_does_not_vouch_is_unhealthy(collector: Collector, told, first: int) -> None:  # type: ignore[no-untyped-def]
    bodies = dict(zip(PARTS, NOT_VOUCHING[first:], strict=False))
    told({n: Answer(body=body.replace(b"NAME", n.encode())) for n, body in bodies.items()})
    stays(collector, {**dict.fromkeys(COMPONENTS, 1.0), **dict.fromkeys(bodies, 0.0)})


def test_a_large_body_is_read_to_its_end(collector: Collector, told) -> None:  # type: ignore[no-untyped-def]
    padding = b" " * 16_000_000
    told(
        {
            "cache": Answer(body=SOUND.body + padding),
            "queue": Answer(body=documented(queue="unhealthy").body + padding),
        }
    )
    stays(collector, {**dict.fromkeys(COMPONENTS, 1.0), "queue": 0.0})


def test_redirects_are_followed_and_lead_somewhere(collector: Collector, told) -> None:  # type: ignore[no-untyped-def]
    told(
        {
            "cache": Answer(302, headers={"location": "/health/detailed?component=queue"}),
            "database": Answer(302, headers={"location": "/health/detailed?component=database"}),
            "router": Answer(302, headers={"location": "http://127.0.0.1:1/"}),
        }
    )
    healthy = dict.fromkeys(COMPONENTS, 1.0)
    stays(collector, {**healthy, "database": 0.0, "router": 0.0})


def test_an_answer_that_comes_too_late_is_unhealthy(  # type: ignore[no-untyped-def]
    start_collector: Start, told_alone
) -> None:
    """Whether its headers are late or only its body is: status code 200 was sent in time."""
    server, overlay = told_alone
    server.answer = lambda path, component: {
        "database": Answer(body=SOUND.body, wait=3.5),
        "cache": Answer(body=SOUND.body, wait_in_body=3.5),
        "queue": Answer(body=SOUND.body, wait=0.3),
        "service": Answer(body=b"ok", wait_in_body=3.5),
    }.get(component, SOUND)
    alone = start_collector(overlay, {"IMSOBS_SERVICE_URL": server.url})
    expected = {"service": 0.0, "database": 0.0, "cache": 0.0, "queue": 1.0, "router": 1.0}
    stays(alone, expected)


def test_durations_have_fractions_of_a_second(  # type: ignore[no-untyped-def]
    start_collector: Start, told_alone
) -> None:
    server, overlay = told_alone
    server.answer = lambda path, component: Answer(wait=1.2) if component == "service" else None
    alone = start_collector(overlay, {"IMSOBS_SERVICE_URL": server.url})
    wait_for(alone, dict.fromkeys(COMPONENTS, 1.0))
    durations = status(alone, "ims_health_check_duration_seconds")
    assert 1.2 <= durations["service"] < 1.99, durations


@pytest.fixture
def told_alone() -> Iterator[tuple[HealthServer, dict[str, dict[str, object]]]]:
    """A server of its own, and the overlay of a Collector that probes it."""
    with HealthServer() as server:
        yield (
            server,
            {"service": {"names": [PROBED]}, "collector": {"probe_interval": f"{INTERVAL}s"}},
        )


def test_a_service_that_does_not_answer_is_unhealthy(  # type: ignore[no-untyped-def]
    start_collector: Start, told_alone
) -> None:
    """From the start, and when it goes: no last healthy value may stand."""
    server, overlay = told_alone
    server.answer = lambda path, component: SOUND
    alone = start_collector(overlay, {"IMSOBS_SERVICE_URL": server.url})
    wait_for(alone, dict.fromkeys(COMPONENTS, 1.0))
    server.stop()
    stays(alone, dict.fromkeys(COMPONENTS, 0.0))
    # Nobody listens on port 1.
    never = start_collector(overlay, {"IMSOBS_SERVICE_URL": "http://127.0.0.1:1"})
    wait_for(never, dict.fromkeys(COMPONENTS, 0.0))


def test_the_status_code_alone_may_be_asked_for(  # type: ignore[no-untyped-def]
    start_collector: Start, told_alone
) -> None:
    """With a route, headers and a method of its own, and components of any name."""
    server, overlay = told_alone
    odd = "the cache's #1 (a.b|c) 100% & more?"
    overlay["service"] |= {
        "health": "/live?full=no",
        "health_detailed": "/parts?deep=no",
        "components": [*PARTS, odd],
        "probe": {
            "answer": "status",
            "headers": {"x-probe": "imsobs", "authorization": {"env": "HEALTH_SECRET"}},
        },
    }
    overlay["labels"] = {"component": {"values": [*COMPONENTS, odd]}}
    server.answer = lambda path, component: (
        Answer(503, b'{"components": {"cache": {"status": "healthy"}}}')
        if component == "cache"
        else Answer(body=b"ok")
    )
    alone = start_collector(
        overlay, {"IMSOBS_SERVICE_URL": server.url, "HEALTH_SECRET": "Bearer $ecret"}
    )
    stays(alone, {**dict.fromkeys(COMPONENTS, 1.0), "cache": 0.0, odd: 1.0})
    method, _, headers = server.requests[-1]
    assert {path for _, path, _ in server.requests} >= {
        "/live?full=no",
        "/parts?deep=no&component=cache",
    }
    assert headers["X-Probe"] == "imsobs"
    assert headers["Authorization"] == "Bearer $ecret"
    assert method == "GET"


def test_a_component_of_any_name_is_found_in_the_body(  # type: ignore[no-untyped-def]
    start_collector: Start, told_alone
) -> None:
    server, overlay = told_alone
    odd = {
        "a.b": "healthy",
        "a*": "unhealthy",
        "@valid": "healthy",
        "x|y": "healthy",
        "#": "healthy",
    }
    overlay["service"] |= {"components": [*PARTS, *odd]}
    overlay["labels"] = {"component": {"values": [*COMPONENTS, *odd]}}
    states = {**dict.fromkeys(PARTS, "healthy"), **odd}
    server.answer = lambda path, component: documented(**states)
    alone = start_collector(overlay, {"IMSOBS_SERVICE_URL": server.url})
    stays(alone, {"service": 1.0, **{name: float(s == "healthy") for name, s in states.items()}})


def test_head_asks_for_no_body(start_collector: Start, told_alone) -> None:  # type: ignore[no-untyped-def]
    server, overlay = told_alone
    overlay["service"] |= {"probe": {"method": "HEAD"}}
    server.unhealthy = {"queue"}
    alone = start_collector(overlay, {"IMSOBS_SERVICE_URL": server.url})
    stays(alone, {**dict.fromkeys(COMPONENTS, 1.0), "queue": 0.0})
    assert {method for method, _, _ in server.requests} == {"HEAD"}
