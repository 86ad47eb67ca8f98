"""The disk of the queue is full; a queue file is damaged."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from faults.backend import Backend
from faults.conftest import Make, See, eventually, value
from faults.sender import body, logs, trace_id, traces
from golden.collector import Collector
from native.project import rendered_project

from imsobs.runtime.process import queues
from imsobs.runtime.process.daemon import Supervisor
from imsobs.runtime.process.stack import running_stack

pytestmark = pytest.mark.faults

_PADDING = {"attributes": {"text": "x" * 4_000}}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 8 MB."""
    folder = tmp_path / "small"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=8m", "none", str(folder)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    except FileNotFoundError:
        pytest.skip("A FULL DISK WAS NOT TESTED: there is no mount")
    if done.returncode != 0:
        pytest.skip(f"A FULL DISK WAS NOT TESTED: mounting one needs root ({done.stderr.strip()})")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], timeout=30, check=True)


def test_a_full_disk_costs_traces_and_records_but_no_metric_and_doubles_nothing(
    make_collector: Make, backend: Backend, small_disk: Path, see: See
) -> None:
    backend.stop()
    collector = make_collector({**backend.environment(), "IMSOBS_STATE": str(small_disk)}).start()
    total = 4_000
    for first in range(1, total + 1, 100):
        numbers = range(first, first + 100)
        collector.send("traces", traces(numbers, status="error", **_PADDING))
        collector.send("logs", logs(numbers, **_PADDING))
    refused = {
        kind: f"otelcol_exporter_enqueue_failed_{kind}_total" for kind in ("spans", "log_records")
    }
    eventually(lambda: value(collector, refused["spans"], "telemetry") > 0)
    assert value(collector, refused["log_records"], "telemetry") > 0
    assert collector.healthy()
    assert value(collector, "ims_log_records_total") == total
    time.sleep(3)
    backend.start()

    seen: list[tuple[int, int]] = []

    def drained() -> bool:
        seen.append((len(backend.spans()), len(backend.logs())))
        return min(seen[-1]) > 0 and len(seen) > 15 and seen[-1] == seen[-15]

    eventually(drained, 90)
    # The Collector counts what it could not write into the queue. What it could not take out
    # again, since that too is a write, is in its log alone.
    for kept, metric in zip(seen[-1], refused.values(), strict=True):
        lost = total - kept
        refusals = value(collector, metric, "telemetry")
        assert refusals <= lost
        assert refusals == lost or "no space left on device" in collector.log.read_text()
        see(f"of {total}, {kept} arrived, {refusals:g} were refused, {lost - refusals:g} lost")
    # With room again it works on as before, also after a restart.
    for number in (total + 1, total + 2):
        collector.send("traces", traces(range(number, number + 1), status="error"))
        collector.send("logs", logs(range(number, number + 1)))
        eventually(lambda number=number: trace_id(number) in backend.spans())
        eventually(lambda number=number: body(number) in backend.logs())
        collector.stop()
        collector.start()
    spans, records = backend.spans(), backend.logs()
    assert set(spans.values()) == set(records.values()) == {1}


def test_a_log_file_on_a_full_disk_fails_no_request_and_no_metric(
    make_collector: Make, small_disk: Path
) -> None:
    state = {"IMSOBS_STATE": str(small_disk), "IMSOBS_JAEGER_ENDPOINT": "127.0.0.1:1"}
    collector = make_collector(state).start()
    for first in range(1, 4_001, 100):
        collector.send("logs", logs(range(first, first + 100), **_PADDING))
    failed = "otelcol_exporter_send_failed_log_records_total"
    eventually(lambda: value(collector, failed, "telemetry") > 0)
    assert value(collector, "ims_log_records_total") == 4_000
    assert collector.healthy()


def _filled_queue(make: Make, folder: Path) -> Path:
    """Return a queue file with three thousand log records in it."""
    away = {
        "IMSOBS_LOKI_ENDPOINT": "http://127.0.0.1:1",
        "IMSOBS_LOG_EXPORTER": "otlp_http/logs",
        "IMSOBS_JAEGER_ENDPOINT": "127.0.0.1:1",
    }
    collector: Collector = make({**away, "IMSOBS_STATE": str(folder)}).start()
    for first in range(1, 3_001, 100):
        collector.send("logs", logs(range(first, first + 100)))
    time.sleep(0.5)
    collector.stop(signal.SIGKILL)
    return folder / "queue" / "exporter_otlp_http_logs_logs"


def test_every_damage_that_keeps_the_collector_from_starting_is_found(
    make_collector: Make, tmp_path: Path, see: See
) -> None:
    file = _filled_queue(make_collector, tmp_path / "state")
    whole = file.read_bytes()
    size, noise = len(whole), os.urandom(len(whole))
    queues.check(file)
    damages = {
        "noise": noise,
        "text": b"not a queue\n" * 1_000,
        "cut in half": whole[: size // 2],
        "one page left": whole[:4096],
        "a few bytes left": whole[:100],
        "heads gone": bytes(8192) + whole[8192:],
        "middle overwritten": whole[:16_384] + noise[16_384:-16_384] + whole[-16_384:],
        "second half zero": whole[: size // 2] + bytes(size - size // 2),
    }
    for damaged in damages.values():
        file.write_bytes(damaged)
        with pytest.raises(queues.BrokenError):
            queues.check(file)
    see(f"{len(damages)} kinds of damage found")
    # These it copes with: one head is enough, and an empty file is a new queue.
    for harmless in (bytes(4096) + whole[4096:], b""):
        file.write_bytes(harmless)
        queues.check(file)
        away = {"IMSOBS_LOG_EXPORTER": "otlp_http/logs", "IMSOBS_STATE": str(tmp_path / "state")}
        collector = make_collector(away).start()
        collector.stop()


def test_a_damaged_queue_is_set_aside_and_the_collector_starts(
    make_collector: Make, tmp_path: Path
) -> None:
    broken = _filled_queue(make_collector, tmp_path / "before").read_bytes()[:60_000]
    root = rendered_project(tmp_path / "project")
    queue = tmp_path / "state" / "queue"
    queue.mkdir(parents=True, mode=0o700)
    file = queue / "exporter_otlp_grpc_traces_traces"
    file.write_bytes(broken)
    with running_stack(root, tmp_path / "state", only=("otelcol",)) as live:
        (kept,) = queue.glob("*.broken")
        assert kept.read_bytes() == broken
        assert f"{file} cannot be read" in live.log("otelcol")
        assert f"kept as {kept.name}" in live.log("otelcol")
        # Also when it happens in between, and the supervisor starts it again.
        pid = Supervisor(live.layout).processes()["otelcol"].pid
        damaged = file.with_name("damaged")
        damaged.write_bytes(broken)
        shutil.move(damaged, file)
        psutil.Process(pid).kill()
        eventually(lambda: len(list(queue.glob("*.broken"))) == 2)

        def runs() -> bool:
            state = Supervisor(live.layout).processes()["otelcol"]
            return state.state == "RUNNING" and state.pid != pid and file.exists()

        eventually(runs)
