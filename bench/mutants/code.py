"""Mutations of a module's syntax tree: operators, constants, conditions, entries, statements."""

from __future__ import annotations

import ast
import collections
import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType

from bench.mutants import texts

_COMPARE: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
_BINARY: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
}
_CALLS = {"min": "max", "max": "min", "any": "all", "all": "any", "floor": "ceil", "ceil": "floor"}
# Their subtrees are types, messages of faults, or what is not the module's own.
_SKIPPED = (ast.Raise, ast.Assert, ast.Import, ast.ImportFrom)
_NOT_VALUES = {"annotation", "returns", "decorator_list", "bases", "format_spec", "type_comment"}
# Tell of a fault in the spec; their texts are held by the cases of invalid specs.
_MESSAGES = {"Problem", "Fault"}


@dataclass(frozen=True)
class Mutation:
    """One change. line: of the source; what: told in a few words; apply: changes the tree."""

    line: int
    what: str
    apply: Callable[[], None]


class Mutant:
    """A module's tree with every mutation that it can undergo, in the order of the source."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.source = file.read_text("utf-8")
        self.tree = ast.parse(self.source)
        self.mutations = list(self._walk(self.tree))

    @functools.cached_property
    def keys(self) -> list[str]:
        """The name of each mutation, which does not change when the file's lines move.

        Of several that would be called the same, the second has ``(2)`` behind it.
        """
        lines, seen = self.source.splitlines(), collections.Counter[str]()
        names = []
        for mutation in self.mutations:
            name = f"{lines[mutation.line - 1].strip()} | {mutation.what}"
            seen[name] += 1
            names.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
        return names

    def compiled(self, mutation: Mutation | None) -> CodeType:
        """Apply a mutation, for good, and compile the module."""
        if mutation is not None:
            mutation.apply()
        code: CodeType = compile(ast.fix_missing_locations(self.tree), str(self.file), "exec")
        return code

    def _walk(self, node: ast.AST) -> Iterator[Mutation]:
        yield from _of_node(node)
        docstring = _docstring(node)
        for field, value in ast.iter_fields(node):
            if field in _NOT_VALUES:
                continue
            children = value if isinstance(value, list) else [value]
            for place, child in enumerate(children):
                if not isinstance(child, ast.AST) or isinstance(child, _SKIPPED):
                    continue
                if child is docstring or _is_message(child) or _is_name(node, field, child):
                    continue
                if _is_guard(node, field) or _is_type(child):
                    continue
                # _of_joined sees a text's pieces together.
                if isinstance(node, ast.JoinedStr) and isinstance(child, ast.Constant):
                    continue

                def replace(
                    new: ast.AST, field: str = field, place: int = place, many: object = value
                ) -> None:
                    if isinstance(many, list):
                        many[place] = new
                    else:
                        setattr(node, field, new)

                yield from _of_child(node, field, child, replace)
                yield from self._walk(child)


def _docstring(node: ast.AST) -> ast.AST | None:
    body = getattr(node, "body", None)
    if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and isinstance(body, list):
        first = body[0] if body else None
        if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
            return first
    return None


def _is_message(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _MESSAGES
    )


def _is_name(parent: ast.AST, field: str, child: ast.AST) -> bool:
    """Return whether a text is a key: a wrong one is refused by who reads it (`imsobs verify`)."""
    if not (isinstance(child, ast.Constant) and isinstance(child.value, str)):
        return False
    return (isinstance(parent, ast.Dict) and field == "keys") or (
        isinstance(parent, ast.Subscript) and field == "slice"
    )


def _is_guard(parent: ast.AST, field: str) -> bool:
    """Return whether a value is that of `strict`: it changes nothing while the lengths agree."""
    return isinstance(parent, ast.keyword) and field == "value" and parent.arg == "strict"


def _is_type(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Subscript)
        and isinstance(node.value, ast.Name)
        and node.value.id in ("Literal", "Callable")
    )


def _of_node(node: ast.AST) -> Iterator[Mutation]:
    """Yield what changes a node in place."""
    line = getattr(node, "lineno", 1)
    if isinstance(node, ast.Compare):
        for place, op in enumerate(node.ops):
            new = _COMPARE[type(op)]
            yield Mutation(line, _renamed(op, new), _set(node.ops, place, new()))
    elif isinstance(node, ast.BoolOp):
        other = ast.Or if isinstance(node.op, ast.And) else ast.And
        yield Mutation(line, _renamed(node.op, other), _setattr(node, "op", other()))
    elif isinstance(node, ast.BinOp | ast.AugAssign) and type(node.op) in _BINARY:
        binary = _BINARY[type(node.op)]
        yield Mutation(line, _renamed(node.op, binary), _setattr(node, "op", binary()))
    elif isinstance(node, ast.Constant):
        yield from _of_constant(node, line)
    elif isinstance(node, ast.JoinedStr):
        yield from _of_joined(node, line)
    elif isinstance(node, ast.Call):
        name = node.func
        if isinstance(name, ast.Name) and name.id in _CALLS:
            yield Mutation(
                line, f"{name.id} -> {_CALLS[name.id]}", _setattr(name, "id", _CALLS[name.id])
            )
        elif isinstance(name, ast.Attribute) and name.attr in _CALLS:
            yield Mutation(
                line,
                f"{name.attr} -> {_CALLS[name.attr]}",
                _setattr(name, "attr", _CALLS[name.attr]),
            )
    elif isinstance(node, ast.List | ast.Set):
        for place, entry in enumerate(node.elts):
            if len(node.elts) > 1 or not isinstance(entry, ast.Starred):
                yield Mutation(entry.lineno, f"without {_short(entry)}", _delete(node.elts, place))
    elif isinstance(node, ast.Dict):
        for place, value in enumerate(node.values):
            key = node.keys[place]
            name = _short(key) if key is not None else f"**{_short(value)}"
            yield Mutation(
                value.lineno, f"without {name}", _delete_both(node.keys, node.values, place)
            )
    elif isinstance(node, ast.comprehension):
        for place, condition in enumerate(node.ifs):
            yield Mutation(
                condition.lineno, f"without if {_short(condition)}", _delete(node.ifs, place)
            )


def _of_child(
    parent: ast.AST, field: str, child: ast.AST, replace: Callable[[ast.AST], None]
) -> Iterator[Mutation]:
    """Yield what puts another node in a child's place."""
    line = getattr(child, "lineno", 1)
    if isinstance(parent, ast.If | ast.IfExp | ast.While) and field == "test":
        yield Mutation(line, f"if not ({_short(child)})", lambda: replace(_not(child)))
    if isinstance(child, ast.UnaryOp) and isinstance(child.op, ast.Not | ast.USub):
        yield Mutation(
            line, f"{_short(child)} -> {_short(child.operand)}", lambda: replace(child.operand)
        )
    if field in ("body", "orelse") and _may_go(child):
        yield Mutation(
            line, f"without {_short(child)}", lambda: replace(ast.copy_location(ast.Pass(), child))
        )


