"""Consoles: results go to standard output, everything else to standard error.

What a command prints is markup of this program around text of others. ``foreign`` is the one
way for such text; what rich would take for markup in it, and what a terminal would obey, is
shown instead.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from rich.console import Console
from rich.highlighter import JSONHighlighter
from rich.markup import escape

from imsobs.terminal import printable

# No emoji: names of recording rules have colons, and :a: would be shown as a picture.
results = Console(highlight=False, soft_wrap=True, emoji=False)
errors = Console(stderr=True, highlight=False, soft_wrap=True, emoji=False)
_LONGEST = 200_000


def foreign(text: object, *, lines: bool = False) -> str:
    """Return foreign text for ``print`` and tables; lines: newlines are kept."""
    return escape(printable(str(text), lines=lines, most=_LONGEST))


def print_plain(text: str, end: str = "\n") -> None:
    """Print foreign lines as they are but for what a terminal would obey."""
    results.out(printable(text, lines=True, most=len(text) + 1), end=end, highlight=False)


def print_commands(lines: Iterable[str]) -> None:
    """Print commands for the runner of a build, whose texts are escaped as it wants them."""
    for line in lines:
        results.out(line, highlight=False)


def print_json(data: Any) -> None:
    """Print data as JSON, in ASCII: what does not print is escaped, as JSON escapes.

    A number sign is escaped where a build's runner would read a command.
    """
    text = json.dumps(data, indent=2)
    text = text.replace("##[", "#\\u0023[").replace("##vso[", "#\\u0023vso[")
    results.print(JSONHighlighter()(text))
