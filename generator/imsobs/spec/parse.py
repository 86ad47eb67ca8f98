"""Parse: plain data to the typed spec; every shape fault becomes a located problem.

Stage 2 of load -> parse -> resolve -> check -> plan -> render.
"""

from __future__ import annotations

import re
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from imsobs.problems import MOST_ALIKE, KeyPath, Problem, and_more, available, near
from imsobs.spec import values
from imsobs.spec.expand import expand
from imsobs.spec.packs import are_named
from imsobs.spec.patterns import mismatch
from imsobs.spec.required import entry_at, lacking
from imsobs.spec.schema.root import Spec
from imsobs.spec.schema.routing import SECRET_FILES
from imsobs.spec.values import short

# Of what is put where a secret belongs, and may be one.
_NOT_SHOWN = "what stands here is not repeated, since it may be the secret"
_NO_NAME = (
    "not the name of a file (small letters, digits, _): the secret belongs into a file below the"
    " folder of secrets, and the file's name here"
)
_NO_LOOPBACK = (
    "not a URL on loopback: it belongs into a file below the folder of secrets, and the file's name"
    " in url_file"
)
# A user's name is no secret by itself, but comes with one.
_WITH_USER = re.compile(r"\s*https?://[^/?#]*@")
_USER_IN_URL = (
    "a URL with a user or password, which every rendered file that has it would show; leave out"
    " what stands before the @"
)


def parse(data: dict[str, Any]) -> tuple[Spec | None, list[Problem]]:
    """Return the spec, or None and every shape problem of the data.

    What the data leaves to be derived is filled in first, so a problem may be of a derived value.
    """
    written, data = data, expand(data)
    try:
        return Spec.model_validate(data), []
    except ValidationError as error:
        problems, more = _first(error.errors(include_url=False), data, written)
    # A union reports each of its branches: the one that fits the value reaches deeper into it
    # than "should be a dictionary", and one line per place and rule is enough.
    deep = [p for p in problems if not _is_shallow(p, problems)]
    once = {(p.path, "" if p.check == "spec/type" else p.message): p for p in reversed(deep)}
    own = list(reversed(once.values()))
    return None, [*_gathered(_of_unions(own), written, data), *more]


def _of_unions(problems: list[Problem]) -> list[Problem]:
    """Return the problems with one line for a value that none of several shapes fits."""
    alike: dict[KeyPath, dict[str, Problem]] = {}
    for problem in problems:
        alike.setdefault(problem.path, {}).setdefault(problem.check, problem)
    result: list[Problem] = []
    for problem in problems:
        others = alike[problem.path]
        if problem.check == "spec/type" and "spec/pattern" in others:
            continue
        if problem.check == "spec/value" and "spec/type" in others:
            continue
        if problem.check == "spec/type" and "spec/value" in others:
            words = others["spec/value"].message.rpartition("allowed: ")[2]
            message = re.sub(r"(must be|; give) ([^;]+)", rf"\1 \2 or {words}", problem.message)
            problem = Problem(problem.path, message, problem.check)
        result.append(problem)
    return result


def _first(
    found: list[ErrorDetails], data: Any, written: Any
) -> tuple[list[Problem], list[Problem]]:
    """Return the problems, of very many of a kind the first, and what stands for the others.

    A suggestion for each of thousands of keys would take longer than anybody reads.
    """
    alike: dict[tuple[Any, str], list[ErrorDetails]] = {}
    for details in found:
        section = details["loc"][0] if len(details["loc"]) > 1 else None
        alike.setdefault((section, details["type"]), []).append(details)
    more = [
        and_more(_problem(group[MOST_ALIKE], data, written), len(group) - MOST_ALIKE)
        for group in alike.values()
        if len(group) > MOST_ALIKE
    ]
    told = {id(details) for group in alike.values() for details in group[:MOST_ALIKE]}
    return [_problem(details, data, written) for details in found if id(details) in told], more


