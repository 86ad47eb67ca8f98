"""The Action, the job of GitLab and the hooks: what they declare is run as their hosts do."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import mistakes
import pytest
import yaml
from forge import Api, served

ROOT = Path(__file__).resolve().parents[2]
ACTION = yaml.safe_load((ROOT / "action.yaml").read_text())
JOB = yaml.safe_load((ROOT / "docs/guide/ci/gitlab.yaml").read_text())["imsobs"]
HOOKS = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
BIN = Path(sys.executable).parent
# A text of the spec that would give commands to the workflow.
HOSTILE = "Orders.\n::add-mask::x\n##[add-mask]x\n::error::forged"


@dataclass
class Runner:
    """Runs the steps of the Action as GitHub's runner does: expressions first, then bash."""

    repository: Path
    temp: Path
    inputs: dict[str, str]
    environment: dict[str, str]
    outputs: dict[str, str] = field(default_factory=dict)
    log: str = ""
    failed: bool = False
    ran: list[str] = field(default_factory=list)

    def file(self, name: str) -> Path:
        return self.temp / name

    def value(self, name: str) -> str:
        if name.startswith("inputs."):
            return self.inputs[name.removeprefix("inputs.")]
        if name.startswith("steps."):
            return self.outputs.get(name.split(".")[-1], "")
        known = {
            "github.repository": "shop/orders",
            "github.event.pull_request.head.repo.full_name": "shop/orders",
            "github.event.pull_request.base.sha": self.inputs.get("base", ""),
            "github.token": "t0ken",
        }
        return known[name]

    def expression(self, text: str) -> Any:
        """Evaluate what the Action uses of GitHub's expressions."""
        python = text.replace("!cancelled()", "True").replace("&&", " and ").replace("||", " or ")
        python = re.sub(
            r"\b(?:inputs|steps|github)\.[\w.-]+",
            lambda match: repr(self.value(match.group())),
            python,
        )
        return eval(python.strip(), {"__builtins__": {}})  # noqa: S307 - the Action's own text

    def filled(self, text: str) -> str:
        def one(match: re.Match[str]) -> str:
            found = self.expression(match[1])
            return {True: "true", False: "false"}.get(found, str(found))

        return re.sub(r"\$\{\{(.*?)\}\}", one, text)

    def run(self) -> Runner:
        for step in ACTION["runs"]["steps"]:
            condition = step.get("if", "")
            always = "!cancelled()" in condition
            if self.failed and not always:
                continue
            if condition and not self.expression(condition.removeprefix("${{").removesuffix("}}")):
                continue
            self.ran.append(step["name"])
            if "run" in step:
                self.step(step)
        return self

    def step(self, step: dict[str, Any]) -> None:
        assert step["shell"] == "bash"
        script = self.file("step.sh")
        script.write_text(step["run"])
        paths = {key: self.file(key) for key in ("GITHUB_PATH", "GITHUB_OUTPUT")}
        for path in paths.values():
            path.touch()
        path = ":".join([*self.file("GITHUB_PATH").read_text().split(), os.environ["PATH"]])
        given = {key: self.filled(str(text)) for key, text in step.get("env", {}).items()}
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)],
            cwd=self.repository,
            env={
                **self.environment,
                **{key: str(path) for key, path in paths.items()},
                "PATH": path,
                "RUNNER_TEMP": str(self.temp),
                "GITHUB_ACTION_PATH": str(ROOT),
                "GITHUB_STEP_SUMMARY": str(self.file("summary.md")),
                **given,
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        self.log += done.stdout
        self.failed = self.failed or done.returncode != 0
        for line in self.file("GITHUB_OUTPUT").read_text().splitlines():
            key, _, value = line.partition("=")
            self.outputs[key] = value

    def commands(self) -> list[str]:
        """Return the lines that the runner would obey."""
        found, stopped = [], ""
        for line in self.log.splitlines():
            if stopped:
                stopped = "" if line == f"::{stopped}::" else stopped
            elif line.startswith("::stop-commands::"):
                stopped = line.removeprefix("::stop-commands::")
            elif line.lstrip().startswith("::") or "##[" in line:
                found.append(line)
        assert not stopped
        return found

    @property
    def summary(self) -> str:
        path = self.file("summary.md")
        return path.read_text() if path.exists() else ""


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    """A python3 whose venv is this one, and which installs nothing but notes what it is to."""
    folder = tmp_path / "tools"
    folder.mkdir()
    python = folder / "python3"
    python.write_text(
        f"""#!/bin/bash
set -e
if [ "$1 $2" = "-m venv" ]; then
  mkdir -p "$3/bin"; ln -s {shlex.quote(str(BIN / "imsobs"))} "$3/bin/imsobs"
  ln -s "$0" "$3/bin/python"
else
  echo "$@" > {shlex.quote(str(tmp_path / "installed"))}
fi
"""
    )
    python.chmod(0o755)
    return folder


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with a spec and what it renders, committed; its last commit changes nothing."""
    root = tmp_path_factory.mktemp("origin")
    (root / "spec").mkdir()
    shutil.copy(mistakes.SPEC, root / "spec/shop.yaml")
    subprocess.run([str(BIN / "imsobs"), "render", "--root", str(root)], check=True)
    git(root, "init", "-q", "-b", "main")
    commit(root, "one")
    return root


def git(root: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
    command = ["git", "-C", str(root), *identity, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def commit(root: Path, message: str) -> str:
    git(root, "add", "-A")
    git(root, "commit", "-qm", message)
    return git(root, "rev-parse", "HEAD")


@pytest.fixture
def clone(origin: Path, tmp_path: Path) -> Path:
    git(tmp_path, "clone", "-q", str(origin), str(tmp_path / "clone"))
    return tmp_path / "clone"


@pytest.fixture
def api() -> Iterator[Api]:
    with served() as made:
        yield made


@pytest.fixture
def runner(clone: Path, tools: Path, api: Api, tmp_path: Path) -> Runner:
    temp = tmp_path / "runner"
    temp.mkdir()
    event = temp / "event.json"
    event.write_text(json.dumps({"pull_request": {"number": 7}}))
    (temp / "GITHUB_PATH").write_text(f"{tools}\n")
    return Runner(
        clone,
        temp,
        {
            **{name: str(given.get("default", "")) for name, given in ACTION["inputs"].items()},
            "base": git(clone, "rev-parse", "HEAD"),
            "token": "t0ken",
            "verify": "false",
        },
        {
            "HOME": str(tmp_path),
            "GITHUB_ACTIONS": "true",
            "GITHUB_EVENT_PATH": str(event),
            "GITHUB_REPOSITORY": "shop/orders",
            "GITHUB_API_URL": api.url,
        },
    )


def change(clone: Path, old: str, new: str, *, render: bool = True) -> None:
    file = clone / "spec/shop.yaml"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))
    if render:
        subprocess.run([str(BIN / "imsobs"), "render", "--root", str(clone)], check=True)


def test_no_expression_is_pasted_into_a_script() -> None:
    for step in ACTION["runs"]["steps"]:
        assert "${{" not in step.get("run", ""), step["name"]


def test_a_sound_change_is_told(runner: Runner, api: Api, tmp_path: Path) -> None:
    change(runner.repository, "threshold: 100", "threshold: 70")
    change(runner.repository, "quiet: 100, fires: 101", "quiet: 70, fires: 71", render=False)
    change(runner.repository, "value: 101", "value: 71")
    runner.run()
    assert not runner.failed, runner.log
    assert (tmp_path / "installed").read_text().split()[-1] == f"{ROOT}[preview]"
    (comment,) = api.comments
    assert "alert OrdersWait: threshold 100" in comment["body"]
    assert "alert OrdersWait: threshold 100" in runner.summary
    (warning,) = [line for line in runner.commands() if "threshold 100" in line]
    assert warning.startswith("::warning file=spec/shop.yaml,line=")
    assert json.loads((runner.temp / "imsobs.sarif").read_text())["version"] == "2.1.0"
    # The next push brings the same comment up to date.
    change(runner.repository, "threshold: 70", "threshold: 100")
    runner.run()
    assert len(api.comments) == 1


def test_a_change_of_a_rank_fails_behind_its_comment(runner: Runner, api: Api) -> None:
    change(runner.repository, "retention: {metrics: 30d", "retention: {metrics: 60d")
    runner.inputs["fail-on"] = "behaviour"
    runner.run()
    assert runner.failed
    assert len(api.comments) == 1


def test_a_problem_ends_it_at_its_line(runner: Runner, api: Api) -> None:
    change(runner.repository, "threshold: 100", "threshold: many", render=False)
    runner.inputs["sarif"] = "true"
    runner.run()
    assert runner.failed
    (error,) = runner.commands()
    assert error.startswith("::error file=spec/shop.yaml,line=")
    assert runner.ran[-1] == "Problems to code scanning"
    assert api.comments == []


def test_files_that_are_not_rendered_fail_and_give_no_commands(runner: Runner) -> None:
    before = "description: Orders waiting.\n    event"
    after = f"description: {json.dumps(HOSTILE)}\n    event"
    change(runner.repository, before, after, render=False)
    rules = runner.repository / "alerts/rules/alerting.yaml"
    rules.write_text(rules.read_text() + HOSTILE)
    runner.run()
    assert runner.failed
    assert "forged" in runner.log
    (error,) = runner.commands()
    assert error.startswith("::error title=rendered files::")


def test_a_base_without_a_spec_is_no_failure(runner: Runner, clone: Path) -> None:
    git(clone, "rm", "-rq", "--cached", "spec")
    git(clone, "commit", "-qm", "none")
    runner.inputs["base"] = git(clone, "rev-parse", "HEAD")
    runner.run()
    assert not runner.failed, runner.log
    assert "There is no spec in the base" in runner.log
    runner.inputs["base"] = ""
    assert "What the change means" not in Runner(**{**vars(runner), "ran": []}).run().ran


def test_verify_and_pictures_are_asked_for(runner: Runner, tmp_path: Path) -> None:
    """A stand-in for imsobs notes what it is asked; verify and preview have tests of their own."""
    asked = tmp_path / "asked"
    stub = runner.temp / "imsobs-stub"
    stub.write_text(
        f"""#!/bin/bash
printf '%s ' "$@" >> {shlex.quote(str(asked))}; echo >> {shlex.quote(str(asked))}
case "$1" in
  diff) echo "changed";;
  preview) echo "shop: Failures, Latency"; echo "+ shop.png"
    mkdir -p "$RUNNER_TEMP/imsobs-pictures";;
