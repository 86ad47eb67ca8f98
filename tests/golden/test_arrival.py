"""The time that data points get on their way to be added up: in one order, by one clock."""

from __future__ import annotations

import itertools
import json
import subprocess
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from golden import otlp

from imsobs.outputs.collector import ordered
from imsobs.outputs.collector.ottl import transform
from imsobs.runtime.trial import free_ports

pytestmark = [pytest.mark.native, pytest.mark.timeout(60)]
REQUESTS, POINTS = 20, 50


def configuration(port: int, out: Path) -> dict[str, Any]:
    """Return a Collector that does nothing but give points their times."""
    begin = {"context": "datapoint", "statements": [ordered.begin()]}
    times = transform(metric_statements=[ordered.arrival(), begin])
    pipeline = {
        "receivers": ["otlp"],
        "processors": [ordered.QUEUE, "transform/times"],
        "exporters": ["file/out"],
    }
    return {
        "receivers": {"otlp": {"protocols": {"http": {"endpoint": f"127.0.0.1:{port}"}}}},
        "processors": {**ordered.queue(), "transform/times": times},
        "exporters": {"file/out": {"path": str(out)}},
        "service": {
            "telemetry": {"metrics": {"level": "none"}},
            "pipelines": {"metrics": pipeline},
        },
    }


def sent(port: int, number: int, process: subprocess.Popen[bytes]) -> None:
    """Send a request of several points; the sender's clock says another time."""
    points = [{"value": number, "attributes": {"point": place}} for place in range(POINTS)]
    request = otlp.metrics("times", [{"name": "counted", "type": "gauge", "points": points}])
    (metric,) = request["resourceMetrics"][0]["scopeMetrics"][0]["metrics"]
    for point in metric["gauge"]["dataPoints"]:
        point.update(timeUnixNano="1", startTimeUnixNano="1")
    deadline = time.monotonic() + 30
    while True:
        try:
            httpx.post(
                f"http://127.0.0.1:{port}/v1/metrics", json=request, trust_env=False
            ).raise_for_status()
        except httpx.ConnectError:  # It is about to start.
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.02)
        else:
            return


@pytest.fixture(scope="module")
def arrived(otelcol: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return the lines that come out, one for each batch, and the time before and after (ns)."""
    folder = tmp_path_factory.mktemp("arrival")
    (port,), out = free_ports(1), folder / "out.jsonl"
    file = folder / "config.yaml"
    file.write_text(yaml.safe_dump(configuration(port, out)))
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([otelcol, f"--config={file}"], stdout=log, stderr=log)
    first = time.time_ns()
    try:
        for number in range(REQUESTS):
            sent(port, number, process)
    finally:
        # It handles and writes what it has before it ends.
        process.terminate()
        process.wait(timeout=30)
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    return {"lines": lines, "first": first, "last": time.time_ns()}


def points(arrived: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the data points in the order in which they came out."""
    return [
        point
        for line in arrived["lines"]
        for resource in line["resourceMetrics"]
        for scope in resource["scopeMetrics"]
        for metric in scope["metrics"]
        for point in metric["gauge"]["dataPoints"]
    ]


def test_each_request_is_handed_on_at_once_and_alone(arrived: dict[str, Any]) -> None:
    assert len(arrived["lines"]) == REQUESTS
    found = [(int(point["asInt"]), point["attributes"]) for point in points(arrived)]
    assert found == [
        (number, otlp.attributes({"point": place}))
        for number in range(REQUESTS)
        for place in range(POINTS)
    ]


def test_every_point_is_later_than_the_last_and_of_this_time(
    arrived: dict[str, Any],
) -> None:
    times = [int(point["timeUnixNano"]) for point in points(arrived)]
    assert all(earlier < later for earlier, later in itertools.pairwise(times))
    millisecond = 1_000_000
    assert times[0] >= arrived["first"] // millisecond * millisecond
    assert times[-1] <= arrived["last"]


def test_a_time_is_a_millisecond_and_whole_steps_that_end_before_the_next(
    arrived: dict[str, Any],
) -> None:
    steps = [divmod(int(point["timeUnixNano"]) % 1_000_000, 244) for point in points(arrived)]
    assert {rest for _, rest in steps} == {0}
    assert len({step for step, _ in steps}) > 1


def test_a_series_begins_a_second_before_its_first_point(arrived: dict[str, Any]) -> None:
    lasted = {
        int(point["timeUnixNano"]) - int(point["startTimeUnixNano"]) for point in points(arrived)
    }
    assert lasted == {1_000_000_000}
