"""What is wrong with a text that is no YAML: its cause, its place and its remedy.

The YAML reader tells where it gave up, often far behind the fault, in the terms of its grammar.
"""

from __future__ import annotations

import re

import yaml

_OPENED = {
    "while scanning a quoted scalar": "this quote is not closed",
    "while parsing a flow mapping": "this { is not closed, or a comma is missing after an entry",
    "while parsing a flow sequence": "this [ is not closed, or a comma is missing after an entry",
}
_QUOTED = "quotes around the text: '...'"
_TEMPLATE = re.compile(r"^\s*(?:- )?[^\s:#][^:#]*: +(\{\{)")


def explain(error: yaml.MarkedYAMLError, text: str) -> tuple[str, int, int]:
    """Return message, line and column (from 1) of the fault behind a YAML reader's error."""
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line, mark.column) if mark else (0, 0)
    lines = text.split("\n")
    # A text goes on until behind a tab, so the reader may give up one line later.
    for number in (line, line - 1):
        tab = re.match(r" *\t", lines[number]) if 0 <= number < len(lines) else None
        if tab:
            return "indented by a tab; YAML wants spaces", number + 1, tab.end()
    for number in range(line, max(line - 2, -1), -1):
        braces = _TEMPLATE.match(lines[number]) if number < len(lines) else None
        if braces:
            message = f"a text that begins with {{{{ needs {_QUOTED}"
            return message, number + 1, braces.start(1) + 1
    opened = _OPENED.get(f"{error.context}")
    if opened and error.context_mark:
        place = error.context_mark
        return opened, place.line + 1, place.column + 1
    at = lines[line][column : column + 1] if line < len(lines) else ""
    return _cause(error, at), line + 1, column + 1


def _cause(error: yaml.MarkedYAMLError, at: str) -> str:
    problem = f"{error.problem or error.context}"
    if problem.startswith("found character that cannot start") and at:
        return f"a text that begins with {at} needs {_QUOTED}"
    if problem.startswith("mapping values are not allowed"):
        return f"a second colon in one line; a text with a colon and a space needs {_QUOTED}"
    if problem == "did not find expected key":
        return "no key of this mapping stands here; indent it as its neighbours are"
    if problem.startswith("but found another document"):
        return "a second document begins here; put its entries into a file of its own"
    if "alias" in problem:
        return f"a text that begins with * needs {_QUOTED}; as an alias it has no anchor"
    context = f" ({error.context})" if error.context else ""
    return f"{problem}{context}"
