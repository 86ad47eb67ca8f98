"""First minutes: from a clone to numbers, on a machine that has nothing and on one that has all.

Each row is `make` in a clone of the committed files, watched from outside. *Nothing there* has
empty caches: everything is downloaded, and all binaries are compiled. *Binaries there* is a second
clone on the same machine. *All there* is `make up` in a clone that is installed. A moment is when
it could be seen: Prometheus answers with the demo's requests, every required component is ready.

    python -m bench.start            # as long as a fresh machine takes, a quarter of an hour
    python -m bench.start --caches ~/fresh   # the same, and what it built is kept
    python -m bench.start --warm     # without the row that compiles, three minutes
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from bench.harness import ROOT, measured, say
from bench.project import components
from bench.report import Goal, Page, Table, write
from imsobs.runtime.process.plan import Plan, load_plan

_EVERY_SECONDS = 0.5
_LONGEST_SECONDS = 3600.0
_REQUESTS = "ims_requests_total"
_MOMENTS = ("installed", "counting", "first numbers", "everything", "ended")


@dataclass
class Start:
    """When what could be seen first, in seconds since the command."""

    command: str
    moments: dict[str, float] = field(default_factory=dict)


def main() -> None:
    """Run the benchmark and write its page."""
    parser = argparse.ArgumentParser(prog="python -m bench.start", description=__doc__)
    parser.add_argument("--warm", action="store_true", help="leave out the row that compiles")
    parser.add_argument("--caches", type=Path, help="an empty folder for the caches, which is kept")
    parser.add_argument("--out", type=Path, help="folder of the results")
    given = parser.parse_args()
    with measured() as run, tempfile.TemporaryDirectory(prefix="start-") as folder:
        caches = None if given.warm else _empty(given.caches or Path(folder) / "caches")
        page = _benchmark(Path(folder), caches)
    write(page, run, given.out)


def _benchmark(folder: Path, caches: Path | None) -> Page:
    """Measure with empty caches, which the rows that follow find filled, or with the user's."""
    plan = load_plan(ROOT)
    _refuse_a_running_stack(plan)
    found: dict[str, Start] = {}
    own: dict[str, str] = {}
    if caches is not None:
        own = {"XDG_CACHE_HOME": str(caches), "GOMODCACHE": str(caches / "modules")}
        found["nothing there"] = _start(_clone(folder / "cold"), "demo", plan, own)
    clone = _clone(folder / "warm")
    found["binaries there"] = _start(clone, "demo", plan, own)
    found["all there"] = _start(clone, "up", plan, own)
    if caches is not None:
        _writable(caches)
    return _page(found)


def _empty(caches: Path) -> Path:
    caches.mkdir(parents=True, exist_ok=True)
    if any(caches.iterdir()):
        raise SystemExit(f"{caches} is not empty: the first row starts with nothing")
    return caches.resolve()


def _refuse_a_running_stack(plan: Plan) -> None:
    for name, process in plan.processes.items():
        if _answers(process.ready):
            raise SystemExit(f"{name} or another program answers at {process.ready}: make down")


def _clone(folder: Path) -> Path:
    subprocess.run(["git", "clone", "-q", ROOT, folder], check=True)
    return folder


def _start(root: Path, target: str, plan: Plan, environment: dict[str, str]) -> Start:
    """Run a target of the Makefile, note when what is seen, and stop what it started."""
    say(f"make {target} in {root.name} ...")
    start = Start(f"make {target}")
    looks = _looks(root, target, plan)
    log = root.with_suffix(f".{target}.log")
    began = time.monotonic()
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["make", target],
            cwd=root,
            env={**os.environ, **environment},
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        while looks or "ended" not in start.moments:
            code, seconds = process.poll(), time.monotonic() - began
            seen = [name for name, look in looks.items() if look()]
            for moment in [*seen, *(["ended"] if code == 0 else [])]:
                looks.pop(moment, None)
                if moment not in start.moments:
                    start.moments[moment] = seconds
                    say(f"  {moment}: {seconds:.0f} s")
            if code not in (None, 0) or seconds > _LONGEST_SECONDS:
                raise SystemExit(f"make {target}: {log.read_text('utf-8', 'replace')[-2000:]}")
            time.sleep(_EVERY_SECONDS)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait()
        subprocess.run(["make", "down"], cwd=root, capture_output=True, check=False)
    return start


def _looks(root: Path, target: str, plan: Plan) -> dict[str, Callable[[], bool]]:
    """Return moment -> whether it has come."""
    ready = {
        name: process.ready
        for name, process in plan.processes.items()
        if not plan.components[process.component].optional
    }
    looks: dict[str, Callable[[], bool]] = {
        "installed": (root / ".venv" / ".installed").exists,
        "counting": lambda: _answers(ready["otelcol"]) and _answers(ready["prometheus"]),
        "everything": lambda: all(map(_answers, ready.values())),
    }
    if target == "demo":
        looks["first numbers"] = lambda: _counted(plan.api.prometheus)
    return looks


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, trust_env=False, timeout=2).is_success
    except httpx.HTTPError:
        return False


def _counted(prometheus: str) -> bool:
    """Whether Prometheus has counted a request."""
    asked = {"query": f"sum({_REQUESTS}) > 0"}
    try:
        answer = httpx.get(f"{prometheus}/api/v1/query", params=asked, trust_env=False, timeout=2)
        return bool(answer.is_success and answer.json()["data"]["result"])
    except httpx.HTTPError:
        return False


def _writable(caches: Path) -> None:
    """Let the caches be removed: Go makes the folders of its modules read-only."""
    for path in caches.rglob("*"):
        if path.is_dir() and not path.is_symlink():
            path.chmod(0o700)


def _page(found: dict[str, Start]) -> Page:
    table = Table(
        "Seconds from the command to what could be seen",
        ["what was there", "command", *_MOMENTS],
        note="installed: the locked Python packages. counting: the Collector and Prometheus are"
        " ready. first numbers: Prometheus answers with requests of the demo. everything: every"
        " required component is ready. ended: the command came back; a demo sends its traffic for"
        " 70 s at least.",
    )
    for name, start in found.items():
        seen = [f"{start.moments[m]:.0f}" if m in start.moments else "-" for m in _MOMENTS]
        table.rows.append([name, f"`{start.command}`", *seen])
    goals: list[Goal] = []

    def goal(text: str, row: str, moment: str, most: float) -> None:
        if row in found:
            seconds = found[row].moments[moment]
            goals.append(Goal(text, f"{seconds:.0f} s", seconds <= most))

    goal("a fresh machine: first numbers within 5 minutes", "nothing there", "first numbers", 300)
    goal("a fresh machine: everything within 10 minutes", "nothing there", "everything", 600)
    goal("binaries there: first numbers within a minute", "binaries there", "first numbers", 60)
    goal("all there: the stack is up within 15 seconds", "all there", "everything", 15)
    return Page(
        "start",
        "Benchmark: first minutes",
        __doc__ or "",
        components("otelcol", "prometheus", "alertmanager", "jaeger"),
        [table],
        goals,
        {name: {"moments": start.moments} for name, start in found.items()},
    )


if __name__ == "__main__":
    main()
