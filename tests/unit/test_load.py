"""Loading: YAML 1.2 scalars, positions, overlays, and files that mean harm."""

from __future__ import annotations

import datetime
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imsobs.problems import Position, Problem
from imsobs.spec.load import MAX_BYTES, Document, load

ROOT = Path(__file__).resolve().parents[2]


def read(folder: Path, *texts: str | bytes) -> tuple[Document, list[Problem]]:
    files = []
    for index, text in enumerate(texts):
        files.append(folder / f"{index}.yaml")
        files[-1].write_bytes(text.encode() if isinstance(text, str) else text)
    return load(files)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("false", False),
        ("True", "True"),
        ("yes", "yes"),
        ("no", "no"),
        ("on", "on"),
        ("off", "off"),
        ("y", "y"),
        ("null", None),
        ("~", None),
        ("", None),
        ("Null", "Null"),
        ("0", 0),
        ("-7", -7),
        ("+7", 7),
        ("007", 7),
        ("0o17", "0o17"),
        ("0x1F", "0x1F"),
        ("1_000", "1_000"),
        ("1:30", "1:30"),
        ("1.5", 1.5),
        (".5", 0.5),
        ("5.", 5.0),
        ("1e3", 1000.0),
        ("1e-3", 0.001),
        ("1.2.3", "1.2.3"),
        (".inf", ".inf"),
        (".nan", ".nan"),
        ("2024-10-01", datetime.date(2024, 10, 1)),
        ("2024-10-01T00:00:00Z", "2024-10-01T00:00:00Z"),
        ("'true'", "true"),
        ('"7"', "7"),
        ("=", "="),
        ("<<", "<<"),
        ("30s", "30s"),
    ],
)
def test_plain_scalars_are_those_of_yaml_1_2(tmp_path: Path, text: str, value: Any) -> None:
    document, problems = read(tmp_path, f"key: {text}\n")
    assert not problems
    assert document.data == {"key": value}
    assert type(document.data["key"]) is type(value)


def test_keys_stay_texts(tmp_path: Path) -> None:
    document, _ = read(tmp_path, "on: 1\n0: 2\n2024-10-01: 3\n<<: 4\n")
    assert document.data == {"on": 1, "0": 2, "2024-10-01": 3, "<<": 4}


def test_positions_of_keys_and_items(tmp_path: Path) -> None:
    document, _ = read(tmp_path, "a:\n  b: [x, y]\n  c:\n    - d: 1\n")
    file = str(tmp_path / "0.yaml")
    assert document.locate(("a", "b")) == Position(file, 2, 3)
    assert document.locate(("a", "b", 1)) == Position(file, 2, 10)
    assert document.locate(("a", "c", 0, "d")) == Position(file, 4, 7)
    # What is not there is looked for as far as the file goes.
    assert document.locate(("a", "c", 0, "gone", "too")) == Position(file, 4, 7)
    assert document.locate(("nowhere",)) == Position(file, 1, 1)


def test_overlays_merge_mappings_and_replace_the_rest(tmp_path: Path) -> None:
    document, problems = read(
        tmp_path, "a: {b: 1, c: [1, 2], d: {e: 1}}\n", "a: {b: 2, c: [3], d: {f: 2}}\nz: 1\n"
    )
    assert not problems
    assert document.data == {"a": {"b": 2, "c": [3], "d": {"e": 1, "f": 2}}, "z": 1}
    assert document.locate(("a", "b")).file.endswith("1.yaml")
    assert document.locate(("a", "d", "e")).file.endswith("0.yaml")


def test_anchors_are_expanded(tmp_path: Path) -> None:
    document, problems = read(tmp_path, "a: &x {b: 1}\nc: *x\n")
    assert not problems
    assert document.data == {"a": {"b": 1}, "c": {"b": 1}}


