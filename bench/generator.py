"""Generator: `imsobs render` of the spec at its size, ten times and a hundred times it.

Metrics, events, alerts, objectives and dashboards are there again and again under other
names; labels, prices and the stack stay. Cold: no file of the output, no compiled Python and
no compiled template is there. Warm: everything is, and nothing changes. Beside it go-jsonnet
renders a mixin (bench/mixin) of as many alerts, recording rules, dashboards and panels; it
checks nothing and writes no Collector configuration, no runbooks and no reference pages.

    python -m bench.generator
    python -m bench.generator --sizes 1 10
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.grown import write_grown
from bench.harness import ROOT, alternate, measured, say, spread
from bench.project import SPEC, packages
from bench.report import Goal, Page, Table, write
from imsobs.compile import read_spec

JSONNET = "github.com/google/go-jsonnet/cmd/jsonnet"
JSONNET_VERSION = "0.22.0"
# "Linear": so many times the size cost at most this many times as much, per size.
GOAL_GROWTH = 1.5
_MIXIN = ROOT / "bench" / "mixin" / "files.jsonnet"


@dataclass(frozen=True)
class Sample:
    """One rendering. seconds: from start to end; cpu: seconds of all its threads."""

    seconds: float
    cpu: float
    memory: float
    bytes: int
    files: int


def main() -> None:
    """Run the benchmark and write its page."""
    parser = argparse.ArgumentParser(prog="python -m bench.generator", description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1, 10, 100])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--jsonnet", type=Path, help="binary of go-jsonnet; built when left out")
    parser.add_argument("--out", type=Path, help="folder of the results")
    given = parser.parse_args()
    with measured() as run, tempfile.TemporaryDirectory() as folder:
        page = _benchmark(given, Path(folder))
    write(page, run, given.out)


def _benchmark(given: argparse.Namespace, folder: Path) -> Page:
    jsonnet = given.jsonnet or _built(folder)
    runs: dict[str, Callable[[], Sample]] = {}
    sizes: dict[int, tuple[int, int]] = {}
    counts = _counts()
    for times in given.sizes:
        place = folder / f"x{times}"
        overlays = write_grown(place, times)
        spec = [place / "spec" / "ims.yaml", *overlays]
        sizes[times] = (sum(file.stat().st_size for file in spec), len(overlays) + 1)
        runs[f"{times}/cold"] = lambda place=place, files=overlays: _cold(place, files)
        runs[f"{times}/warm"] = lambda place=place, files=overlays: _render(place, files)
        runs[f"{times}/jsonnet"] = lambda place=place, times=times: _jsonnet(
            jsonnet, place, times, counts
        )
    # From now on compiled Python and compiled templates are there.
    runs[f"{given.sizes[0]}/warm"]()
    samples = alternate({k: v for k, v in runs.items() if not k.startswith("100/")}, given.rounds)
    # The largest takes long: fewer rounds.
    samples |= alternate(
        {k: v for k, v in runs.items() if k.startswith("100/")}, min(2, given.rounds)
    )
    return _page(given, samples, sizes, counts)


def _counts() -> dict[str, int]:
    """Return how much a mixin of the spec's size has of everything."""
    model = read_spec([SPEC]).model
    if model is None:
        raise SystemExit("the spec has problems: imsobs validate")
    dashboards = model.spec.dashboards
    panels = sum(len(row) for board in dashboards.values() for row in board.rows.values())
    return {
        "alerts": len(model.alerts),
        "records": len([m for m in model.metrics.values() if m.kind.recorded])
        + len(model.spec.rules),
        "dashboards": len(dashboards),
        "panels": round(panels / len(dashboards)),
    }


def _built(folder: Path) -> Path:
    say("building go-jsonnet ...")
    command = ["go", "install", f"{JSONNET}@v{JSONNET_VERSION}"]
    subprocess.run(command, env={**os.environ, "GOBIN": str(folder)}, check=True)
    return folder / "jsonnet"


