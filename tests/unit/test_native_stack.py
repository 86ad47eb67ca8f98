"""Starting, changing and stopping the supervised stack, with fake servers."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from native_fakes import Notes, Project, executable, make_project, path_with

from imsobs.errors import ImsobsError
from imsobs.runtime.build.binaries import Binary, resolve
from imsobs.runtime.environment import BASE
from imsobs.runtime.paths import Layout, layout_for
from imsobs.runtime.process import daemon, stages
from imsobs.runtime.process.daemon import Supervisor, end_leftovers, leftovers, running
from imsobs.runtime.process.launch import prepare, supervisor_config
from imsobs.runtime.process.plan import Plan
from imsobs.runtime.process.stack import Outcome, down, running_stack, up
from imsobs.runtime.status import collect


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    made = make_project(tmp_path)
    monkeypatch.setenv("PATH", path_with(made.bin))
    monkeypatch.setenv("IMSOBS_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("IMSOBS_STATE", raising=False)
    yield made
    end_leftovers(made.layout, 0)


def bring_up(project: Project) -> Outcome:
    return up(project.plan(), project.layout, Notes())


def pids(project: Project) -> dict[str, int]:
    return {n: s.pid for n, s in Supervisor(project.layout).processes().items()}


def body(project: Project, name: str) -> str:
    return httpx.get(f"http://127.0.0.1:{project.port(name)}/", trust_env=False).text


def test_up_is_idempotent_and_down_leaves_nothing(project: Project) -> None:
    project.data["components"]["loki"]["path_names"] = ["no-such-loki"]
    project.data["processes"]["loki"] = {"component": "loki", "ready": "http://127.0.0.1:9/"}
    assert bring_up(project) == Outcome(started=("alpha", "beta"), absent=("loki",))
    before = pids(project)
    assert body(project, "alpha") == "alpha one"
    assert (project.layout.state / "data" / "beta").is_dir()
    assert bring_up(project) == Outcome(unchanged=("alpha", "beta"), absent=("loki",))
    assert pids(project) == before
    state = project.layout.state
    assert oct(state.stat().st_mode & 0o777) == oct(0o700)
    assert oct((state / "logs" / "alpha.log").stat().st_mode & 0o777) == oct(0o600)
    assert f"serving {state}" in (state / "logs" / "alpha.log").read_text(encoding="utf-8")
    assert down(project.layout, Notes()) is True
    assert not any(running(pid) for pid in before.values())
    assert not project.layout.socket.exists()
    assert leftovers(project.layout) == []
    assert down(project.layout, Notes()) is False


def _builds(
    project: Project, monkeypatch: pytest.MonkeyPatch, *missing: str
) -> list[tuple[str, set[str]]]:
    """Let binaries be missing until they are built; return (built, what ran then) as it grows."""
    built: list[tuple[str, set[str]]] = []
    real = stages.locate
    away = set(missing)

    def locate(plan: Plan, root: Path, name: str, progress: Notes) -> Binary | None:
        return None if name in away else real(plan, root, name, progress)

    def build(plan: Plan, root: Path, name: str, progress: Notes) -> Binary | None:
        if name in away:
            built.append((name, {*pids(project)} if Supervisor(project.layout).alive() else set()))
            away.discard(name)
        return real(plan, root, name, progress)

    monkeypatch.setattr(stages, "locate", locate)
    monkeypatch.setattr(stages, "resolve", build)
    monkeypatch.setattr(stages, "FIRST", ("beta",))
    return built


def test_each_component_starts_when_its_binary_is_built(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    built = _builds(project, monkeypatch, "alpha", "beta")
    assert bring_up(project) == Outcome(started=("beta", "alpha"))
    assert built == [("beta", set()), ("alpha", {"beta"})]


def test_what_is_first_is_up_without_the_rest(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    built = _builds(project, monkeypatch, "alpha", "beta")
    plan = project.plan()
    first = up(plan, project.layout, Notes(), first=True)
    assert first == Outcome(started=("beta",), later=("alpha",))
    assert bring_up(project) == Outcome(started=("alpha",), unchanged=("beta",))
    assert [name for name, _ in built] == ["beta", "alpha"]


def test_a_running_process_is_not_stopped_while_its_new_binary_is_built(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    bring_up(project)
    built = _builds(project, monkeypatch, "alpha", "beta")
    bring_up(project)
    assert built == [("beta", {"alpha", "beta"}), ("alpha", {"alpha", "beta"})]


def test_a_native_grafana_needs_its_password(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GRAFANA_ADMIN_PASSWORD", raising=False)
    project.data["components"]["grafana"] = project.data["components"].pop("beta")
    project.data["processes"]["grafana"] = project.data["processes"].pop("beta")
    project.data["processes"]["grafana"]["component"] = "grafana"
    (project.bin / "beta").rename(project.bin / "grafana")
    with pytest.raises(ImsobsError, match="GRAFANA_ADMIN_PASSWORD is not set"):
        bring_up(project)
    monkeypatch.setenv("GRAFANA_ADMIN_PASSWORD", "for-tests")
    assert bring_up(project).started == ("alpha", "grafana")


def test_only_what_changed_is_touched(project: Project) -> None:
    bring_up(project)
    before = pids(project)
    (project.root / "alpha.conf").write_text("alpha two", encoding="utf-8")
    assert bring_up(project).reloaded == ("alpha",)
    assert pids(project) == before
    assert body(project, "alpha") == "alpha two"
    (project.root / "beta.conf").write_text("beta two", encoding="utf-8")
    assert bring_up(project).restarted == ("beta",)
    assert body(project, "beta") == "beta two"
    assert pids(project)["alpha"] == before["alpha"]
    project.data["processes"]["alpha"]["env"] = {"LEVEL": "debug"}
    outcome = bring_up(project)
    assert (outcome.restarted, outcome.unchanged) == (("alpha",), ("beta",))
    del project.data["processes"]["beta"]
    assert bring_up(project).unchanged == ("alpha",)
    assert pids(project).keys() == {"alpha"}


def test_a_refused_configuration_is_told_and_the_old_one_stays(project: Project) -> None:
    bring_up(project)
    (project.root / "alpha.conf").write_text("refuse", encoding="utf-8")
    with pytest.raises(ImsobsError) as caught:
        bring_up(project)
    assert caught.value.message == (
        "alpha refused its changed configuration: HTTP 500 bad config: refuse"
    )
    assert body(project, "alpha") == "alpha one"
    (project.root / "alpha.conf").write_text("alpha three", encoding="utf-8")
    assert bring_up(project).reloaded == ("alpha",)


def test_a_taken_port_names_port_holder_and_remedy(project: Project) -> None:
    with socket.socket() as taker:
        taker.bind(("127.0.0.1", project.port("beta")))
        taker.listen()
        with pytest.raises(ImsobsError) as caught:
            bring_up(project)
    message = caught.value.message
    assert message.startswith(f"port {project.port('beta')} (beta http) is taken by ")
    assert f"(pid {os.getpid()})" in message
    assert "give beta another http port" in caught.value.remedy
    assert leftovers(project.layout) == []


def test_a_crash_at_start_is_one_line_and_the_end_of_the_log(project: Project) -> None:
    project.data["processes"]["beta"]["args"] = ["--crash"]
    with pytest.raises(ImsobsError) as caught:
        bring_up(project)
    lines = caught.value.message.splitlines()
    assert lines[0] == "beta crashed: it exits as soon as it is started"
    assert lines[-1] == "  | fatal: cannot read [config]"
    assert caught.value.log == project.layout.log_of("beta")
    problems = collect(project.plan(), project.layout).problems
    assert any(line.startswith("beta is not healthy") for line in problems)
    alpha = pids(project)["alpha"]
    project.data["processes"]["beta"]["args"] = [str(project.port("beta")), "beta.conf"]
    assert bring_up(project).started == ("beta",)
    assert pids(project)["alpha"] == alpha


def test_a_process_that_never_gets_ready_is_told(project: Project) -> None:
    project.data["processes"]["beta"]["ready_seconds"] = 3
    (project.root / "beta.conf").write_text("unready", encoding="utf-8")
    with pytest.raises(ImsobsError) as caught:
        bring_up(project)
    ready = project.data["processes"]["beta"]["ready"]
    assert caught.value.message == (f"beta is not ready after 3 s: {ready}: HTTP 503 warming up")


def test_a_killed_process_comes_back(project: Project) -> None:
    bring_up(project)
    time.sleep(1.1)  # the supervisor counts an exit within its first second as a failed start
    first = pids(project)["alpha"]
    os.kill(first, signal.SIGKILL)
    deadline = time.monotonic() + 60
    while pids(project)["alpha"] in (0, first) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert pids(project)["alpha"] not in (0, first)
    assert bring_up(project).unchanged == ("alpha", "beta")


def test_what_a_lost_supervisor_left_behind_is_ended(project: Project) -> None:
    bring_up(project)
    orphans = pids(project)
    os.kill(int(project.layout.pid_file.read_text()), signal.SIGKILL)
    outcome = bring_up(project)
    assert outcome.started == ("alpha", "beta")
    assert not any(running(pid) for pid in orphans.values())
    os.kill(int(project.layout.pid_file.read_text()), signal.SIGKILL)
    assert down(project.layout, Notes()) is True
    assert leftovers(project.layout) == []


def test_a_supervisor_that_hangs_is_given_up(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(daemon, "_CALL_SECONDS", 0.2)
    project.layout.make()
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(project.layout.socket))
        silent.listen()
        assert not Supervisor(project.layout).alive()
        with pytest.raises(daemon.SupervisorGone, match="TimeoutError"):
            Supervisor(project.layout).processes()


def test_a_deleted_state_folder_hides_nothing(project: Project) -> None:
    bring_up(project)
    shutil.rmtree(project.layout.state)
    assert down(project.layout, Notes()) is True
    assert leftovers(project.layout) == []


def test_purge_deletes_data_and_logs_and_nothing_else(project: Project) -> None:
    bring_up(project)
    (project.root / "kept").mkdir()
    project.data["processes"]["alpha"]["dirs"].append("kept")
    (project.layout.state / "mine.txt").write_text("kept", encoding="utf-8")
    down(project.layout, Notes(), purge=project.plan())
    assert not (project.layout.state / "data" / "alpha").exists()
    assert not project.layout.logs.exists()
    assert (project.layout.state / "mine.txt").exists()
    assert (project.root / "kept").is_dir()


def test_a_stack_for_a_test(project: Project) -> None:
    project.plan()
    with running_stack(project.root, project.layout.state, only=("beta",)) as stack:
        assert stack.port("beta", "http") == project.port("beta")
        assert "serving" in stack.log("beta")
        assert pids(project).keys() == {"beta"}
    assert leftovers(project.layout) == []


def test_a_long_state_path_still_gets_a_socket(tmp_path: Path) -> None:
    layout = Layout(tmp_path, tmp_path / ("deep" * 30))
    layout.make()
    assert len(str(layout.socket)) < 92
    assert layout.socket.parent.stat().st_mode & 0o777 == 0o700
    layout.socket.parent.rmdir()


SHOW = """#!/bin/sh
printf '<%s>' "$@" "$NOTE" "$DATA"
"""


def test_arguments_survive_the_shell_and_the_supervisor(project: Project) -> None:
    odd = ["a b", "it's", 'say "x"', "50%", "a ;b", "$HOME `id`", "two\nlines"]
    process = project.data["processes"]["alpha"]
    process["args"] = odd
    process["args_with"] = {"beta": ["--with-beta"], "loki": ["--with-loki"]}
    process["args_without"] = {"beta": ["--no-beta"], "loki": ["--no-loki"]}
    process["env"] = {"NOTE": "100% 'sure'", "DATA": "${IMSOBS_STATE}/data"}
    plan = project.plan()
    components = [process.component for process in plan.processes.values()]
    binaries = {name: resolve(plan, project.root, name, Notes()) for name in components}
    launches = prepare(plan, project.layout, binaries)
    # In the place of the program: what it is given, and what it sees of the environment.
    show = executable(project.bin / "alpha", SHOW)
    said = subprocess.run(
        ["/bin/sh", "-c", launches["alpha"].script], capture_output=True, text=True, check=True
    ).stdout
    expected = [*odd, "--with-beta", "--no-loki", "100% 'sure'", f"{project.layout.state}/data"]
    assert said == "".join(f"<{text}>" for text in expected), show
    assert "sure" not in supervisor_config(project.layout, launches)


def environment_of(pid: int) -> dict[str, str]:
    pairs = (Path("/proc") / str(pid) / "environ").read_text(encoding="utf-8").split("\0")
    return dict(pair.split("=", 1) for pair in pairs if "=" in pair)


def test_processes_see_what_they_need_of_the_environment_and_nothing_else(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_SECRET_ACCESS_KEY", "OPENAI_API_KEY", "HTTPS_PROXY", "IMSOBS_OTLP_TOKEN"):
        monkeypatch.setenv(name, "canary")
    monkeypatch.setenv("IMSOBS_ENVIRONMENT", "staging")
    project.data["processes"]["alpha"]["reads"] = ["IMSOBS_ENVIRONMENT"]
    bring_up(project)
    supervisor = int(project.layout.pid_file.read_text())
    alpha, beta = (environment_of(pids(project)[name]) for name in ("alpha", "beta"))
    assert alpha["IMSOBS_ENVIRONMENT"] == "staging"
    assert "IMSOBS_ENVIRONMENT" not in beta
    for seen in (alpha, beta, environment_of(supervisor)):
        assert "canary" not in seen.values()
    allowed = {*BASE, "HOME", "IMSOBS_ROOT", "IMSOBS_STATE", "IMSOBS_PROCESS"}
    # What the supervisor says of itself to its children ends at env -i.
    assert set(beta) <= allowed
    monkeypatch.setenv("IMSOBS_ENVIRONMENT", "production")
    assert bring_up(project).restarted == ("alpha",)


@pytest.mark.parametrize("name", ["AWS_SECRET_ACCESS_KEY", "LD_PRELOAD", "PATH", "ims_x"])
def test_a_plan_cannot_ask_for_other_variables(project: Project, name: str) -> None:
    project.data["processes"]["alpha"]["reads"] = [name]
    with pytest.raises(ImsobsError, match=r"processes\.alpha\.reads"):
        project.plan()


def test_a_plan_cannot_make_folders_outside_of_the_state(project: Project) -> None:
    for folder in ("${IMSOBS_STATE}/../outside", "/tmp/imsobs-outside", "outside"):
        project.data["processes"]["alpha"]["dirs"] = [folder]
        with pytest.raises(ImsobsError, match="is not below"):
            bring_up(project)
    assert not (project.root / "outside").exists()


def test_the_state_folder_can_be_chosen(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    project.plan()
    inner = project.root / "inner"
    inner.mkdir()
    monkeypatch.chdir(inner)
    assert layout_for().root == project.root.resolve()
    assert layout_for().state == project.root.resolve() / ".imsobs"
    monkeypatch.setenv("IMSOBS_STATE", str(project.root / "elsewhere"))
    assert layout_for().state == (project.root / "elsewhere").resolve()
