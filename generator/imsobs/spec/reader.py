"""One YAML file: its text to plain data, the position of every key, and problems.

Reads YAML 1.2's idea of booleans and numbers (``on`` and ``1:30`` stay text), refuses duplicate
keys, anchors that multiply and deep nesting, so that a hostile file costs bounded time.
"""

from __future__ import annotations

import datetime
import re
from dataclasses import replace
from functools import cached_property
from itertools import islice
from typing import Any, ClassVar

import yaml

from imsobs import yamlio
from imsobs.problems import KeyPath, Position, Problem
from imsobs.spec.characters import forbidden, places
from imsobs.spec.syntax import explain, swallowed
from imsobs.spec.texts import Source

MAX_DEPTH = 40
MAX_NODES = 100_000
MAX_KEY = 1000
MAX_TEXT = 20_000
# Of a list, or of a mapping within an entry: values of a label, prices of a model.
MAX_ENTRIES = 2000
_PLAIN_TAGS = ("tag:yaml.org,2002:map", "tag:yaml.org,2002:seq")

_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Yaml12Loader(_Base):  # type: ignore[misc]
    """SafeLoader whose plain scalars follow the YAML 1.2 core schema, plus dates."""

    yaml_implicit_resolvers: ClassVar[dict[str, list[tuple[str, re.Pattern[str]]]]] = {}


for _tag, _pattern, _first in (
    ("bool", r"^(?:true|false)$", "tf"),
    ("null", r"^(?:null|~|)$", ["n", "~", ""]),
    ("int", r"^[-+]?[0-9]+$", "-+0123456789"),
    ("float", r"^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$", "-+0123456789."),
    ("timestamp", r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$", "0123456789"),
):
    Yaml12Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}", re.compile(_pattern), list(_first)
    )


