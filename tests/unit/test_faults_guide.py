"""The fault matrix of the guide names every fault test, and no other."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_matrix_and_the_tests_are_in_step() -> None:
    written = {
        node.name
        for file in (ROOT / "tests" / "faults").glob("test_*.py")
        for node in ast.parse(file.read_text()).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }
    named = set(re.findall(r"`(test_\w+)`", (ROOT / "docs" / "guide" / "faults.md").read_text()))
    assert named - written == set(), "named in docs/guide/faults.md, but there is no such test"
    assert written - named == set(), "missing from docs/guide/faults.md"
