"""Parsing: every shape fault once, at its place, with what is allowed."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imsobs.compile import read_spec
from imsobs.problems import KeyPath
from imsobs.spec.load import load
from imsobs.spec.parse import parse

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def data() -> dict[str, Any]:
    document, problems = load([ROOT / "spec/ims.yaml"])
    assert not problems
    return document.data


def changed(data: dict[str, Any], path: KeyPath, value: Any) -> dict[str, Any]:
    """Return a copy with one value replaced."""
    result = copy.deepcopy(data)
    inner: Any = result
    for part in path[:-1]:
        inner = inner[part]
    inner[path[-1]] = value
    return result


QUEUE_DEPTH = ("metrics", "ims_queue_depth")


@pytest.mark.parametrize(
    ("path", "value", "at", "check", "message"),
    [
        (("sampling", "rate"), 2, ("sampling", "rate"), "spec/type", "outside 0 to 1"),
        (("sampling", "rat"), 1, ("sampling", "rat"), "spec/unknown-key", 'did you mean "rate"?'),
        (("version",), 2, ("version",), "spec/value", '"2" is not allowed; allowed: 1'),
        # A union: the fault is told once, not once per branch.
        ((*QUEUE_DEPTH, "labels"), 7, (*QUEUE_DEPTH, "labels"), "spec/type", "found int 7"),
        ((*QUEUE_DEPTH, "event"), [], None, "spec/type", ""),
        (("labels", "route", "values", 0), "", ("labels", "route", "values", 0), "spec/type", ""),
        (("prices", "openai", "gpt-4o", 0, "from"), "soon", None, "spec/type", "soon is no date"),
        (("prices", "openai", "gpt-4o", 0, "input"), -1, None, "spec/type", "-1 is outside 0 to "),
        (("prices", "openai", "gpt-4o", 0, "inptu"), 1, None, "spec/unknown-key", "input"),
    ],
)
def test_faults_name_place_and_remedy(
    data: dict[str, Any], path: KeyPath, value: Any, at: KeyPath | None, check: str, message: str
) -> None:
    spec, problems = parse(changed(data, path, value))
    assert spec is None
    assert {problem.check for problem in problems} == {check}
    assert {problem.path for problem in problems} == {at or path}
    assert any(message in problem.message for problem in problems)


def test_a_missing_key_is_told_where_it_belongs(data: dict[str, Any]) -> None:
    broken = copy.deepcopy(data)
    del broken["events"]["queue_state"]["description"]
    del broken["service"]["namespace"]
    _, problems = parse(broken)
    assert {(p.path, p.check) for p in problems} == {
        (("events", "queue_state", "description"), "spec/missing-key"),
        (("service", "namespace"), "spec/missing-key"),
    }


def test_one_misshapen_entry_does_not_hide_what_else_is_wrong(tmp_path: Path) -> None:
    overlay = tmp_path / "overlay.yaml"
    overlay.write_text(
        "metrics:\n"
        "  ims_one_total: {type: count, description: Shape., event: job_started}\n"
        "  ims_two_ms: {type: gauge, description: Meaning., event: queue_state, value: depth,"
        " fold: max}\n"
    )
    checks = {p.check for p in read_spec([ROOT / "spec/ims.yaml", overlay]).problems}
    assert checks == {"spec/value", "metric/base-unit"}


_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)


@settings(max_examples=60, deadline=None)
@given(value=_VALUES, which=st.integers(0, 10_000))
def test_no_value_anywhere_raises(data: dict[str, Any], value: Any, which: int) -> None:
    paths = list(_paths(data))
    spec, problems = parse(changed(data, paths[which % len(paths)], value))
    assert (spec is None) == bool(problems)


def _paths(value: Any, path: KeyPath = ()) -> Any:
    items = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for key, inner in items:
        yield (*path, key)
        yield from _paths(inner, (*path, key))