def _gathered(
    problems: list[Problem], data: dict[str, Any], expanded: dict[str, Any]
) -> list[Problem]:
    """Return the problems with one line for all that an entry lacks.

    A single key that is misspelt is not a missing one on another line as well.
    expanded: the data with what can be derived, which nobody needs to give.
    """
    missing: dict[KeyPath, list[str]] = {}
    unknown: dict[KeyPath, list[Problem]] = {}
    for problem in problems:
        parent = problem.path[:-1]
        if problem.check == "spec/missing-key":
            missing.setdefault(parent, []).append(str(problem.path[-1]))
        elif problem.check == "spec/unknown-key":
            unknown.setdefault(parent, []).append(problem)
    result: list[Problem] = []
    for problem in problems:
        parent = problem.path[:-1]
        lacks = missing.get(parent, [])
        renamed = len(lacks) == 1 and len(unknown.get(parent, [])) == 1
        if problem.check == "spec/unknown-key" and renamed:
            known = available(
                str(problem.path[-1]), _open_fields(str(problem.path[-1]), parent, data)
            )
            message = f'unknown key, while "{lacks[0]}" is missing; {known}'
            result.append(Problem(problem.path, message, problem.check))
        elif problem.check != "spec/missing-key":
            result.append(problem)
        elif not renamed and str(problem.path[-1]) == lacks[0]:
            infos = {key: _infos_at((*parent, key)) for key in lacks}
            result.append(lacking(parent, infos, data, entry_at(parent, expanded)))
    return result


def _is_shallow(problem: Problem, others: list[Problem]) -> bool:
    size = len(problem.path)
    return problem.check == "spec/type" and any(
        len(other.path) > size and other.path[:size] == problem.path for other in others
    )


def _problem(details: ErrorDetails, data: Any, written: Any) -> Problem:
    path = _data_path(details["loc"], data, details["type"] == "missing")
    if details["type"] != "missing" and path and path[-1] in SECRET_FILES:
        return Problem(path, f"{_NO_NAME}; {_NOT_SHOWN}", "spec/secret")
    if path[-2:] == ("webhook", "url"):
        return Problem(path, f"{_NO_LOOPBACK}; {_NOT_SHOWN}", "spec/secret")
    match details["type"]:
        case "extra_forbidden":
            known = _open_fields(str(path[-1]), path[:-1], written)
            takes_packs = len(path) == 1 or path[0] == "services"
            known = ["use"] if takes_packs and are_named(details["input"]) else known
            return Problem(
                path, f"unknown key; {available(str(path[-1]), known)}", "spec/unknown-key"
            )
        case "missing":
            return Problem(path, "this key is required", "spec/missing-key")
        case "literal_error":
            expected = details.get("ctx", {}).get("expected", "")
            found = details["input"]
            if isinstance(found, str) and found == str(expected):
                message = f'"{found}" in quotes is a text; write {expected}'
                return Problem(path, message, "spec/value")
            found = short(found) if isinstance(found, str) else found
            return Problem(path, f'"{found}" is not allowed; allowed: {expected}', "spec/value")
        case "string_pattern_mismatch":
            pattern = details.get("ctx", {}).get("pattern", "")
            given = str(details["input"])
            if values.is_duration(pattern):
                return Problem(path, values.duration(given), "spec/pattern")
            if _WITH_USER.match(given):
                return Problem(path, f"{_USER_IN_URL}; {_NOT_SHOWN}", "spec/secret")
            return Problem(path, mismatch(pattern, given, short(given)), "spec/pattern")
        case "greater_than" | "greater_than_equal" | "less_than" | "less_than_equal" as kind:
            context = details.get("ctx", {})
            message = values.outside(kind, context, details["input"], _bounds_at(path))
            return Problem(path, message, "spec/type")
        case "model_type" | "model_attributes_type" | "dict_type":
            fields = ", ".join(_fields_at(path))
            keys = f" with the keys {fields}" if fields else ""
            # In place of a receiver's mapping may stand its secret.
            given = details["input"]
            found = type(given).__name__ if path[:1] == ("receivers",) else short(given)
            found += "" if path[:1] == ("receivers",) else values.unspaced(given)
            found = "nothing" if given is None else found
            return Problem(path, f"must be a mapping{keys}; found {found}", "spec/type")
    if details["type"] == "string_type" and type(details["input"]) is int and _takes_duration(path):
        return Problem(path, values.no_unit(path, details["input"]), "spec/type")
    if told := values.wrong_type(details["type"], details["input"], str(path[-1])):
        return Problem(path, told, "spec/type")
    if details["type"] in ("too_short", "string_too_short") and not details["input"]:
        return Problem(path, "must not be empty", "spec/type")
    message = details["msg"].removeprefix("Value error, ").rstrip(".")
    message = message[:1].lower() + message[1:]
    found = short(details["input"])
    return Problem(path, f"{message}; found {found}", "spec/type")


