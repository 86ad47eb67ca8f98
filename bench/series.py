"""Prometheus: series and bytes a day, measured, against `imsobs estimate`.

The whole native stack runs with the demo service under steady traffic, and Prometheus
scrapes every second instead of every 15: as many samples a series in minutes as else in an
hour. The samples are then taken out of its write-ahead log, spaced as the spec's interval
has them, and written to blocks by promtool: their size over their samples is what a sample
costs on disk. Traffic is about as dense as a day of a million requests; between two samples
lies a second of it, not the 15 of production, so that differences are smaller there.

    python -m bench.series
    python -m bench.series --seconds 30
"""

from __future__ import annotations

import argparse
import re
import subprocess
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

import httpx

from bench.harness import ROOT, measured, memory_mib, say
from bench.project import SPEC, components, rendered
from bench.report import Goal, Page, Table, write
from gateway.launch import Launch, running
from gateway.traffic import Order, send
from imsobs.compile import read_spec
from imsobs.model import Model
from imsobs.model.estimate import DAY, Load, estimate
from imsobs.runtime.build.binaries import resolve_binary
from imsobs.runtime.process.daemon import Supervisor
from imsobs.runtime.process.stack import RunningStack, running_stack
from imsobs.runtime.trial import free_ports
from imsobs.spec.schema.base import seconds

_SAMPLE = re.compile(r"^(.*) (\S+) (\d+)\.(\d{3})$")
# Blocks are first written for two hours each.
_BLOCKS_A_DAY = 12


@dataclass(frozen=True)
class Found:
    """What was measured. Sizes in bytes; by_job: series that each scrape job brought."""

    by_job: dict[str, int]
    requests_per_day: float
    samples: int
    series: int
    chunk_bytes: int
    index_bytes: int
    memory_mib: float

    @property
    def per_sample(self) -> float:
        """Bytes per sample, index left out."""
        return self.chunk_bytes / self.samples

    def per_day(self, interval: int) -> float:
        """Bytes a day at a scrape interval: chunks, and an index in each block."""
        chunks = self.series * DAY / interval * self.per_sample
        return chunks + self.index_bytes * _BLOCKS_A_DAY


def main() -> None:
    """Run the benchmark and write its page."""
    parser = argparse.ArgumentParser(prog="python -m bench.series", description=__doc__)
    parser.add_argument("--seconds", type=int, default=150)
    parser.add_argument("--rate", type=float, default=6.0, help="scenarios per second")
    parser.add_argument("--out", type=Path, help="folder of the results")
    given = parser.parse_args()
    model = read_spec([SPEC]).model
    if model is None:
        raise SystemExit("the spec has problems: imsobs validate")
    with measured() as run, tempfile.TemporaryDirectory() as folder:
        found = _measure(given, Path(folder), seconds(model.spec.scrape.interval))
    write(_page(given, model, found), run, given.out)


def _measure(given: argparse.Namespace, folder: Path, interval: int) -> Found:
    (port,) = free_ports(1)
    fast = {
        "service": {"url": f"http://127.0.0.1:{port}"},
        "scrape": {"interval": "1s", "timeout": "1s"},
    }
    root = rendered(folder / "project", fast)
    with running_stack(root, folder / "state") as stack:
        launch = Launch(
            root=root,
            logs=folder / "logs",
            port=port,
            endpoint=f"http://127.0.0.1:{stack.port('otelcol', 'otlp_http')}",
        )
        with running(launch) as service:
            say(f"traffic for {given.seconds} s ...")
            order = Order("steady", duration=given.seconds, rate=given.rate, seed=3)
            report = send(service.gateway_url, order)
            by_job = _series(stack)
            memory = _memory(stack)
    say("writing blocks ...")
    data = folder / "state" / "data" / "prometheus"
    samples, series, chunks, index = _blocks(data, folder, interval)
    sent = sum(report.requests.values()) / report.seconds * DAY
    return Found(by_job, sent, samples, series, chunks, index, memory)


def _series(stack: RunningStack) -> dict[str, int]:
    url = f"http://127.0.0.1:{stack.port('prometheus', 'http')}/api/v1/query"
    query = {"query": 'count by (job) ({__name__=~".+"})'}
    answer = httpx.get(url, params=query, timeout=30, trust_env=False).json()
    return {
        # Recorded series have the labels of what they were computed from, or none.
        series["metric"].get("job", "recording rules"): int(series["value"][1])
        for series in answer["data"]["result"]
    }


