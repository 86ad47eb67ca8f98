"""Render: planned data to bytes.

Stage 6 of load -> parse -> resolve -> check -> plan -> render. Configuration is dumped,
never pasted: a template orders whole top-level sections and explains them, and what was
rendered must parse back to what was planned.
"""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jinja2
from pydantic_core import to_json

from imsobs import markdown, yamlio
from imsobs.cache import cache_dir

TEMPLATES = Path(__file__).parent / "templates"
HEADER = "Generated from spec/ims.yaml by `make render`. Do not edit: change the spec."

# Small and large numbers, which Rust writes as 1e-9 and 0.00001, and Python as 1e-09 and 1e-05.
# Only a number ends a line of JSON so: a text ends in a quote. Both begin with what is fixed, and
# so are found fast.
_EXPONENT = re.compile(r"e(-?[0-9]+)(?=,?$)", re.MULTILINE)
_SMALL = re.compile(r"0\.0000[0-9]+(?=,?$)", re.MULTILINE)


class RenderError(Exception):
    """A template or a plan is wrong: a fault of this program, never of the spec."""


@dataclass(frozen=True)
class YamlPage:
    """A YAML file: its top-level sections, and the template that orders and explains them.

    Without a template the sections follow the header in their own order.
    """

    path: str
    sections: dict[str, Any]
    template: str | None = None


@dataclass(frozen=True)
class JsonPage:
    """A JSON file."""

    path: str
    data: Any


@dataclass(frozen=True)
class TextPage:
    """A file that a template writes freely: docs, runbooks, notifications, settings."""

    path: str
    template: str
    context: dict[str, Any] = field(default_factory=dict)


Page = YamlPage | JsonPage | TextPage


def _compiled_templates() -> jinja2.BytecodeCache | None:
    """Return a cache of compiled templates, private to the user; None where there is no place.

    Compiling them takes as long as all the rest of a rendering.
    """
    folder = cache_dir() / "templates"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        owner = folder.stat()
    except (OSError, RuntimeError):
        return None
    # What is read from there is run.
    if owner.st_uid != os.getuid() or owner.st_mode & 0o022 or not os.access(folder, os.W_OK):
        return None
    return jinja2.FileSystemBytecodeCache(str(folder))


@functools.cache
def environment() -> jinja2.Environment:
    """Return the template environment: ``<< >>``, ``<% %>``, ``<# #>``, nothing undefined."""
    env = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        bytecode_cache=_compiled_templates(),
        variable_start_string="<<",
        variable_end_string=">>",
        block_start_string="<%",
        block_end_string="%>",
        comment_start_string="<#",
        comment_end_string="#>",
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # noqa: S701 - nothing here is served as HTML by this program
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    env.filters["yaml"] = lambda data: yamlio.dump(data).rstrip("\n")
    for name in ("cell", "code", "code_cell", "fenced", "prose"):
        env.filters[name] = getattr(markdown, name)
    env.globals["header"] = HEADER
    return env


def render_page(page: Page) -> bytes:
    """Return the bytes of one page: UTF-8, ``\\n``, one newline at the end."""
    match page:
        case YamlPage():
            text = _yaml(page)
        case JsonPage():
            text = _json(page.data)
        case TextPage():
            text = environment().get_template(page.template).render(page.context)
    return (text.rstrip("\n") + "\n").encode()


def _yaml(page: YamlPage) -> str:
    if page.template is None:
        text = f"# {HEADER}\n" + yamlio.dump(page.sections)
    else:
        # Each section is handed over with its key, so that a template cannot put a value
        # under another name.
        wrapped = {key.replace("-", "_"): {key: value} for key, value in page.sections.items()}
        text = environment().get_template(page.template).render(wrapped)
    parsed = yamlio.parse(text)
    if parsed != page.sections and parsed != _plain(page.sections):
        raise RenderError(f"{page.path}: what was rendered does not parse back to what was planned")
    return text


def _json(data: Any) -> str:
    """Return what ``json.dumps`` with an indent returns, which is several times as slow."""
    text = to_json(data, indent=2).decode()
    return _SMALL.sub(_python_small, _EXPONENT.sub(_python_exponent, text))


def _python_exponent(found: re.Match[str]) -> str:
    return f"e{int(found.group(1)):+03}"


def _python_small(found: re.Match[str]) -> str:
    # The end of a larger number, such as 10.00001, is none.
    larger = found.start() > 0 and found.string[found.start() - 1].isdigit()
    return found.group() if larger else repr(float(found.group()))


def _plain(value: Any) -> Any:
    """Return data with tuples as lists, as a parser gives it."""
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in value]
    return value


def render(pages: Iterable[Page]) -> dict[str, bytes]:
    """Return path -> bytes, sorted by path; two pages for one path are a fault."""
    files: dict[str, bytes] = {}
    for page in pages:
        if page.path in files:
            raise RenderError(f"{page.path} is planned twice")
        files[page.path] = render_page(page)
    return dict(sorted(files.items()))
