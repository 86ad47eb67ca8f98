"""Rendering: deterministic, parsed back, escaped where a target needs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from imsobs import markdown
from imsobs.pages import JsonPage, RenderError, TextPage, YamlPage, render, render_page

ROOT = Path(__file__).resolve().parents[2]
_DIGEST = """
import hashlib, sys
from pathlib import Path
from imsobs.compile import read_spec, render_model
model = read_spec([Path(sys.argv[1])]).model
files = render_model(model)
print(hashlib.sha256(b"".join(k.encode() + v for k, v in files.items())).hexdigest())
"""

_NUMBERS = st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from([1e-5, -1e-9, 1e16])
_DATA: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | _NUMBERS | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=12,
)


@given(_DATA)
def test_json_is_what_python_writes(data: Any) -> None:
    expected = json.dumps(data, indent=2, ensure_ascii=False).rstrip("\n") + "\n"
    assert render_page(JsonPage("a.json", data)).decode() == expected


def test_the_same_bytes_wherever_and_whenever() -> None:
    """Other hash seeds, time zones, locales and working folders change nothing."""
    digests = set()
    for seed, zone, folder in (("1", "UTC", ROOT), ("2", "Pacific/Auckland", Path("/"))):
        env = {**os.environ, "PYTHONHASHSEED": seed, "TZ": zone, "LC_ALL": "C"}
        env["PYTHONPATH"] = str(ROOT)
        done = subprocess.run(
            [sys.executable, "-c", _DIGEST, str(ROOT / "spec/ims.yaml")],
            cwd=folder,
            env=env,
            capture_output=True,
            text=True,
            check=True,
        )
        digests.add(done.stdout)
    assert len(digests) == 1


def test_two_pages_for_one_path_are_a_fault() -> None:
    with pytest.raises(RenderError, match="planned twice"):
        render([YamlPage("a.yaml", {}), YamlPage("a.yaml", {})])


def test_a_page_ends_with_one_newline_and_says_that_it_is_generated() -> None:
    content = render_page(YamlPage("a.yaml", {"a": {"b": "x\n\n"}}))
    assert content.startswith(b"# Generated from spec/ims.yaml")
    assert content.endswith(b"\n")
    assert b"\r" not in content


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("a|b", "a\\|b"),
        ("a\nb", "a b"),
        ("<script>", "&lt;script>"),
        (["x", "y"], "x, y"),
        ("\\", "\\\\"),
    ],
)
def test_a_cell_cannot_break_out_of_its_table(value: object, cell: str) -> None:
    assert markdown.cell(value) == cell


def test_a_template_must_not_name_what_is_not_there() -> None:
    with pytest.raises(Exception, match="undefined"):
        render_page(TextPage("a.md", "docs/redaction.md.j2", {}))