def _memory(stack: RunningStack) -> float:
    pid = Supervisor(stack.layout).processes()["prometheus"].pid
    return memory_mib(pid, "VmRSS")


def _blocks(data: Path, folder: Path, interval: int) -> tuple[int, int, int, int]:
    """Return samples, series, and bytes of chunks and of indices of the samples as blocks."""
    promtool = resolve_binary("promtool", ROOT)
    dumped, spaced, out = folder / "dump.om", folder / "spaced.om", folder / "blocks"
    with dumped.open("wb") as target:
        subprocess.run([promtool, "tsdb", "dump-openmetrics", data], stdout=target, check=True)
    samples, series, first = 0, set(), None
    with dumped.open() as source, spaced.open("w") as target:
        for line in source:
            found = _SAMPLE.match(line)
            if found is None:
                continue
            name, value, second, milli = found.groups()
            first = int(second) if first is None else min(first, int(second))
            # The jitter of a scrape stays what it is.
            moved = first + (int(second) - first) * interval
            target.write(f"{name} {value} {moved}.{milli}\n")
            samples += 1
            series.add(name)
        target.write("# EOF\n")
    command = [promtool, "tsdb", "create-blocks-from", "openmetrics", "--quiet", spaced, out]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    chunks = sum(file.stat().st_size for file in out.glob("*/chunks/*"))
    indices = [file.stat().st_size for file in out.glob("*/index")]
    # The largest block has every series.
    return samples, len(series), chunks, max(indices)


def _page(given: argparse.Namespace, model: Model, found: Found) -> Page:
    interval = seconds(model.spec.scrape.interval)
    load = Load.of(model, found.requests_per_day)
    row = next(need for need in estimate(model, load) if need.component == "prometheus")
    measured_day = found.per_day(interval)
    per_series = measured_day / found.series
    estimated_series = row.disk_per_day / (DAY / interval) / 2.0
    jobs = Table("Series by scrape job", ["job", "series"])
    for job, count in sorted(found.by_job.items()):
        jobs.rows.append([f"`{job}`", f"{count:,}"])
    jobs.rows.append(["all", f"{sum(found.by_job.values()):,}"])
    sizes = Table(
        f"Against the estimate ({found.requests_per_day:,.0f} requests a day)",
        ["", "measured", "`imsobs estimate`"],
        [
            ["series", f"{found.series:,}", f"{estimated_series:,.0f} (the spec's bound)"],
            ["bytes per sample, index left out", f"{found.per_sample:.2f}", "2 (index included)"],
            [
                "disk a day and series, kB",
                f"{per_series / 1e3:.1f}",
                f"{DAY / interval * 2 / 1e3:.1f}",
            ],
            ["disk a day, MB", f"{measured_day / 1e6:.1f}", f"{row.disk_per_day / 1e6:.1f}"],
            [
                "memory of Prometheus, MiB",
                f"{found.memory_mib:.0f}",
                f"{row.memory / 2**20:.0f}",
            ],
        ],
        note=f"A day is {DAY // interval:,} samples a series (every {interval} s)."
        " Measured: chunks, and an index in each of the day's twelve blocks of two hours;"
        " compaction into larger ones makes it less. The estimate's series are the most"
        " that the spec allows, all label values of all metrics.",
    )
    goals = [
        Goal(
            "no more series than the spec allows",
            f"{found.series:,} of {estimated_series:,.0f}",
            found.series <= estimated_series,
        ),
        Goal(
            "no more bytes a day than estimated",
            f"{measured_day / 1e6:.1f} of {row.disk_per_day / 1e6:.1f} MB",
            measured_day <= row.disk_per_day,
        ),
    ]
    return Page(
        "series",
        "Benchmark: Prometheus",
        __doc__ or "",
        components("otelcol", "prometheus"),
        [sizes, jobs],
        goals,
        {**asdict(found), "estimated_bytes_per_day": row.disk_per_day},
        {"seconds": given.seconds, "scenarios per second": given.rate},
    )


if __name__ == "__main__":
    main()
