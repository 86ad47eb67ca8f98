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
# What begins a text of several lines.
_BLOCK = re.compile(r":\s+[|>][-+]?\s*(?:#.*)?$")
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
    if told := _told_by_the_text_before(error, text, lines):
        return told
    if f"{error.problem}".startswith("found unknown escape character"):
        found = lines[line][column : column + 2]
        message = f"{found} means nothing in double quotes; put the text into single ones: '...'"
        return message, line + 1, column + 1
    opened = _OPENED.get(f"{error.context}")
    at = lines[line][column : column + 1] if line < len(lines) else ""
    if f"{error.problem}".startswith("could not find expected ':'") and error.context_mark:
        return _no_colon(lines, error.context_mark.line)
    if opened and error.context_mark:
        place = error.context_mark
        if "quote" not in opened and (comment := _hidden_by_comment(lines, place.line, line)):
            return comment
        if "quote" not in opened and place.line == line and at in (":", "{", "["):
            return _inside_brackets(at), line + 1, column + 1
        return opened, place.line + 1, place.column + 1
    return _cause(error, at), line + 1, column + 1


def swallowed(lines: list[str], start: yaml.Mark, end: yaml.Mark) -> str | None:
    """Return the message for a quoted text that goes on over lines which are entries.

    lines: of the file; start, end: of the text with its quotes. A quote that is not closed ends at
    the next one, wherever that is; the lines of a text stand further in than its key.
    """
    indent = len(lines[start.line]) - len(lines[start.line].lstrip())
    for number in range(start.line + 1, min(end.line + 1, len(lines))):
        entry = re.match(r"( *)(?:- )?[A-Za-z_][\w.-]*:(?: |$)", lines[number])
        if entry and len(entry[1]) <= indent:
            return f"this quote is not closed before line {number + 1}"
    return None


def _no_colon(lines: list[str], number: int) -> tuple[str, int, int]:
    """Return what is wrong with a line that is no entry, where an entry must stand."""
    column = len(lines[number]) - len(lines[number].lstrip())
    before = next((line for line in reversed(lines[:number]) if line.strip()), "")
    if _BLOCK.search(before):
        message = "indented no further than the key of this text; indent every line of it further"
    else:
        message = "no colon: write KEY: VALUE, a colon and a space"
    return message, number + 1, column + 1


def _inside_brackets(at: str) -> str:
    if at == ":":
        message = "a second colon in one entry: a comma is missing before it, or the text that it"
        return f"{message} is part of needs {_QUOTED}"
    return f"a text with {at} between brackets needs {_QUOTED}"


def _told_by_the_text_before(
    error: yaml.MarkedYAMLError, text: str, lines: list[str]
) -> tuple[str, int, int] | None:
    """Return what is wrong with the last text before an error, which went on further than meant."""
    last, mark = _last_text(text, error), error.problem_mark
    if last is None or mark is None:
        return None
    start, end = last.start_mark, last.end_mark
    problem = f"{error.problem}"
    if last.style in ("'", '"') and problem == "did not find expected key":
        if start.line < end.line:
            message = f"this quote is not closed before line {end.line + 1}"
            return message, start.line + 1, start.column + 1
        inside = "''" if last.style == "'" else '\\"'
        message = f"this quote closes the text; inside the text write {inside}"
        return message, end.line + 1, end.column
    if last.style or start.line == mark.line or not problem.startswith("mapping values"):
        return None
    if not lines[start.line][: start.column].strip(" -"):
        return "no key: write KEY: VALUE, a colon and a space", start.line + 1, start.column + 1
    column = len(lines[mark.line]) - len(lines[mark.line].lstrip())
    message = "indented further than the key before it, so it is read as more of that key's text;"
    return f"{message} indent both alike", mark.line + 1, column + 1


def _last_text(text: str, error: yaml.MarkedYAMLError) -> yaml.ScalarToken | None:
    """Return the last scalar that the YAML reader has read before an error."""
    last: yaml.ScalarToken | None = None
    mark = error.problem_mark
    try:
        for token in yaml.scan(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
            if mark is None or token.start_mark.index >= mark.index:
                break
            if isinstance(token, yaml.ScalarToken):
                last = token
    except yaml.YAMLError:
        pass
    return last


def _hidden_by_comment(lines: list[str], first: int, last: int) -> tuple[str, int, int] | None:
    """Return the comment that swallows the rest of a mapping or list, such as ``{a: #b}``."""
    for number in range(first, min(last + 1, len(lines))):
        comment = re.search(r"[:,\[{] (#[^\s].*[\]}])\s*$", lines[number])
        if comment:
            message = (
                f"a # behind a space begins a comment; a text that begins with # needs {_QUOTED}"
            )
            return message, number + 1, comment.start(1) + 1
    return None


def _cause(error: yaml.MarkedYAMLError, at: str) -> str:
    problem = f"{error.problem or error.context}"
    if problem.startswith("found character that cannot start") and at:
        return f"a text that begins with {at} needs {_QUOTED}"
    if problem.startswith("mapping values are not allowed"):
        return f"a second colon in one line; a text with a colon and a space needs {_QUOTED}"
    if problem == "did not find expected key" and at == "-":
        return "an item of a list stands among keys; write KEY: VALUE, without the dash"
    if problem == "did not find expected key":
        return "no key of this mapping stands here; indent it as its neighbours are"
    if problem.startswith("but found another document"):
        return "a second document begins here; put its entries into a file of its own"
    if "alias" in problem:
        return f"a text that begins with * needs {_QUOTED}; as an alias it has no anchor"
    context = f" ({error.context})" if error.context else ""
    return f"{problem}{context}"
