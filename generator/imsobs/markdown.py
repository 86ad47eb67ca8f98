"""Texts of the spec in Markdown pages: they may emphasize and link, and do nothing else.

A page is read in browsers and by people at night. So HTML is shown as text, pictures are not
fetched, links lead to web pages, mail or beside the page only, and no text ends the block
(table cell, quotation, code) that it stands in.
"""

from __future__ import annotations

import re
from typing import Any

_CODE = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)")
_ENTITY = re.compile(r"&(?=#?\w+;)")
# [text](target): what is not a web page, an address or a place nearby.
_FOREIGN_LINK = re.compile(r"\]\((?!\s*(?:https?://|mailto:|[\w./#-]+[)\s]|\)))", re.IGNORECASE)
# What begins a block where a line begins: heading, quotation, list, fence, definition, rule.
_BLOCK = re.compile(r"^(?=#{1,6}\s|>|[-+*](?:\s|$)|~{3}|`{3}|\[[^\]]*\]:|[-=_*]{3,}\s*$)")
_NUMBERED = re.compile(r"^(\d{1,9})([.)])(?=\s|$)")


def prose(value: Any) -> str:
    """Return a text as one paragraph: emphasis, code and links stay, HTML and pictures do not."""
    text = _inline(" ".join(str(value).split()), _plain)
    return _NUMBERED.sub(r"\1\\\2", _BLOCK.sub(r"\\", text))


def _plain(text: str) -> str:
    text = _ENTITY.sub("&amp;", text).replace("<", "&lt;").replace("![", "!\\[")
    return _FOREIGN_LINK.sub(r"]\\(", text)


def _inline(text: str, outside: Any) -> str:
    """Apply a function to what is not inside a code span, where nothing is interpreted."""
    found, end = [], 0
    for match in _CODE.finditer(text):
        found += [outside(text[end : match.start()]), match.group()]
        end = match.end()
    return "".join([*found, outside(text[end:])])


def cell(value: Any) -> str:
    """Return a value, or the items of a list, as the text of a table's cell."""
    text = ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
    text = " ".join(text.split())
    return _inline(text, lambda part: _plain(part.replace("\\", "\\\\"))).replace("|", "\\|")


def code(value: Any) -> str:
    """Return a value as a code span: nothing in it is interpreted."""
    text = " ".join(str(value).split())
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * (longest + 1)
    space = " " if text.startswith("`") or text.endswith("`") or not text else ""
    return f"{fence}{space}{text}{space}{fence}"


def code_cell(value: Any) -> str:
    """Return a value as a code span in a table's cell."""
    return code(value).replace("|", "\\|")


def fenced(value: Any, language: str = "") -> str:
    """Return a text of several lines as a code block that nothing in it can end."""
    text = str(value).strip("\n")
    longest = max((len(run) for run in re.findall(r"`{3,}", text)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"
