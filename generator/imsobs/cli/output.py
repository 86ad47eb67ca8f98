"""Consoles: results go to standard output, everything else to standard error.

What a command prints is markup of this program around text of others. ``foreign`` is the one
way for such text; what rich would take for markup in it, and what a terminal would obey, is
shown instead.
"""

from __future__ import annotations

import json
from typing import Any

from rich.console import Console
from rich.markup import escape

from imsobs.terminal import printable

results = Console(highlight=False, soft_wrap=True)
errors = Console(stderr=True, highlight=False, soft_wrap=True)
_LONGEST = 200_000


def foreign(text: object, *, lines: bool = False) -> str:
    """Return foreign text for ``print`` and tables; lines: newlines are kept."""
    return escape(printable(str(text), lines=lines, most=_LONGEST))


def print_plain(text: str, end: str = "\n") -> None:
    """Print foreign lines as they are but for what a terminal would obey."""
    results.out(printable(text, lines=True, most=len(text) + 1), end=end, highlight=False)


def print_json(data: Any) -> None:
    """Print data as JSON, in ASCII: what does not print is escaped, as JSON escapes."""
    results.print_json(json.dumps(data), ensure_ascii=True)
