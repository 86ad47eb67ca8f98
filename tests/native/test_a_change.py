"""The story of a change in the documents: its commands run, and what they print is compared."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import yaml
from native.conftest import eventually
from native.project import SPEC

from bench.history import add_blocks
from imsobs import write
from imsobs.compile import read_spec, render_model
from imsobs.runtime.paths import layout_for
from imsobs.runtime.process.plan import load_plan
from imsobs.runtime.process.stack import running_stack
from imsobs.runtime.trial import own_ports

pytestmark = [pytest.mark.native, pytest.mark.timeout(300)]
PAGE = SPEC.parents[1] / "docs/guide/a-change.md"
BIN = Path(sys.executable).parent
_BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# Fallbacks in each of these minutes before now: three a second for ten minutes.
BUSY = range(70, 60, -1)


@dataclass(frozen=True)
class Step:
    """A command of the page, and the lines that it is to print."""

    command: str
    lines: tuple[str, ...]


def steps(text: str) -> list[Step]:
    """Return the commands of a page; a line that begins with > continues one."""
    found: list[Step] = []
    for block in _BLOCK.findall(text):
        for line in block.splitlines():
            if line.startswith("$ "):
                found.append(Step(line[2:], ()))
            else:
                found[-1] = Step(found[-1].command, (*found[-1].lines, line))
    return found


def missing(step: Step, output: str) -> str | None:
    """Return the first expected line that is not there behind those before it; None for none."""
    printed = iter(output.splitlines())
    for expected in step.lines:
        pattern = ".*".join(map(re.escape, expected.strip().split("...")))
        if expected.strip() == "...":
            continue
        if not any(re.fullmatch(pattern, line.strip()) for line in printed):
            return expected
    return None


def test_a_page_is_read_as_it_is_shown() -> None:
    page = "```console\n$ one a\nx ... z\n...\n$ two\n```\ntext\n```yaml\n$ no\n```\n"
    assert steps(page) == [Step("one a", ("x ... z", "...")), Step("two", ())]
    (one, _) = steps(page)
    assert missing(one, "first\nx y z\n") is None
    assert missing(one, "x y\n") == "x ... z"
    assert missing(Step("", ("a", "b")), "b\na\n") == "b"


@pytest.fixture
def clone(tmp_path: Path) -> Iterator[Path]:
    """The product's spec on ports of its own, committed and running, with an hour of history."""
    root = tmp_path / "clone"
    (root / "spec").mkdir(parents=True)
    text = SPEC.read_text(encoding="utf-8")
    model = read_spec([SPEC]).model
    assert model is not None
    section = re.search(r"^stack:\n(?:(?: .*|#.*|)\n)*?(?=^\S)", text, re.MULTILINE)
    assert section is not None
    stack = yaml.safe_load(section.group())["stack"]
    for name, given in own_ports(model.spec.stack)["stack"].items():
        stack[name] = {**(stack.get(name) or {}), **given}
    text = text.replace(section.group(), f"{yaml.safe_dump({'stack': stack})}\n")
    (root / "spec/ims.yaml").write_text(text, encoding="utf-8")
    rendered = read_spec([root / "spec/ims.yaml"])
    assert rendered.model is not None, rendered.lines()
    write.apply(root, write.changes(root, render_model(rendered.model)))
    (root / ".gitignore").write_text(".imsobs\n")
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "as it was"]):
        subprocess.run(["git", "-C", str(root), *IDENTITY, *command], check=True)
    state = root / ".imsobs"
    layout_for(root, state).make()
    data = state / "data/prometheus"
    (state / "data").mkdir(mode=0o700)
    add_blocks(history(time.time()), data)
    with running_stack(root, state, only=("alertmanager", "prometheus")):
        yield root


IDENTITY = ["-c", "user.name=a", "-c", "user.email=a@b"]


def history(now: float) -> Iterator[str]:
    labels = (
        'service_name="ims-core",deployment_environment_name="production",'
        'from_vendor="openai",to_vendor="anthropic",reason="rate_limit"'
    )
    total = 0.0
    for minute in range(110, 1, -1):
        for quarter in range(4):
            total += 45 if minute in BUSY else 0
            at = now - minute * 60 + quarter * 15
            yield f"ims_model_fallbacks_total{{{labels}}} {total} {at:.0f}"


def test_the_story_of_a_change(clone: Path) -> None:
    environment = {
        **{name: os.environ[name] for name in ("HOME", "TMPDIR") if name in os.environ},
        "PATH": f"{BIN}:{os.environ['PATH']}",
        "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b",
        "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b",
    }  # fmt: skip
    told = steps(PAGE.read_text(encoding="utf-8"))
    assert {step.command.split()[1] for step in told if step.command.startswith("imsobs ")} >= {
        "diff", "backtest", "render", "reload", "drift",
    }  # fmt: skip
    for step in told:
        done = subprocess.run(
            ["bash", "-c", step.command],
            cwd=clone,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        line = missing(step, done.stdout)
        assert line is None, f"$ {step.command}\nprints no line {line!r}:\n{done.stdout}"
        if step.command.startswith("kill "):
            # Who reads the page takes longer than Prometheus for its files.
            eventually(lambda: "> 20" in running_rules(clone), 60)


def running_rules(root: Path) -> str:
    base = load_plan(root).api.prometheus
    answer = httpx.get(f"{base.rstrip('/')}/api/v1/rules", trust_env=False).json()
    return repr(answer["data"])