def _cold(place: Path, overlays: Sequence[Path]) -> Sample:
    shutil.rmtree(place / "out", ignore_errors=True)
    with tempfile.TemporaryDirectory() as empty:
        caches = {"PYTHONPYCACHEPREFIX": empty, "XDG_CACHE_HOME": empty}
        return _render(place, overlays, caches)


def _render(place: Path, overlays: Sequence[Path], env: dict[str, str] | None = None) -> Sample:
    options = [part for file in overlays for part in ("--overlay", str(file))]
    out = place / "out"
    command = [
        *(str(Path(sys.executable).with_name("imsobs")), "render", "--root", str(place)),
        *("--out", str(out), *options),
    ]
    return _timed(command, out, env)


def _jsonnet(binary: Path, place: Path, times: int, counts: dict[str, int]) -> Sample:
    out = place / "jsonnet"
    command = [str(binary), "--multi", str(out), "--create-output-dirs"]
    for name, count in counts.items():
        wanted = count if name == "panels" else count * times
        command += ["--tla-code", f"{name}={wanted}"]
    return _timed([*command, str(_MIXIN)], out)


def _timed(command: Sequence[str], out: Path, env: dict[str, str] | None = None) -> Sample:
    # Python that may not keep what it compiled is never warm.
    outer = {key: text for key, text in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    started = time.monotonic()
    process = subprocess.Popen(command, env={**outer, **(env or {})}, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    taken = time.monotonic() - started
    if process.returncode != 0:
        raise SystemExit(f"exit code {process.returncode}: {' '.join(command)}")
    files = [file.stat().st_size for file in out.rglob("*") if file.is_file()]
    cpu = usage.ru_utime + usage.ru_stime
    return Sample(taken, cpu, usage.ru_maxrss / 1024, sum(files), len(files))


def _page(
    given: argparse.Namespace,
    samples: dict[str, list[Sample]],
    sizes: dict[int, tuple[int, int]],
    counts: dict[str, int],
) -> Page:
    table = Table(
        "Rendering",
        ["size", "what", "seconds", "CPU seconds", "memory MiB", "files", "MB written"],
        note="Input: "
        + ", ".join(f"{times}x is {size / 1e6:.2f} MB" for times, (size, _) in sizes.items())
        + ". The mixin at 1x: "
        + ", ".join(f"{count} {name}" for name, count in counts.items())
        + " per dashboard. No memory below that of the benchmark itself, which a child begins with,"
        " can be seen.",
    )
    cpu = {}
    for name, found in samples.items():
        times, what = name.split("/")
        cpu[name] = spread([sample.cpu for sample in found])
        shown = {"cold": "`imsobs render`, cold", "warm": "`imsobs render`, warm"}
        table.rows.append(
            [
                f"{times}x",
                shown.get(what, "go-jsonnet, mixin"),
                spread([sample.seconds for sample in found]).show(2),
                cpu[name].show(2),
                spread([sample.memory for sample in found]).show(0),
                f"{found[0].files:,}",
                f"{found[0].bytes / 1e6:.2f}",
            ]
        )
    goals = []
    for times in given.sizes:
        ours, theirs = cpu[f"{times}/warm"], cpu[f"{times}/jsonnet"]
        goals.append(
            Goal(
                f"{times}x for no more CPU than go-jsonnet takes",
                f"{ours.show(2)} s CPU against {theirs.show(2)} s",
                ours.median <= theirs.median,
            )
        )
    ordered = sorted(times for times in given.sizes if times > 1)
    if len(ordered) > 1:
        small, large = ordered[0], ordered[-1]
        growth = cpu[f"{large}/warm"].median / cpu[f"{small}/warm"].median
        goals.append(
            Goal(
                f"linear growth from {small}x to {large}x",
                f"{growth:.1f} times the CPU for {large / small:g} times the size",
                growth <= large / small * GOAL_GROWTH,
            )
        )
    return Page(
        "generator",
        "Benchmark: generator",
        __doc__ or "",
        {**packages("pydantic", "jinja2", "pyyaml"), "go-jsonnet": JSONNET_VERSION},
        [table],
        goals,
        {name: [vars(sample) for sample in found] for name, found in samples.items()},
        {"rounds": given.rounds},
    )


if __name__ == "__main__":
    main()