def _not(test: ast.AST) -> ast.AST:
    negated = ast.UnaryOp(ast.Not())
    negated.operand = test  # type: ignore[assignment]
    return ast.copy_location(negated, test)


def _may_go(node: ast.AST) -> bool:
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Call)
    if isinstance(node, ast.Assign):
        return all(isinstance(target, ast.Subscript) for target in node.targets)
    return isinstance(node, ast.AugAssign)


def _of_constant(node: ast.Constant, line: int) -> Iterator[Mutation]:
    value = node.value
    if isinstance(value, bool):
        yield Mutation(line, f"{value} -> {not value}", _setattr(node, "value", not value))
    elif isinstance(value, int | float):
        new = value + 1 if isinstance(value, int) else value * 2 or 1.0
        yield Mutation(line, f"{value} -> {new}", _setattr(node, "value", new))
    elif isinstance(value, str) and not texts.is_prose(value):
        changed = [*texts.in_query(value)] or [*texts.of_name(value)]
        for what, text in changed:
            yield Mutation(line, what, _setattr(node, "value", text))


def _of_joined(node: ast.JoinedStr, line: int) -> Iterator[Mutation]:
    pieces = [piece for piece in node.values if isinstance(piece, ast.Constant)]
    whole = "".join(
        str(piece.value) if isinstance(piece, ast.Constant) else "{}" for piece in node.values
    )
    for piece in pieces:
        kept = str(piece.value)
        if not texts.is_prose(whole):
            for what, text in texts.in_query(kept):
                yield Mutation(line, what, _setattr(piece, "value", text))


def _renamed(old: ast.AST, new: type[ast.AST]) -> str:
    return f"{type(old).__name__} -> {new.__name__}"


def _short(node: ast.AST) -> str:
    text = ast.unparse(node).replace("\n", " ")
    return text if len(text) <= 50 else text[:47] + "..."


def _setattr(node: ast.AST, name: str, value: object) -> Callable[[], None]:
    return lambda: setattr(node, name, value)


def _set(values: list[ast.cmpop], place: int, new: ast.cmpop) -> Callable[[], None]:
    return lambda: values.__setitem__(place, new)


def _delete(values: list[ast.expr], place: int) -> Callable[[], None]:
    return lambda: values.__delitem__(place)


def _delete_both(
    keys: list[ast.expr | None], values: list[ast.expr], place: int
) -> Callable[[], None]:
    def delete() -> None:
        del keys[place]
        del values[place]

    return delete
