"""Foreign text made fit to be shown: names of spans, values of labels, words of programs, paths.

Whoever can send telemetry chooses such texts. On a terminal an escape sequence moves the
cursor, changes the title or answers for the user; in a page a separator ends a script. There
is one function for all of them.
"""

from __future__ import annotations


def printable(text: str, *, lines: bool = False, most: int = 4_000) -> str:
    r"""Return text in which every character that does not print is written as its escape.

    So ESC becomes ``\x1b`` and U+202E ``\u202e``. lines: newlines are kept, and tabs become
    spaces. What is longer than ``most`` characters is cut, with ``...`` at its end.
    """
    if lines:
        text = text.replace("\t", "    ")
    shown = text[:most]
    if not shown.isprintable():
        kept = "\n" if lines else ""
        shown = "".join(c if c.isprintable() or c == kept else ascii(c)[1:-1] for c in shown)
    return shown if len(text) <= most else f"{shown}..."
