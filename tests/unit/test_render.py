"""Rendering: deterministic, parsed back, escaped where a target needs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jinja2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imsobs import markdown, yamlio
from imsobs.pages import (
    JsonPage,
    RenderError,
    TextPage,
    YamlPage,
    environment,
    render,
    render_page,
)

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
    assert yamlio.parse(content.decode()) == {"a": {"b": "x\n\n"}}
    assert content.startswith(b"# Generated from the files in spec/")
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


@pytest.fixture
def page_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Any], str]:
    """Renders one section ``a`` of a YAML page through a template of the test's own."""

    def render_with(template: str, value: Any) -> str:
        loader = jinja2.DictLoader({"t.yaml.j2": template})
        monkeypatch.setattr(environment(), "loader", loader)
        return render_page(YamlPage("t.yaml", {"a/b": value, "c": 1}, "t.yaml.j2")).decode()

    return render_with


@pytest.mark.parametrize("value", [None, {}, [1], "x\n", "x\n\n", "# x", {"b": ["|", "c: 1\n"]}])
def test_a_template_orders_sections_and_explains_them(
    page_of: Callable[[str, Any], str], value: Any
) -> None:
    text = page_of("# head\n\n<< c >>\n# why\n<< a_b >>\n", value)
    assert text.startswith("# head\n\nc: 1\n# why\na/b:")
    assert yamlio.parse(text) == {"a/b": value, "c": 1}


@pytest.mark.parametrize(
    ("template", "fault"),
    [
        ("<< c >>\n", "does not give a/b"),
        ("<< c >>\n# << a_b >>\n", "does not give a/b"),
        ("<< c >>\nx: << a_b >>\n", "does not give a/b"),
        ("<< c >>\n  << a_b >>\n", "does not give a/b"),
        ("<< c >>\n<< a_b | replace('1', '2') >>\n", "does not give a/b"),
        ("<< a_b >>\n<< c >>\n<< c >>\n", "adds 'c: 1'"),
        ("<< a_b >>\n<< c >>\nd: 2\n", "adds 'd: 2'"),
        ("<< a_b >>\n<< c >>\n---\n", "adds '---'"),
        ("<< a_b >>\n<< c >> # why\n", "does not give c"),
        ("<< a_b >>\n  d: 2\n<< c >>\n", "adds '  d: 2'"),
    ],
)
def test_a_template_adds_nothing_but_comments(
    page_of: Callable[[str, Any], str], template: str, fault: str
) -> None:
    with pytest.raises(RenderError, match=fault):
        page_of(template, {"b": 1})


def test_a_template_must_not_name_what_is_not_there() -> None:
    with pytest.raises(Exception, match="undefined"):
        render_page(TextPage("a.md", "docs/redaction.md.j2", {}))
