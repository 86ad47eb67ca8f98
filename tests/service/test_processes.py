"""Each of a service's processes tells about itself, once."""

from __future__ import annotations

import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
from faults.conftest import eventually
from service.servers import Service, serving, start
from service.sink import Sink

pytestmark = [pytest.mark.native, pytest.mark.timeout(300)]
SCRIPT = str(Path(__file__).parent / "scripts" / "forks.py")
ROLE = "imsobs.process.role"
MIB = 1024 * 1024
OWN = (
    "process.memory.usage",
    "process.cpu.time",
    "process.thread.count",
    "process.open_file_descriptor.count",
    "cpython.gc.collections",
)


def ask(service: Service, sink: Sink, path: str) -> dict[str, int]:
    """Ask until each of four workers has answered once; return instance id -> last answer.

    The trace that a request brings along tells which instance answered it. Several requests are
    sent at once: of one after the other, the same worker may take every one.
    """
    asked: dict[str, int] = {}

    def request(trace: str) -> int:
        headers = {"traceparent": f"00-{trace}-{uuid.uuid4().hex[:16]}-01"}
        return int(service.client.get(path, headers=headers).json())

    def found() -> dict[str, int]:
        traces = [uuid.uuid4().hex for _ in range(32)]
        with ThreadPoolExecutor(16) as pool:
            asked.update(zip(traces, pool.map(request, traces), strict=True))
        spans = [span for span in [*sink.spans] if span.server and span.trace_id in asked]
        answers = {span.resource["service.instance.id"]: asked[span.trace_id] for span in spans}
        told = Counter(span.resource["service.instance.id"] for span in spans)
        assert len(answers) == 4, (
            f"answers: {Counter(asked.values())}; spans by instance: {told}\n"
            f"{service.log.read_text()[-3000:]}"
        )
        return answers

    return eventually(found, 60)


@pytest.mark.parametrize("server", ["uvicorn-workers", "gunicorn", "gunicorn-preload"])
def test_workers_tell_about_themselves(server: str, tmp_path: Path) -> None:
    with Sink() as sink, serving(server, sink.url, tmp_path / "log") as service:
        service.pids(4)
        pids = ask(service, sink, "/pid")
        assert len(set(pids.values())) == 4
        # Let them differ.
        ask(service, sink, "/keep/30")
        collected = ask(service, sink, "/collect/7")
        sink.points.clear()
        eventually(lambda: all((i, m) in sink.points for i in pids for m in OWN), 30)
        for instance, pid in pids.items():
            process = psutil.Process(pid)
            told = {metric: sink.value(instance, metric) for metric in OWN}
            assert told["process.memory.usage"] == pytest.approx(
                process.memory_info().rss, abs=4 * MIB
            )
            times = process.cpu_times()
            assert 0 < told["process.cpu.time"] <= times.user + times.system
            assert told["process.cpu.time"] == pytest.approx(times.user + times.system, abs=2)
            assert told["process.thread.count"] == pytest.approx(process.num_threads(), abs=2)
            assert told["process.open_file_descriptor.count"] == pytest.approx(
                process.num_fds(), abs=4
            )
            assert told["cpython.gc.collections"] >= 7
            if server.startswith("gunicorn"):
                # What the master collected before it forked is the master's.
                assert told["cpython.gc.collections"] < collected[instance] / 2
            started = sink.points[instance, "cpython.gc.collections"].start / 1e9
            assert started >= process.create_time() - 1
        assert len({sink.value(i, "process.memory.usage") for i in pids}) == 4
        roles = Counter(resource[ROLE] for resource in sink.resources.values())
        assert roles == {"main": 1, "worker": 4}
        # Python's own helper process, which `uvicorn --workers` starts, has no telemetry at all.
        trackers = [
            child
            for child in psutil.Process(service.process.pid).children(recursive=True)
            if "resource_tracker" in " ".join(child.cmdline())
        ]
        assert len(trackers) == (server == "uvicorn-workers")
        assert all(child.memory_info().rss < 40 * MIB for child in trackers)


@pytest.mark.parametrize("server", ["uvicorn-workers", "gunicorn", "gunicorn-preload"])
def test_what_the_sdk_counts_is_each_workers_own(server: str, tmp_path: Path) -> None:
    with Sink() as sink, serving(server, sink.url, tmp_path / "log") as service:
        service.pids(4)
        service.get("/work", 200)
        service.stop()
        requests = Counter(
            span.resource["service.instance.id"] for span in sink.spans if span.server
        )
        counted = {
            instance: sink.value(instance, "http.server.response.body.size")
            for instance in requests
        }
        assert counted == requests
        assert sum(requests.values()) > 200


def run(how: str, sink: Sink, tmp_path: Path) -> None:
    """Run the script to its end."""
    log = tmp_path / "log"
    assert start(("python", SCRIPT, how), sink.url, log).wait(120) == 0, log.read_text()


def test_a_forked_child_counts_from_zero(tmp_path: Path) -> None:
    with Sink() as sink:
        run("counts", sink, tmp_path)
        counts = {
            sink.resources[instance][ROLE]: point.value
            for (instance, metric), point in sink.points.items()
            if metric == "http.server.request.body.size"
        }
        assert counts == {"main": 5, "worker": 2}


def test_forked_children_do_not_talk_over_their_parents_connection(tmp_path: Path) -> None:
    with Sink() as sink:
        run("talks", sink, tmp_path)
        said = Counter(record.body.rpartition(" ")[0] for record in sink.records)
        said.pop("")
        assert said == {"parent": 500, **{f"child {number}": 500 for number in range(4)}}
        assert all(len(instances) == 1 for instances in sink.connections.values())


def test_a_child_that_is_forked_while_its_parent_sends_is_not_stuck(tmp_path: Path) -> None:
    with Sink(delay=4.0) as sink:
        run("while-sending", sink, tmp_path)
        counts = {
            sink.resources[instance][ROLE]: point.value
            for (instance, metric), point in sink.points.items()
            if metric == "http.server.request.body.size"
        }
        assert counts == {"main": 1, "worker": 2}


def test_a_child_waits_for_no_lock_of_its_parents(tmp_path: Path) -> None:
    with Sink() as sink:
        run("while-locked", sink, tmp_path)
        assert {record.body for record in sink.records} >= {f"child {n}" for n in range(4)}


def test_the_threads_that_send_import_nothing(tmp_path: Path) -> None:
    """A child that is forked meanwhile would wait for the import forever."""
    with Sink() as sink:
        run("first-export", sink, tmp_path)
        assert len(sink.spans) == 1
        assert "imported:\n" in (tmp_path / "log").read_text()


def test_helpers_tell_nothing_about_themselves_until_they_serve(tmp_path: Path) -> None:
    with Sink() as sink:
        run("helpers", sink, tmp_path)
        roles = {span.name: span.resource[ROLE] for span in sink.spans}
        assert roles == {"helps": "helper", "serves": "helper", "leads": "main"}
        served = {s.resource["service.instance.id"] for s in sink.spans if s.name != "helps"}
        assert {i for i, metric in sink.points if metric == "process.memory.usage"} == served
