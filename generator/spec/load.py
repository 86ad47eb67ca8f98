"""Load: YAML text to plain data plus the position of every key.

Stage 1 of load -> parse -> check -> resolve -> plan -> render. Reads YAML 1.2's idea of
booleans and numbers (``on`` and ``1:30`` stay text), refuses duplicate keys, anchors that
multiply, deep nesting and oversized files, so that a hostile file costs bounded time.
"""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import yaml

from generator.problems import KeyPath, Position, Problem, dotted

MAX_BYTES = 8 * 1024 * 1024
MAX_DEPTH = 40
MAX_NODES = 500_000
# Characters of one problem's line; the listing of what is allowed may be long.
_LONGEST_MESSAGE = 4_000
_PLAIN_TAGS = ("tag:yaml.org,2002:map", "tag:yaml.org,2002:seq")

_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Yaml12Loader(_Base):  # type: ignore[misc]
    """SafeLoader whose plain scalars follow the YAML 1.2 core schema, plus dates."""

    yaml_implicit_resolvers: ClassVar[dict[str, list[tuple[str, re.Pattern[str]]]]] = {}


for _tag, _pattern, _first in (
    ("bool", r"^(?:true|false)$", "tf"),
    ("null", r"^(?:null|~|)$", ["n", "~", ""]),
    ("int", r"^[-+]?[0-9]+$", "-+0123456789"),
    ("float", r"^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$", "-+0123456789."),
    ("timestamp", r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$", "0123456789"),
):
    _Yaml12Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}", re.compile(_pattern), list(_first)
    )


@dataclass
class Document:
    """Plain data of one or more merged files, with positions.

    data: what YAML calls a mapping at the root; positions: key path -> place of the key
    (of a mapping entry) or of the value (of a list item).
    """

    data: dict[str, Any] = field(default_factory=dict)
    positions: dict[KeyPath, Position] = field(default_factory=dict)
    root: str = ""

    def locate(self, path: KeyPath) -> Position:
        """Return the position of the longest prefix of ``path`` that the files contain."""
        for end in range(len(path), 0, -1):
            if found := self.positions.get(path[:end]):
                return found
        return Position(self.root, 1, 1)

    def format(self, problem: Problem) -> str:
        """Return one line: ``file:line:column: key.path: message [check/id]``."""
        position = problem.position or self.locate(problem.path)
        told = _one_line(f"{dotted(problem.path)}: {problem.message}")
        return f"{position}: {told} [{problem.check}]"


def _one_line(text: str) -> str:
    """Return text in which nothing breaks the line, moves the cursor or never ends."""
    shown = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text[:_LONGEST_MESSAGE])
    return shown if len(text) <= _LONGEST_MESSAGE else f"{shown}..."