def test_a_byte_order_mark_is_no_text(tmp_path: Path) -> None:
    document, problems = read(tmp_path, "\ufeffa: 1\n".encode())
    assert not problems
    assert document.data == {"a": 1}


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n"])
def test_an_empty_file_is_an_empty_spec(tmp_path: Path, text: str) -> None:
    document, problems = read(tmp_path, text)
    assert document.data == {}
    assert {problem.check for problem in problems} <= {"yaml/root", "yaml/empty"}


BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join(['*' + before] * 10)}]\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("name", "text", "check"),
    [
        ("laughs", BOMB, "yaml/too-large"),
        ("brackets", "a: " + "[" * 100_000, "yaml/too-large"),
        ("braces", "a: " + "{a: " * 1000 + "1" + "}" * 1000, "yaml/too-large"),
        ("dashes", "- " * 2000 + "x\n", "yaml/too-large"),
        ("indents", "".join(" " * n + "a:\n" for n in range(600)), "yaml/too-large"),
        ("cycle", "a: &a\n  b: *a\n", "yaml/too-large"),
        ("bytes", "a: " + "x" * MAX_BYTES, "yaml/too-large"),
        ("utf-16", "a: 1".encode("utf-16"), "yaml/encoding"),
        ("latin-1", "a: \xfc".encode("latin-1"), "yaml/encoding"),
        ("nul", "a: \x00\n", "yaml/character"),
        ("tab", "a:\n\tb: 1\n", "yaml/syntax"),
        ("two documents", "a: 1\n---\nb: 2\n", "yaml/syntax"),
        ("alias of nothing", "a: *b\n", "yaml/syntax"),
        ("python tag", "a: !!python/name:os.system\n", "yaml/tag"),
        ("own tag", "a: !secret x\n", "yaml/tag"),
        ("tagged mapping", "a: !!python/object:x {}\n", "yaml/tag"),
        ("set", "a: !!set {b}\n", "yaml/tag"),
        ("binary", "a: !!binary aGk=\n", "yaml/tag"),
        ("scalar", "just text\n", "yaml/root"),
        ("list", "[a]\n", "yaml/root"),
    ],
)
def test_hostile_files_are_refused_in_no_time(
    tmp_path: Path, name: str, text: str | bytes, check: str
) -> None:
    begun = time.monotonic()
    _, problems = read(tmp_path, text)
    assert check in {problem.check for problem in problems}, problems[:3]
    assert time.monotonic() - begun < 30


def test_an_endless_number_is_no_fault_of_the_program(tmp_path: Path) -> None:
    document, problems = read(tmp_path, "a: " + "9" * 10_000 + "\n")
    assert not problems
    assert document.data == {"a": float("inf")}


@given(st.binary(max_size=200))
def test_no_bytes_raise(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    folder = tmp_path_factory.getbasetemp()
    document, problems = read(folder, content)
    assert isinstance(document.data, dict)
    for problem in problems:
        assert "\n" not in document.format(problem)


@pytest.mark.parametrize("kind", ["zero", "pipe", "folder", "terminal", "sparse"])
def test_what_is_no_file_of_a_usual_size_is_refused_at_once(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "overlay.yaml"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "sparse":
        with path.open("wb") as file:
            file.truncate(100 * 1024**3)
    else:
        path.symlink_to("/dev/zero" if kind == "zero" else "/dev/ptmx")
    begun = time.monotonic()
    document, (problem,) = load([path, tmp_path / "not-there.yaml"][:1])
    assert time.monotonic() - begun < 10
    assert not document.readable
    assert problem.check == ("yaml/too-large" if kind == "sparse" else "yaml/unreadable")
    assert ("at most" if kind == "sparse" else "not a regular file") in problem.message


def test_a_pipe_as_overlay_ends_the_command_in_no_time(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for overlay in ("/dev/zero", str(tmp_path / "pipe"), str(tmp_path)):
        command = [sys.executable, "-m", "imsobs", "validate", "--overlay", overlay]
        done = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 2
        assert "it is not a regular file [yaml/unreadable]" in " ".join(done.stderr.split())
