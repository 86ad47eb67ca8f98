"""The stack commands: modes, exit codes, what is printed where."""

from __future__ import annotations

import json
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
from native_fakes import Notes, Project, executable, make_project, path_with
from rich.console import Console
from typer.testing import CliRunner

from imsobs.cli import stack as stack_commands
from imsobs.cli.app import app
from imsobs.errors import ImsobsError
from imsobs.runtime.docker import find_docker, recorded_mode
from imsobs.runtime.process.daemon import end_leftovers
from imsobs.runtime.progress import ConsoleProgress, GoReader

DOCKER = """#!/bin/sh
echo "$@" >> "$(dirname "$0")/docker.log"
case "$1 $2" in
  "version --format") echo 28.2.2 ;;
  "compose version") echo 2.40.0 ;;
esac
"""
assert stack_commands


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    made = make_project(tmp_path)
    monkeypatch.setenv("PATH", path_with(made.bin))
    monkeypatch.setenv("IMSOBS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("IMSOBS_STATE", str(made.layout.state))
    monkeypatch.setenv("IMSOBS_ROOT", str(tmp_path))
    monkeypatch.setenv("GRAFANA_ADMIN_PASSWORD", "for-tests")
    made.plan()
    yield made
    end_leftovers(made.layout, 0)


def run(*args: str) -> tuple[int, str, str]:
    """Return exit code, standard output and standard error; let ImsobsError through."""
    result = CliRunner().invoke(app, list(args))
    if isinstance(result.exception, ImsobsError):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


def test_up_status_logs_down(project: Project) -> None:
    code, out, err = run("up", "--mode", "native")
    assert "started: alpha, beta" in err
    assert f"http://127.0.0.1:{project.port('alpha')}" in out
    assert recorded_mode(project.layout) == "native"
    code, out, _ = run("status", "--format", "json")
    data = json.loads(out)
    assert code == 1  # no Prometheus in this stack
    assert data["mode"] == "native"
    assert [row["healthy"] for row in data["components"]] == [True, True]
    assert run("logs", "alpha", "-n", "5")[1].startswith("serving ")
    with pytest.raises(ImsobsError, match='no process "gamma"; available: alpha, beta'):
        run("logs", "gamma")
    with pytest.raises(ImsobsError, match="the stack is up in native mode"):
        run("up", "--mode", "docker")
    assert "unchanged: alpha, beta" in run("up")[2]
    assert run("down") == (0, "", "ok the stack is down\n")
    assert run("down") == (0, "", "ok nothing was running\n")


def test_destroy_asks_first(project: Project) -> None:
    data = project.layout.state / "data" / "alpha"
    data.mkdir(parents=True)
    assert run("destroy")[0] == 1
    assert data.exists()
    assert "its data is deleted" in run("destroy", "--yes")[2]
    assert not data.exists()


def test_binaries_are_listed(project: Project) -> None:
    _, out, _ = run("binaries", "alpha", "loki")
    assert out == f"alpha 1.2.3 PATH {project.bin}/alpha\n"
    assert json.loads(run("binaries", "--format", "json")[1])["beta"]["source"] == "PATH"


def test_what_only_more_than_one_machine_wants_is_built_on_request(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    build = {"kind": "go-install", "package": "example.com/tool"}
    project.shipped["tools"] = {
        "large": {"version": "1.2.3", "optional": True, "scale": True, "build": build},
        "other": {"version": "1.2.3", "optional": True, "build": build},
    }
    project.plan()
    monkeypatch.setattr(
        "imsobs.runtime.build.binaries.build_component",
        lambda plan, root, cache, name, progress: Path("/built") / name,
    )
    assert "large" not in run("binaries")[1]
    found = run("binaries", "--scale")[1]
    assert "large 1.2.3 built /built/large\n" in found
    assert "alpha 1.2.3 PATH" in found
    assert "other" not in found
    found = run("binaries", "alpha", "--scale")[1]
    assert [line.split()[0] for line in found.splitlines()] == ["alpha", "large"]


def test_docker_is_used_when_it_can_be(project: Project) -> None:
    executable(project.bin / "docker", DOCKER)
    assert find_docker().usable
    _, _, err = run("up")
    assert "mode: docker (engine 28.2.2, compose 2.40.0)" in err
    assert recorded_mode(project.layout) == "docker"
    with pytest.raises(ImsobsError, match="the stack is up in docker mode"):
        run("up", "--mode", "native")
    assert "the stack is down" in run("destroy", "--yes")[2]
    asked = (project.bin / "docker.log").read_text(encoding="utf-8")
    compose = f"compose -f {project.root}/stack/compose.yaml --env-file /dev/null"
    assert f"{compose} up --detach --wait --remove-orphans" in asked
    profiles = "--profile promtail --profile demo"
    assert f"{compose} {profiles} down --remove-orphans --volumes" in asked


def test_docker_without_compose_is_told(project: Project) -> None:
    executable(project.bin / "docker", DOCKER.replace('"compose version") echo 2.40.0', "x) x"))
    assert find_docker().why == "docker has no compose plugin"
    with pytest.raises(ImsobsError, match="docker has no compose plugin") as caught:
        run("up", "--mode", "docker")
    assert caught.value.remedy == "start Docker, or use --mode native"


def test_a_failing_compose_shows_its_last_line_and_log(project: Project) -> None:
    taken = 'case "$*" in *" up "*) echo "port is taken" >&2; exit 1 ;; esac'
    failing = DOCKER.replace('case "$1 $2"', f'{taken}\ncase "$1 $2"')
    executable(project.bin / "docker", failing)
    with pytest.raises(ImsobsError, match="docker compose up failed: port is taken") as caught:
        run("up", "--mode", "docker")
    assert caught.value.log is not None
    assert caught.value.log.is_file()


def test_doctor_exits_3_when_something_needs_fixing(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, out, _ = run("doctor", "--format", "json")
    assert (code, json.loads(out)["ok"]) == (0, True)
    monkeypatch.setenv("IMSOBS_ALPHA_BIN", "/gone")
    code, out, _ = run("doctor")
    assert code == 3
    assert "IMSOBS_ALPHA_BIN=/gone is not an executable file" in out


def test_progress_tells_what_go_is_doing() -> None:
    class Last(Notes):
        now = ""

        def doing(self, text: str) -> None:
            self.now = text

    last = Last()
    reader = GoReader("otelcol", last)
    reader.line("go: downloading k8s.io/client-go v0.34.1")
    assert last.now.endswith("(1 modules, 0 packages) downloading k8s.io/client-go v0.34.1")
    reader.line("k8s.io/client-go/rest")
    assert last.now == (
        "building otelcol 0:00 (1 modules, 1 packages) compiled k8s.io/client-go/rest"
    )


def test_plain_progress_speaks_rarely() -> None:
    out = StringIO()
    console = Console(width=80, file=out)
    progress = ConsoleProgress(console, live=False)
    progress.doing("building [x]")
    progress.note("built [x]")
    assert out.getvalue() == "built [x]\n"
