"""Reload: hand changed configuration to what runs, without a restart where that is possible.

The real validators are asked first; only then is a component signalled, and afterwards it is
asked whether it took the new file. In containers the validators are those of the images.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import httpx

from imsobs import artifacts
from imsobs.errors import ImsobsError
from imsobs.runtime.build.binaries import resolve_binary
from imsobs.runtime.docker import compose_configs, compose_exec, compose_signal, recorded_mode
from imsobs.runtime.loopback import loopback_client
from imsobs.runtime.paths import Layout
from imsobs.runtime.process import record
from imsobs.runtime.process.daemon import Supervisor
from imsobs.runtime.process.launch import file_digests
from imsobs.runtime.process.plan import Plan, Process
from imsobs.runtime.rules import Rule, RuleChange, difference, running_rules
from imsobs.runtime.verify import Verdict
from imsobs.runtime.verify.validators import ask

_SECONDS = 20.0
# Component -> prefix of the metrics by which it says whether it took its file.
_METRICS = {"prometheus": "prometheus", "alertmanager": "alertmanager"}
# Component -> validator in its image, on the files that are mounted there.
_JUDGES = {
    "prometheus": (
        "/bin/promtool",
        "check",
        "config",
        f"{artifacts.CONTAINER_ROOT}/{artifacts.PROMETHEUS}",
    ),
    "alertmanager": (
        "/bin/amtool",
        "check-config",
        f"{artifacts.CONTAINER_ROOT}/{artifacts.ALERTMANAGER}",
    ),
}


@dataclass(frozen=True)
class Reloaded:
    """What happened to one component.

    outcome: "unchanged", "reloaded", "rejected" (it runs on with the old file) or "restart"
    (it cannot reload: ``imsobs up`` restarts it). rules: of Prometheus, those that are not as
    they were before, as it reported them itself.
    """

    component: str
    outcome: str
    detail: str
    rules: tuple[RuleChange, ...] = ()


def run_validator(name: str, root: Path) -> Verdict | None:
    """Return the validator's verdict on a component's file, None when there is no validator."""
    commands = {
        "prometheus": ("promtool", ["check", "config", artifacts.PROMETHEUS]),
        "alertmanager": ("amtool", ["check-config", artifacts.ALERTMANAGER]),
        "otelcol": ("otelcol", ["validate", "--config", artifacts.COLLECTOR]),
        "jaeger": ("jaeger", ["validate", "--config", artifacts.JAEGER]),
    }
    if name not in commands:
        return None
    tool, arguments = commands[name]
    return ask(tool, arguments[-1], [str(resolve_binary(tool, root)), *arguments], root)


def _last_success(client: httpx.Client, name: str, process: Process) -> tuple[float, bool]:
    """Return when a component last took its file (Unix time), and whether the last try did."""
    base = httpx.URL(process.ready)
    prefix = _METRICS[name]
    values = {}
    for line in client.get(f"{base.scheme}://{base.netloc.decode()}/metrics").text.splitlines():
        if line.startswith(f"{prefix}_config_last_reload"):
            metric, _, value = line.partition(" ")
            values[metric] = float(value)
    when = values.get(f"{prefix}_config_last_reload_success_timestamp_seconds", 0.0)
    return when, values.get(f"{prefix}_config_last_reload_successful", 0.0) == 1.0


def signalled(name: str, process: Process, signal: Callable[[str], None]) -> tuple[bool, str]:
    """Make a component read its file again and return whether it accepted it, with its message.

    signal: sends the process a signal by name.
    """
    way = process.reload or ""
    try:
        with loopback_client(_SECONDS) as client:
            if way.startswith("http"):
                answer = client.post(way)
                return answer.is_success, " ".join(answer.text.split())[:300]
            before, _ = _last_success(client, name, process)
            signal(way)
            deadline = time.monotonic() + _SECONDS
            while time.monotonic() < deadline:
                when, took = _last_success(client, name, process)
                if not took:
                    return False, f"it logged why: imsobs logs {name}"
                if when > before:
                    return True, ""
                time.sleep(0.2)
    except httpx.HTTPError as error:
        return False, f"does not answer ({type(error).__name__})"
    return False, f"it did not say that it took the file within {_SECONDS:.0f} s"


def _rules(plan: Plan, name: str) -> list[Rule]:
    if name != "prometheus":
        return []
    with loopback_client(_SECONDS) as client:
        return running_rules(client, plan.api.prometheus) or []


def _told(plan: Plan, name: str, signal: Callable[[str], None]) -> Reloaded:
    """Make a component read its files; return what became of its rules."""
    before = _rules(plan, name)
    took, said = signalled(name, plan.processes[name], signal)
    if not took:
        return Reloaded(name, "rejected", said)
    return Reloaded(name, "reloaded", said, tuple(difference(before, _rules(plan, name))))


def reload_all(
    plan: Plan,
    root: Path,
    loaded: Mapping[str, Mapping[str, str]],
    signal: Callable[[str, str], None],
    note: Callable[[str, dict[str, str]], None],
    *,
    force: bool = False,
) -> list[Reloaded]:
    """Reload every running component whose files changed.

    force: also those that can reload and whose files did not: somebody may have had them read
    others, and put the files back.

    loaded: component -> digests of the files that it runs with. signal: (component, signal).
    note: called with (component, digests) once a component took its files.
    """
    results = []
    for name, digests in loaded.items():
        process = plan.processes[name]
        wanted = file_digests(root, process.files)
        if wanted == digests and not (force and process.reload):
            results.append(Reloaded(name, "unchanged", ""))
            continue
        verdict = run_validator(name, root)
        if verdict is not None and not verdict.ok:
            results.append(Reloaded(name, "rejected", verdict.detail))
        elif process.reload is None:
            results.append(Reloaded(name, "restart", "it cannot reload; run imsobs up"))
        else:
            results.append(_told(plan, name, partial(signal, name)))
            if results[-1].outcome == "reloaded":
                note(name, wanted)
    return results


def _newest(root: Path, names: list[str]) -> float:
    """Return when files and folders last changed (Unix time); a folder also when a file went."""
    paths = [root / name for name in names]
    inside = (path for start in paths if start.is_dir() for path in start.rglob("*"))
    return max(path.stat().st_mtime for path in (*paths, *inside) if path.exists())


def _reload_container(name: str, plan: Plan, layout: Layout, force: bool) -> Reloaded:
    process = plan.processes[name]
    try:
        with loopback_client(_SECONDS) as client:
            loaded, _ = _last_success(client, name, process)
    except httpx.HTTPError as error:
        return Reloaded(name, "rejected", f"does not answer ({type(error).__name__})")
    if _newest(layout.root, process.files) <= loaded and not force:
        return Reloaded(name, "unchanged", "")
    accepted, said = compose_exec(layout, name, *_JUDGES[name])
    if not accepted:
        return Reloaded(name, "rejected", said)
    return _told(plan, name, partial(compose_signal, layout, name))


def reload_containers(plan: Plan, layout: Layout, *, force: bool = False) -> list[Reloaded]:
    """Reload what runs in containers and changed; raise ImsobsError when nothing runs."""
    results = []
    for name, (started, rendered) in compose_configs(layout).items():
        if started != rendered:
            results.append(Reloaded(name, "restart", "it cannot reload; run imsobs up"))
        elif name in _METRICS:
            results.append(_reload_container(name, plan, layout, force))
        else:
            results.append(Reloaded(name, "unchanged", ""))
    if not results:
        raise ImsobsError("the stack is down", remedy="imsobs up")
    return results


def reload_running(plan: Plan, layout: Layout, *, force: bool = False) -> list[Reloaded]:
    """Reload what runs, natively or in containers; raise ImsobsError when nothing does."""
    if recorded_mode(layout) == "docker":
        return reload_containers(plan, layout, force=force)
    entries = record.read_record(layout)
    supervisor = Supervisor(layout)
    if not (entries and supervisor.alive()):
        raise ImsobsError("the stack is down", remedy="imsobs up")
    loaded = {name: entry.files for name, entry in entries.items() if name in plan.processes}

    def note(name: str, digests: dict[str, str]) -> None:
        entry = record.read_record(layout)[name]
        record.note(layout, name, replace(entry, files=digests))

    return reload_all(plan, layout.root, loaded, supervisor.signal, note, force=force)
