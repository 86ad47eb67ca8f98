"""Foreign text made fit to be shown: names of spans, values of labels, words of programs, paths.

Whoever can send telemetry chooses such texts. On a terminal an escape sequence moves the
cursor, changes the title or answers for the user; in a page a separator ends a script. There
is one function for all of them. So is what a build's log obeys: GitHub's and Azure's runners read
commands in what a step prints.
"""

from __future__ import annotations

import re

# Of GitHub at a line's beginning, which a table or a narrow terminal can make of any place; of
# GitHub's older form and of Azure anywhere.
_COMMAND = re.compile(
    r"::(?=(?:add-mask|add-matcher|add-path|debug|echo|endgroup|error|group|notice|remove-matcher"
    r"|save-state|set-env|set-output|stop-commands|warning)(?: |::))|##(?=\[|vso\[)",
    re.IGNORECASE,
)


def printable(text: str, *, lines: bool = False, most: int = 4_000) -> str:
    r"""Return text in which every character that does not print is written as its escape.

    So ESC becomes ``\x1b`` and U+202E ``\u202e``; the second character of what a runner would
    take for a command is written so, too. lines: newlines are kept, and tabs become spaces. What
    is longer than ``most`` characters is cut, with ``...`` at its end.
    """
    if lines:
        text = text.replace("\t", "    ")
    shown = text[:most]
    if not shown.isprintable():
        kept = "\n" if lines else ""
        shown = "".join(c if c.isprintable() or c == kept else ascii(c)[1:-1] for c in shown)
    if "::" in shown or "##" in shown:
        shown = _COMMAND.sub(_disarmed, shown)
    return shown if len(text) <= most else f"{shown}..."


def _disarmed(command: re.Match[str]) -> str:
    mark = command.group()
    return f"{mark[0]}\\x{ord(mark[1]):02x}"
