"""The fault matrix of the guide names every fault test, and no other."""

from __future__ import annotations

import ast
from pathlib import Path

from bench.faults import read_matrix

ROOT = Path(__file__).resolve().parents[2]


def test_the_matrix_and_the_tests_are_in_step() -> None:
    written = {
        node.name
        for file in (ROOT / "tests" / "faults").glob("test_*.py")
        for node in ast.parse(file.read_text()).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }
    matrix = read_matrix((ROOT / "docs" / "guide" / "faults.md").read_text())
    assert all(row.fault and row.promise for row in matrix)
    named = {test for row in matrix for test in row.tests}
    assert named - written == set(), "named in docs/guide/faults.md, but there is no such test"
    assert written - named == set(), "missing from docs/guide/faults.md"