esac
"""
    )
    stub.chmod(0o755)
    path = runner.temp / "GITHUB_PATH"
    (runner.temp / "first").mkdir()
    (runner.temp / "first/imsobs").symlink_to(stub)
    path.write_text(f"{runner.temp / 'first'}\n{path.read_text()}")
    runner.inputs |= {"verify": "true", "recording": "recorded.om", "comment": "false"}
    runner.run()
    assert not runner.failed, runner.log
    words = [line.split() for line in asked.read_text().splitlines()]
    base = runner.inputs["base"]
    assert ["verify", "--root", "."] in words
    assert ["diff", "--root", ".", "--format", "github", "--", base] in words
    (preview,) = [line for line in words if line[0] == "preview"]
    assert preview[3:8] == ["--recording", "recorded.om", "--changed-since", base, "--png"]
    assert "shop: Failures, Latency\n~~~" in runner.summary
    assert "shop.png" not in runner.summary
    assert runner.ran[-2:] == ["Pictures as an artifact", "Pictures in the summary"]


def test_the_job_of_gitlab(clone: Path, api: Api, tmp_path: Path, tools: Path) -> None:
    base = git(clone, "rev-parse", "HEAD")
    change(clone, "retention: {metrics: 30d", "retention: {metrics: 60d")
    (tools / "pip").symlink_to("/bin/true")
    api.user = {"id": 1}
    done = subprocess.run(
        ["bash", "-eo", "pipefail", "-c", "\n".join([*JOB["before_script"], *JOB["script"]])],
        cwd=clone,
        env={
            "PATH": f"{tools}:{BIN}:{os.environ['PATH']}",
            "HOME": str(tmp_path),
            "IMSOBS": "imsobs",
            "VERIFY": "false",
            "GITLAB_CI": "true",
            "GITLAB_TOKEN": "t0ken",
            "CI_PROJECT_DIR": str(clone),
            "CI_API_V4_URL": f"{api.url}/api/v4",
            "CI_PROJECT_ID": "12",
            "CI_MERGE_REQUEST_IID": "7",
            "CI_MERGE_REQUEST_DIFF_BASE_SHA": base,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (note,) = api.comments
    assert "retention.metrics" in note["body"]
    kept = [clone / path for path in JOB["artifacts"]["paths"]]
    assert all(path.stat().st_size for path in kept)


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: hook["id"])
def test_a_hook_is_what_pre_commit_reads(hook: dict[str, Any]) -> None:
    assert {"id", "name", "entry", "language", "files", "pass_filenames"} <= set(hook)
    assert hook["language"] == "python"
    re.compile(hook["files"])
    assert re.search(hook["files"], "spec/shop.yaml")
    assert re.search(hook["files"], "shop/spec/web/alerts.yaml")
    assert not re.search(hook["files"], "src/spec.py")


def test_hooks_pass_and_fail_with_the_tree(clone: Path) -> None:
    def codes() -> dict[str, int]:
        env = {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}"}
        return {
            hook["id"]: subprocess.run(
                shlex.split(hook["entry"]), cwd=clone, env=env, capture_output=True, check=False
            ).returncode
            for hook in HOOKS
            if hook["id"] != "imsobs-verify"
        }

    assert codes() == {"imsobs-validate": 0, "imsobs-render-check": 0}
    change(clone, "description: Orders placed.", "description: Orders.", render=False)
    assert codes() == {"imsobs-validate": 0, "imsobs-render-check": 1}
    change(clone, "threshold: 100", "threshold: many", render=False)
    assert codes() == {"imsobs-validate": 2, "imsobs-render-check": 2}
