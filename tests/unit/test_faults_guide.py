"""The matrices of the guide name every test of faults and of several processes, and no other."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from bench.faults import read_matrix

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("files", "page"),
    [
        (["faults/test_*.py"], "faults.md"),
        (
            ["scale/test_roles_*.py", "scale/test_pairs.py", "scale/test_distributed_*.py"],
            "scaling.md",
        ),
    ],
)
def test_the_matrix_and_the_tests_are_in_step(files: list[str], page: str) -> None:
    written = {
        node.name
        for pattern in files
        for file in (ROOT / "tests").glob(pattern)
        for node in ast.parse(file.read_text()).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }
    matrix = read_matrix((ROOT / "docs" / "guide" / page).read_text())
    assert all(row.fault and row.promise for row in matrix)
    named = {test for row in matrix for test in row.tests}
    assert named - written == set(), f"named in docs/guide/{page}, but there is no such test"
    assert written - named == set(), f"missing from docs/guide/{page}"
