"""Render: planned data to bytes.

Stage 6 of load -> parse -> resolve -> check -> plan -> render. Configuration is dumped,
never pasted: a template orders whole top-level sections and explains them in comments, and
nothing else (docs/adr/0025-what-a-template-may-add.md).
"""

from __future__ import annotations

import functools
import json
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jinja2

from imsobs import markdown, private, yamlio
from imsobs.cache import cache_dir
from imsobs.errors import ImsobsError

TEMPLATES = Path(__file__).parent / "templates"
HEADER = "Generated from the files in spec/ by `imsobs render`. Do not edit: change the spec."


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

    @functools.cached_property
    def dumped(self) -> dict[str, str]:
        """Section -> its YAML. With its key, so that a template cannot give it another."""
        return {key: yamlio.dump({key: value}) for key, value in self.sections.items()}

    @property
    def text(self) -> str:
        """The sections as one YAML text, without header and comments."""
        return "".join(self.dumped.values())


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


@dataclass(frozen=True)
class YamlStream:
    """Several YAML documents in one file, as Kubernetes takes its objects."""

    path: str
    documents: list[dict[str, Any]]


Page = YamlPage | YamlStream | JsonPage | TextPage


def _compiled_templates() -> jinja2.BytecodeCache | None:
    """Return a cache of compiled templates, private to the user; None where there is no place.

    Measured gain: 0.05 of 0.95 CPU seconds of a rendering of the spec at its size.
    """
    # Cached templates are executed: they are read only from folders that are this user's alone.
    try:
        folder = cache_dir() / "templates"
        private.make(folder.parent, "")
        private.make(folder, "")
    except (ImsobsError, OSError, RuntimeError):
        return None
    return jinja2.FileSystemBytecodeCache(str(folder)) if os.access(folder, os.W_OK) else None


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
    for name in ("cell", "code", "code_cell", "fenced", "prose"):
        env.filters[name] = getattr(markdown, name)
    env.globals["header"] = HEADER
    return env


def render_page(page: Page) -> bytes:
    """Return the bytes of one page: UTF-8, Unix line ends, one of them at the end."""
    match page:
        case YamlPage():
            text = _yaml(page)
        case YamlStream():
            text = "---\n".join([f"# {HEADER}\n", *map(yamlio.dump, page.documents)])
        case JsonPage():
            text = json.dumps(page.data, indent=2, ensure_ascii=False)
        case TextPage():
            text = environment().get_template(page.template).render(page.context)
    return (text.rstrip("\n") + "\n").encode()


def _yaml(page: YamlPage) -> str:
    if page.template is None:
        return f"# {HEADER}\n" + page.text
    named = {re.sub(r"\W", "_", key): text.removesuffix("\n") for key, text in page.dumped.items()}
    text = environment().get_template(page.template).render(named)
    # Apart from the sections, each once and from the start of a line, there are only comments.
    rest = f"\n{text}\n"
    for key, section in page.dumped.items():
        before, found, after = rest.partition(f"\n{section}")
        if not found:
            raise RenderError(f"{page.path}: {page.template} does not give {key} as it was planned")
        rest = f"{before}\n{after}"
    if added := [line for line in rest.split("\n") if line and not line.startswith("#")]:
        raise RenderError(f"{page.path}: {page.template} adds {added[0]!r}")
    return text


def render(pages: Iterable[Page]) -> dict[str, bytes]:
    """Return path -> bytes, sorted by path; two pages for one path are a fault."""
    files: dict[str, bytes] = {}
    for page in pages:
        if page.path in files:
            raise RenderError(f"{page.path} is planned twice")
        files[page.path] = render_page(page)
    return dict(sorted(files.items()))