class Reader:
    """Turns one composed YAML node tree into data, positions, sources of texts and problems."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.text = ""
        self.positions: dict[KeyPath, Position] = {}
        self.sources: dict[KeyPath, Source] = {}
        self.problems: list[Problem] = []
        self.nodes = 0
        self.readable = True
        self.swallowed: tuple[str, Position] | None = None
        self._odd_lines: set[int] = set()

    def at(self, mark: yaml.Mark) -> Position:
        """Return the place in the file of a place in its text."""
        return Position(self.file, mark.line + 1, mark.column + 1)

    def _position(self, node: yaml.Node) -> Position:
        return self.at(node.start_mark)

    def _problem(self, node: yaml.Node, path: KeyPath, message: str, check: str) -> None:
        self.problems.append(Problem(path, message, check, self._position(node)))

    def look_at_characters(self, text: str) -> None:
        """Note every line that holds a forbidden character, comments included."""
        for line, column, name in places(text):
            self._odd_lines.add(line)
            self._character(Position(self.file, line, column), (), name)

    def name_the_places(self) -> None:
        """Give the problems of single lines the key path that they belong to."""
        keys = sorted((place.line, place.column, path) for path, place in self.positions.items())
        for index, problem in enumerate(self.problems):
            if problem.check == "yaml/character" and not problem.path and problem.position:
                here = (problem.position.line, problem.position.column)
                path = max((key for key in keys if key[:2] <= here), default=(1, 1, ()))[2]
                self.problems[index] = replace(problem, path=path)

    def _character(self, place: Position, path: KeyPath, name: str) -> None:
        message = f"the character {name} is not allowed: it shows other than what is there"
        self.problems.append(Problem(path, message, "yaml/character", place))

    def _escaped_character(self, node: yaml.Node, path: KeyPath, *, key: bool) -> bool:
        """Return whether a text holds a forbidden character, and note one that was escaped."""
        name = forbidden(node.value, key=key)
        if name is None:
            return False
        lines = range(node.start_mark.line + 1, node.end_mark.line + 2)
        if not self._odd_lines.intersection(lines):
            self._character(self._position(node), path, name)
        return True

    def read(self, node: yaml.Node, path: KeyPath = ()) -> Any:
        """Return the data of a node; what cannot be read is None and a problem."""
        self.nodes += 1
        if self.nodes > MAX_NODES or len(path) > MAX_DEPTH:
            if not any(problem.check == "yaml/too-large" for problem in self.problems):
                limits = f"{MAX_NODES} values after aliases are expanded, {MAX_DEPTH} levels"
                self.readable = False
                self._problem(node, path[:3], f"the file is larger than {limits}", "yaml/too-large")
            return None
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, path)
        if len(node.value) > MAX_ENTRIES and (path[1:] or isinstance(node, yaml.SequenceNode)):
            message = f"{len(node.value)} entries; at most {MAX_ENTRIES}"
            self._problem(node, path, message, "yaml/too-large")
            return None
        if node.tag not in _PLAIN_TAGS:
            self._problem(node, path, f"tag {node.tag} is not allowed", "yaml/tag")
            return None
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        for index, item in enumerate(node.value):
            self.positions[(*path, index)] = self._position(item)
        return [self.read(item, (*path, i)) for i, item in enumerate(node.value)]

    def _mapping(self, node: yaml.MappingNode, path: KeyPath) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self._problem(key_node, path, "a key must be plain text", "yaml/key")
                continue
            key = key_node.value
            if len(key) > MAX_KEY:
                message = f"a key of {len(key)} characters; at most {MAX_KEY}"
                self._problem(key_node, path, message, "yaml/key")
                continue
            here = (*path, key)
            if self._escaped_character(key_node, path, key=True):
                continue
            if key in result:
                first = self.positions[here]
                message = f"duplicate key; first given at line {first.line}"
                self._problem(key_node, here, message, "yaml/duplicate-key")
                continue
            self.positions[here] = self._position(key_node)
            result[key] = self.read(value_node, here)
        return result

    @cached_property
    def _lines(self) -> list[str]:
        return self.text.split("\n")

    def _look_inside(self, node: yaml.ScalarNode) -> None:
        """Note a quoted text that holds entries of the spec: its quote is closed too late."""
        message = swallowed(self._lines, node.start_mark, node.end_mark)
        if message and self.swallowed is None:
            self.swallowed = (message, self._position(node))

    def _scalar(self, node: yaml.ScalarNode, path: KeyPath) -> Any:
        text = node.value
        match node.tag.rsplit(":", 1)[-1]:
            case "bool":
                return text == "true"
            case "null":
                return None
            case "int":
                # Python refuses to convert absurdly long digit strings; such a value is a
                # fault of the spec, not of the program.
                return int(text) if len(text) < 64 else float("inf")
            case "float":
                return float(text)
            case "timestamp":
                try:
                    return datetime.date.fromisoformat(text)
                except ValueError:
                    self._problem(node, path, f'"{text}" is not a calendar date', "yaml/date")
                    return None
            case "str" if len(text) > MAX_TEXT:
                message = f"a text of {len(text)} characters; at most {MAX_TEXT}"
                self._problem(node, path, message, "yaml/too-large")
                return None
            case "str":
                start, end = node.start_mark.index, node.end_mark.index
                if node.style in ("'", '"') and node.start_mark.line < node.end_mark.line:
                    self._look_inside(node)
                self.sources[path] = Source(text, self.text, start, end, node.style)
                return None if self._escaped_character(node, path, key=False) else text
        self._problem(node, path, f"tag {node.tag} is not allowed", "yaml/tag")
        return None


def _beyond(text: str) -> Any:
    """Return where a text has more values than a file may have, None where it has fewer."""
    # Each takes a character at least, so hardly any text has to be looked through.
    if len(text) < 2 * MAX_NODES:
        return None
    scalars = (e for e in yaml.parse(text, Loader=_Base) if isinstance(e, yaml.ScalarEvent))
    event = next(islice(scalars, 2 * MAX_NODES, None), None)
    return event.start_mark if event is not None else None


def read_text(text: str, reader: Reader) -> dict[str, Any]:
    """Return the data of a file's text; what is wrong with it is noted by the reader."""
    start = Position(reader.file, 1, 1)

    def fail(message: str, check: str, position: Position = start) -> dict[str, Any]:
        reader.problems.append(Problem((), message, check, position))
        reader.readable = False
        return {}

    reader.text = text
    reader.look_at_characters(text)
    if (depth := yamlio.nesting(text)) > MAX_DEPTH:
        return fail(f"brackets nest {depth} deep; at most {MAX_DEPTH}", "yaml/too-large")
    try:
        if beyond := _beyond(text):
            return fail(f"has more than {MAX_NODES} values", "yaml/too-large", reader.at(beyond))
        node = yaml.compose(text, Loader=Yaml12Loader)
        data = reader.read(node) if node is not None else {}
        if reader.swallowed is not None:
            message, position = reader.swallowed
            return fail(message, "yaml/syntax", position)
    except yaml.MarkedYAMLError as error:
        message, line, column = explain(error, text)
        return fail(message, "yaml/syntax", Position(reader.file, line, column))
    except yaml.YAMLError as error:
        # Refused by the YAML reader for a character that is a problem already.
        reader.readable = False
        return {} if reader.problems else fail(str(error).splitlines()[0], "yaml/syntax")
    except RecursionError:
        return fail(f"nests deeper than {MAX_DEPTH} levels", "yaml/too-large")
    if not text.strip():
        return fail("the file is empty; give it a section, or leave it out", "yaml/empty")
    if not isinstance(data, dict):
        return fail("the root must be a mapping of sections", "yaml/root")
    reader.name_the_places()
    return data
