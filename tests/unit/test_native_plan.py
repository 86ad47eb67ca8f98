"""The contract between renderer and runtime: stack/native.yaml."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
import yaml
from native_fakes import make_project

from imsobs.errors import ImsobsError
from imsobs.runtime.process.plan import load_plan, parse_plan

FULL = """
versions: {otelcol: 0.160.0, loki: 3.7.8}
processes:
  otelcol:
    component: otelcol
    args: [--config=collector/config.yaml]
    args_without: {loki: [--config=collector/logs-file.yaml]}
    ports: {otlp_grpc: 4317, health: 13133}
    ready: http://127.0.0.1:13133/
    reload: HUP
"""


def test_a_full_plan_is_read() -> None:
    plan = parse_plan(FULL)
    assert plan.components["otelcol"].build is not None
    assert plan.processes["otelcol"].ports == {"otlp_grpc": 4317, "health": 13133}
    assert plan.api.prometheus == "http://127.0.0.1:9090"


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("reload: HUP", "reloads: HUP", "processes.otelcol.reloads: Extra inputs"),
        ("http://127.0.0.1:13133/", "http://0.0.0.0:13133/", "is not an http(s) URL on loopback"),
        (
            "component: otelcol",
            "component: otel",
            'names component "otel"; available: otelcol, prometheus',
        ),
        ("health: 13133", "health: 4317", "port 4317 is used by processes.otelcol.ports.otlp_grpc"),
        (
            "--config=collector/config.yaml",
            "'${HOME}/c.yaml'",
            'unknown placeholder "${HOME}"; available',
        ),
        ("loki: 3.7.8", "tempo: 3.7.8", "versions: unknown component 'tempo'; available: otelcol"),
        ("loki: 3.7.8", "promtool: 3.7.8", "versions: unknown component 'promtool'"),
        ("versions:", "components:", "components: Extra inputs are not permitted"),
        ("  otelcol:\n    component", "  ../x:\n    component", "String should match pattern"),
        ("0.160.0", "1.5", "versions.otelcol: Input should be"),
        ("versions:", "versions: [", "while parsing"),
        ("reload: HUP", "queues: [/home/other/.config]", "queues.0: String should match"),
        ("reload: HUP", "queues: ['${IMSOBS_STATE}/../x']", "queues.0: String should match"),
        ("reload: HUP", "queues: ['${IMSOBS_ROOT}/collector']", "queues.0: String should match"),
        ("reload: HUP", "files: [../../.ssh]", "files.0: String should match"),
        ("reload: HUP", "files: [/proc]", "files.0: String should match"),
    ],
)
def test_a_faulty_plan_is_one_clear_error(old: str, new: str, says: str) -> None:
    with pytest.raises(ImsobsError) as caught:
        parse_plan(FULL.replace(old, new, 1))
    assert says in caught.value.message
    assert "\n" not in caught.value.message
    assert caught.value.exit_code == 2


def test_every_problem_is_named() -> None:
    data = yaml.safe_load(FULL)
    data["processes"]["otelcol"]["ready"] = "ftp://x"
    data["processes"]["otelcol"]["colour"] = "blue"
    with pytest.raises(ImsobsError) as caught:
        parse_plan(yaml.safe_dump(data))
    assert "colour" in caught.value.message
    assert "ftp://x" in caught.value.message


def test_a_missing_plan_names_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(ImsobsError, match=r"native\.yaml does not exist") as caught:
        load_plan(tmp_path)
    assert "imsobs render" in caught.value.remedy
    assert make_project(tmp_path).plan().processes.keys() == {"alpha", "beta"}


BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join(['*' + before] * 10)}]\n"
    for before, name in zip("abcdefghi", "bcdefghij", strict=True)
)


@pytest.mark.parametrize(
    "text",
    [BOMB, "[" * 100_000, "a: " + "{a: " * 50_000, "".join(" " * n + "a:\n" for n in range(3000)),
     "versions: !!python/object/apply:os.system [id]\n", "a: 1\na: 2\n", "\0"],
    ids=["laughs", "brackets", "braces", "indents", "tag", "twice", "nul"],
)  # fmt: skip
def test_a_hostile_plan_is_one_clear_error_in_no_time(tmp_path: Path, text: str) -> None:
    begun = time.monotonic()
    (tmp_path / "stack").mkdir()
    (tmp_path / "stack/native.yaml").write_text(text)
    with pytest.raises(ImsobsError) as caught:
        load_plan(tmp_path)
    assert "\n" not in caught.value.message
    assert time.monotonic() - begun < 30


@pytest.mark.parametrize("kind", ["pipe", "device", "folder"])
def test_what_is_no_file_is_no_plan(tmp_path: Path, kind: str) -> None:
    (tmp_path / "stack").mkdir()
    path = tmp_path / "stack/native.yaml"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    else:
        path.mkdir()
    with pytest.raises(ImsobsError, match="cannot be read: it is not a regular file"):
        load_plan(tmp_path)
