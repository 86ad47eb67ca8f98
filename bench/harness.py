"""What every benchmark shares: alternating rounds, medians with spread, the machine's noise.

All scenarios of a table are measured in one run, in turns, every other round in reverse
order, so that what else happens on the machine falls on all of them alike.
"""

from __future__ import annotations

import os
import platform
import resource
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = ROOT / "examples"
Sample = TypeVar("Sample")
_TICKS = os.sysconf("SC_CLK_TCK")


def say(text: str) -> None:
    """Print progress to standard error."""
    print(text, file=sys.stderr, flush=True)


@dataclass(frozen=True)
class Spread:
    """Median of the rounds, with the smallest and the largest."""

    median: float
    low: float
    high: float
    rounds: int

    def show(self, digits: int = 1) -> str:
        """Return ``12.3 (11.0-14.2)``."""
        if self.rounds == 1:
            return f"{self.median:,.{digits}f}"
        return f"{self.median:,.{digits}f} ({self.low:,.{digits}f}-{self.high:,.{digits}f})"


def spread(values: Sequence[float]) -> Spread:
    """Return the spread of at least one value."""
    return Spread(statistics.median(values), min(values), max(values), len(values))


def percentile(ordered: Sequence[float], share: float) -> float:
    """Return the value that ``share`` (0-1) of the sorted values do not exceed."""
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def alternate(
    scenarios: Mapping[str, Callable[[], Sample]], rounds: int
) -> dict[str, list[Sample]]:
    """Run every scenario ``rounds`` times, in turns; return name -> samples."""
    found: dict[str, list[Sample]] = {name: [] for name in scenarios}
    for number in range(rounds):
        names = list(scenarios)
        for name in names if number % 2 == 0 else reversed(names):
            started = time.monotonic()
            found[name].append(scenarios[name]())
            say(f"  round {number + 1}/{rounds} {name}: {time.monotonic() - started:.1f} s")
    return found


@dataclass
class Noise:
    """What else the machine did during a run. busy: cores that others kept busy, on average."""

    load_before: float = 0.0
    load_after: float = 0.0
    busy: float = 0.0
    seconds: float = 0.0


@dataclass
class Run:
    """One run of a benchmark: when, how long, and beside what."""

    started: str = ""
    noise: Noise = field(default_factory=Noise)


@contextmanager
def measured() -> Iterator[Run]:
    """Time a run, and return what others used of the machine meanwhile."""
    run = Run(time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()))
    run.noise.load_before = os.getloadavg()[0]
    started, busy, own = time.monotonic(), _busy_seconds(), _own_seconds()
    yield run
    seconds = time.monotonic() - started
    others = (_busy_seconds() - busy) - (_own_seconds() - own)
    run.noise.load_after = os.getloadavg()[0]
    run.noise.busy = max(0.0, others / seconds)
    run.noise.seconds = seconds


def _busy_seconds() -> float:
    """CPU seconds that all cores have spent on anything since the machine started."""
    fields = Path("/proc/stat").read_text().splitlines()[0].split()[1:9]
    user, nice, system, _idle, _wait, irq, softirq, steal = map(int, fields)
    return (user + nice + system + irq + softirq + steal) / _TICKS


def _own_seconds() -> float:
    """CPU seconds of this process and of its children that have ended."""
    spent = 0.0
    for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN):
        usage = resource.getrusage(who)
        spent += usage.ru_utime + usage.ru_stime
    return spent


def cpu_seconds(pid: int) -> float:
    """Return the CPU seconds that a running process has used."""
    text = Path(f"/proc/{pid}/stat").read_text()
    fields = text.rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def memory_mib(pid: int, key: str = "VmHWM") -> float:
    """Return the peak (``VmHWM``) or present (``VmRSS``) resident memory of a process."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{key}:"):
            return int(line.split()[1]) / 1024
    raise KeyError(key)


def machine() -> dict[str, Any]:
    """Return what the figures depend on: processor, cores, memory, kernel, Python."""
    model, memory = "unknown", 0.0
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemTotal"):
            memory = int(line.split()[1]) / 2**20
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "memory_gib": round(memory, 1),
        "kernel": platform.release().split("-")[0],
        "python": platform.python_version(),
    }
