"""A verdict in the spec's terms: which entries made what a program objects to."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import yaml

from imsobs.places import FilePlaces, Node
from imsobs.problems import KeyPath

# More would not be read.
_MOST = 5
_RULE = re.compile(r'group "(?P<group>[^"]+)", rule \d+, "(?P<rule>[^"]+)"')
_NAMED = re.compile(r'rule (?P<rule>[^\s"]+)')
_LINE = re.compile(r"(?:\bline |\.ya?ml: ?|\.ya?ml:)(?P<line>\d+)\b")
# The Collector's parser reports the column in a statement that it does not quote.
_SYNTAX = re.compile(r"invalid syntax at 1:(?P<column>\d+)(?: near `(?P<near>[^`]*)`)?")
_COMPONENT = re.compile(r'(?:::|for "|for id: ")(?P<id>[a-z_]+(?:/[a-z_]+)?)[":]')
_SERVICE = re.compile(r"services\.(?P<name>[a-z]+)")


def entries(said: str, places: FilePlaces, rendered: str) -> list[KeyPath]:
    """Return the entries of the spec that a program's words are about, the surest first.

    said: its words. rendered: the text of the file. Empty when nothing of it is known.
    """
    for found in (_quoted, _rules, _syntax, _lines, _components):
        paths = list(dict.fromkeys(found(said, places, rendered)))
        if paths:
            return paths[:_MOST]
    whole = places.of_node(())
    return [whole] if whole else []


def _quoted(said: str, places: FilePlaces, rendered: str) -> Iterator[KeyPath]:
    """Yield the entries of texts that are quoted as Go quotes them."""
    for text, paths in places.texts.items():
        # What only quotes distinguish could be a part of another text.
        if json.dumps(text, ensure_ascii=False) in said:
            yield from paths


def _rules(said: str, places: FilePlaces, rendered: str) -> Iterator[KeyPath]:
    for rule in _RULE.finditer(said):
        yield from places.texts.get(f"{rule['group']}/{rule['rule']}", ())
    for rule in _NAMED.finditer(said):
        for text, paths in places.texts.items():
            if text.endswith(f"/{rule['rule']}"):
                yield from paths


def _syntax(said: str, places: FilePlaces, rendered: str) -> Iterator[KeyPath]:
    for fault in _SYNTAX.finditer(said):
        begin, near = int(fault["column"]) - 1, fault["near"]
        for text, paths in places.texts.items():
            if text.startswith(near, begin) if near else len(text) == begin:
                yield from paths


def _lines(said: str, places: FilePlaces, rendered: str) -> Iterator[KeyPath]:
    for found in _LINE.finditer(said):
        path = places.of_node(node_at(rendered, int(found["line"])))
        if path:
            yield path


def _components(said: str, places: FilePlaces, rendered: str) -> Iterator[KeyPath]:
    for service in _SERVICE.finditer(said):
        path = places.nodes.get(("services", service["name"]))
        if path:
            yield path
    begins = {str(node[0]): path for node, path in places.nodes.items() if len(node) == 1}
    for component in _COMPONENT.finditer(said):
        fitting = [prefix for prefix in begins if component["id"].startswith(prefix)]
        if fitting:
            yield begins[max(fitting, key=len)]


def node_at(text: str, line: int) -> Node:
    """Return the innermost node of a YAML text that begins on a line or goes over it.

    line: counts from 1.
    """
    try:
        root = yaml.compose(text, Loader=yaml.CSafeLoader)
    except yaml.YAMLError:
        return ()
    return _within(root, line - 1, ())


def _within(node: yaml.Node | None, line: int, path: Node) -> Node:
    match node:
        case yaml.MappingNode():
            pairs = [(key.value, key.start_mark.line, value) for key, value in node.value]
        case yaml.SequenceNode():
            pairs = [(i, item.start_mark.line, item) for i, item in enumerate(node.value)]
        case _:
            return path
    # The last that begins on this line or before holds it.
    holding = [(key, value) for key, begin, value in pairs if begin <= line]
    return _within(holding[-1][1], line, (*path, holding[-1][0])) if holding else path
