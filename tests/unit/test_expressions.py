"""Expressions of a spec run in linear time, and no other engine runs them."""

from __future__ import annotations

import ast
import time
from pathlib import Path

import pytest
import yaml
from mistakes import SPEC

import imsobs
from imsobs import expressions
from imsobs.compile import read_spec, render_model

PACKAGE = Path(imsobs.__file__).parent
# Python's engine would look at this text for longer than the universe has been there.
EVIL, LONG = "(a+)+$", "a" * 60 + "!"


@pytest.mark.parametrize("pattern", [EVIL, "(a|a)*b", "(a|aa)+$", "(.*)*x", "^(([a-z])+.)+[A-Z]$"])
def test_no_pattern_takes_longer_than_its_text_is_long(pattern: str) -> None:
    begin = time.process_time()
    for _ in range(20):
        assert not expressions.finds(pattern, LONG * 200)
        assert not expressions.matches(pattern, LONG * 200)
    # Milliseconds; with backtracking it would not end.
    assert time.process_time() - begin < 20


@pytest.mark.parametrize(
    "overlay",
    [
        # A snapshot is looked for by the label's patterns.
        {
            "labels": {"model": {"patterns": {"m": EVIL}}},
            "prices": {"v": {"m": [{"from": "2026-01-01", "snapshots": [LONG], "input": 1}]}},
        },
        # A matcher, among the values of a label.
        {
            "labels": {"route": {"values": [f"/{LONG}", LONG]}},
            "rules": {
                "service:evil:rate5m": {
                    "description": "x",
                    "expr": f'sum(rate(shop_requests_total{{route=~"{EVIL}"}}[5m]))',
                }
            },
        },
        # What is kept or dropped, among the names of fields.
        {"redaction": {"keep": ["(o+)+$"], "drop": ["^(d+)+$"], "values": {"evil": EVIL}}},
    ],
    ids=["snapshot", "matcher", "redaction"],
)
def test_a_spec_cannot_keep_the_compiler_busy(tmp_path: Path, overlay: dict[str, object]) -> None:
    file = tmp_path / "overlay.yaml"
    file.write_text(yaml.safe_dump(overlay))
    begin = time.process_time()
    compiled = read_spec([SPEC, file])
    if compiled.model is not None:
        render_model(compiled.model)
    assert time.process_time() - begin < 20


def test_what_re2_refuses_finds_nothing_and_is_named() -> None:
    assert expressions.fault("(?=a)") == "RE2 has no look-ahead"
    assert expressions.fault("a{2}+") == "RE2 has no possessive quantifier"
    assert expressions.fault(r"\p{Nothing}+") == r"invalid character class range: \p{Nothing}"
    # What the library takes and the Collector, Prometheus and Alertmanager do not.
    assert expressions.fault(r"a\C") == r"RE2 in Go has no \C; write . for any character"
    assert expressions.fault(r"a\\C\p{Lu}+") is None
    assert expressions.fault("(a{100}){100}") == "RE2 repeats at most 1000 times"
    assert expressions.fault("(") == "missing ): ("
    assert not expressions.finds("(?=a)", "a")
    assert not expressions.matches("(", "(")
    # As RE2 has it, and Python has not: the end is not before a last newline.
    assert not expressions.finds("a$", "a\n")


def test_pythons_engine_runs_the_programs_own_patterns_only() -> None:
    """A pattern is written beside its use; what comes from elsewhere is named here, with why."""
    functions = {"compile", "search", "match", "fullmatch", "findall", "finditer", "sub", "split"}
    found = set()
    for file in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and isinstance(node.func.value, ast.Name)
                and node.func.value.id == "re"
                and node.func.attr in functions
                and not _is_own(node.args[0])
            ):
                place = file.relative_to(PACKAGE).as_posix()
                found.add(f"{place}: {ast.unparse(node.args[0])}")
    assert found == {
        # Of this module's tables.
        "expressions.py: operator",
        "spec/reader.py: _pattern",
        # Of the schema, on a text of less than 64 characters.
        "spec/patterns.py: pattern",
        # Texts with an escape before every operator, and .* at the end.
        "promql/matchers.py: _pattern(text)",
        # Of the shipped scanner's rules, and the keys of the schema's plain form.
        "redaction/hide.py: p",
        "outputs/collector/store.py: key_patterns(model)[0]",
        # Escaped names.
        r"explain/rendered.py: f'(?<!\\w)(?<!\\w:)(?:{names})(?!\\w)(?!:\\w)'",
        # Compiled to count its groups, never run.
        r"runtime/verify/models/promtail.py: re.sub('\\(\\?[a-z]+\\)', '', pattern)",
    }


def _is_own(node: ast.expr) -> bool:
    """Return whether an expression is made of literals and constants of a module alone."""
    match node:
        case ast.Constant():
            return True
        case ast.Name():
            return node.id.strip("_").isupper()
        case ast.BinOp():
            return _is_own(node.left) and _is_own(node.right)
        case ast.JoinedStr():
            return all(
                isinstance(part, ast.Constant) or _is_constant_field(part) for part in node.values
            )
    return False


def _is_constant_field(part: ast.expr) -> bool:
    return isinstance(part, ast.FormattedValue) and (
        _is_own(part.value) or isinstance(part.value, ast.Call)
    )