class _Reader:
    """Turns one composed YAML node tree into data, positions and problems."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.positions: dict[KeyPath, Position] = {}
        self.problems: list[Problem] = []
        self.nodes = 0

    def _position(self, node: yaml.Node) -> Position:
        return Position(self.file, node.start_mark.line + 1, node.start_mark.column + 1)

    def _problem(self, node: yaml.Node, path: KeyPath, message: str, check: str) -> None:
        self.problems.append(Problem(path, message, check, self._position(node)))

    def read(self, node: yaml.Node, path: KeyPath = ()) -> Any:
        self.nodes += 1
        if self.nodes > MAX_NODES or len(path) > MAX_DEPTH:
            if not any(problem.check == "yaml/too-large" for problem in self.problems):
                limits = f"{MAX_NODES} values after aliases are expanded, {MAX_DEPTH} levels"
                self._problem(node, path[:3], f"the file is larger than {limits}", "yaml/too-large")
            return None
        if not isinstance(node, yaml.ScalarNode) and node.tag not in _PLAIN_TAGS:
            self._problem(node, path, f"tag {node.tag} is not allowed", "yaml/tag")
            return None
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            for index, item in enumerate(node.value):
                self.positions[(*path, index)] = self._position(item)
            return [self.read(item, (*path, i)) for i, item in enumerate(node.value)]
        return self._scalar(node, path)

    def _mapping(self, node: yaml.MappingNode, path: KeyPath) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self._problem(key_node, path, "a key must be plain text", "yaml/key")
                continue
            key = key_node.value
            here = (*path, key)
            if key in result:
                first = self.positions[here]
                message = f"duplicate key; first given at line {first.line}"
                self._problem(key_node, here, message, "yaml/duplicate-key")
                continue
            self.positions[here] = self._position(key_node)
            result[key] = self.read(value_node, here)
        return result

    def _scalar(self, node: yaml.Node, path: KeyPath) -> Any:
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
            case "str":
                return text
        self._problem(node, path, f"tag {node.tag} is not allowed", "yaml/tag")
        return None


def _merge(base: Any, overlay: Any) -> Any:
    """Return base with overlay laid over it: mappings merge, everything else replaces."""
    if isinstance(base, dict) and isinstance(overlay, dict):
        merged = dict(base)
        for key, value in overlay.items():
            merged[key] = _merge(base[key], value) if key in base else value
        return merged
    return overlay


def load(files: list[Path]) -> tuple[Document, list[Problem]]:
    """Read the spec and any overlays (later files win, mapping by mapping).

    Returns the document and every problem found; the data is whole only without problems.
    """
    document = Document(root=str(files[0]))
    problems: list[Problem] = []
    for file in files:
        reader = _Reader(str(file))
        data = _read_file(file, reader)
        problems += reader.problems
        document.positions.update(reader.positions)
        document.data = _merge(document.data, data)
    return document, problems


def _read_file(file: Path, reader: _Reader) -> dict[str, Any]:
    start = Position(str(file), 1, 1)

    def fail(message: str, check: str, position: Position = start) -> dict[str, Any]:
        reader.problems.append(Problem((), message, check, position))
        return {}

    try:
        size = file.stat().st_size
        if size > MAX_BYTES:
            return fail(
                f"the file has {size} bytes; at most {MAX_BYTES} are read", "yaml/too-large"
            )
        text = file.read_bytes().decode("utf-8-sig")
    except OSError as error:
        return fail(f"cannot be read: {error.strerror}", "yaml/unreadable")
    except UnicodeDecodeError as error:
        return fail(f"is not UTF-8 text (byte {error.start}); save it as UTF-8", "yaml/encoding")
    if (depth := _flow_depth(text)) > MAX_DEPTH:
        return fail(f"brackets nest {depth} deep; at most {MAX_DEPTH}", "yaml/too-large")
    try:
        node = yaml.compose(text, Loader=_Yaml12Loader)
        data = reader.read(node) if node is not None else {}
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Position(str(file), mark.line + 1, mark.column + 1) if mark else start
        context = f" ({error.context})" if error.context else ""
        return fail(f"{error.problem or error.context}{context}", "yaml/syntax", place)
    except yaml.YAMLError as error:
        return fail(str(error).splitlines()[0], "yaml/syntax")
    except RecursionError:
        return fail(f"nests deeper than {MAX_DEPTH} levels", "yaml/too-large")
    if not isinstance(data, dict):
        return fail("the root must be a mapping of sections", "yaml/root")
    return data


def _flow_depth(text: str) -> int:
    """Return an upper bound of the nesting of brackets and of indentation.

    Composing recurses; a file of a million ``[`` must be refused before that.
    """
    depth = deepest = 0
    for match in re.finditer(r"[\[\]{}]", text):
        depth += 1 if match.group() in "[{" else -1
        depth = max(depth, 0)
        deepest = max(deepest, depth)
    indents = re.findall(r"^(?: *- )+|^ +", text, flags=re.M)
    steps = max((len(indent) // 2 for indent in indents), default=0)
    return max(deepest, steps if steps > MAX_DEPTH * 4 else 0)