def _data_path(loc: tuple[Any, ...], data: Any, missing: bool) -> KeyPath:
    """Return loc without the branch names of unions that pydantic puts into it."""
    path: list[int | str] = []
    for index, part in enumerate(loc):
        is_last = index == len(loc) - 1
        in_mapping = isinstance(data, dict) and part in data
        in_list = isinstance(data, list) and isinstance(part, int) and part < len(data)
        if in_mapping or in_list:
            data = data[part]
            path.append(part)
        elif is_last and missing:
            path.append(part)
    return tuple(path)


def _infos_at(path: KeyPath) -> list[FieldInfo]:
    """Return what the schema says of the key at ``path``."""
    kinds: list[Any] = [Spec]
    for part in path[:-1]:
        kinds = [inner for kind in kinds for inner in _step(kind, part)]
    return [
        info
        for kind in kinds
        for model in _models(kind)
        for name, info in model.model_fields.items()
        if path[-1] in (name, info.alias)
    ]


def _takes_duration(path: KeyPath) -> bool:
    # repr doubles the backslash of the pattern.
    return any("d+w)?" in repr((info.annotation, info.metadata)) for info in _infos_at(path))


def _bounds_at(path: KeyPath) -> tuple[Any, Any] | None:
    """Return both ends of the numbers that the schema allows at ``path``, if it gives both."""
    items = isinstance(path[-1], int)
    for info in _infos_at(path[:-1] if items else path):
        constraints = list(info.metadata)
        if items:
            for argument in get_args(info.annotation):
                constraints = [*getattr(argument, "__metadata__", ())]
                constraints += [m for c in constraints for m in getattr(c, "metadata", ())]
        low = [getattr(m, "ge", getattr(m, "gt", None)) for m in constraints]
        high = [getattr(m, "le", getattr(m, "lt", None)) for m in constraints]
        lows, highs = [v for v in low if v is not None], [v for v in high if v is not None]
        if lows and highs:
            return lows[0], highs[0]
    return None


def _open_fields(key: str, path: KeyPath, data: Any) -> list[str]:
    """Return the keys that are allowed beside those of the mapping at ``path``.

    Of an overlay, the one that is meant may be given below it: all are returned where none of the
    others is near.
    """
    given, allowed = entry_at(path, data), _fields_at(path)
    free = [name for name in allowed if name not in given]
    return free if near(key, free) or near(key, allowed) is None else allowed


def _fields_at(path: KeyPath) -> list[str]:
    """Return the keys that the schema allows in the mapping at ``path``."""
    types: list[Any] = [Spec]
    for part in path:
        types = [inner for kind in types for inner in _step(kind, part)]
    names: set[str] = set()
    for kind in types:
        if getattr(kind, "__origin__", None) in (dict, list):
            continue
        for model in _models(kind):
            names |= {info.alias or name for name, info in model.model_fields.items()}
    return sorted(names)


def _models(kind: Any) -> list[type[BaseModel]]:
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return [kind]
    return [model for inner in get_args(kind) for model in _models(inner)]


def _step(kind: Any, part: str | int) -> list[Any]:
    """Return the types of the value found under ``part`` in a value of type ``kind``."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        for name, info in kind.model_fields.items():
            if part in (name, info.alias):
                return [info.annotation]
        return []
    arguments = get_args(kind)
    origin = getattr(kind, "__origin__", None)
    if origin is dict:
        return [arguments[1]]
    if origin is list:
        return [arguments[0]]
    return [inner for argument in arguments for inner in _step(argument, part)]
