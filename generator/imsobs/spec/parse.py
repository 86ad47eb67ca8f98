"""Parse: plain data to the typed spec; every shape fault becomes a located problem.

Stage 2 of load -> parse -> resolve -> check -> plan -> render.
"""

from __future__ import annotations

from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from imsobs.problems import KeyPath, Problem, available
from imsobs.spec.expand import expand
from imsobs.spec.schema.root import Spec
from imsobs.spec.schema.routing import SECRET_FILES

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


def parse(data: dict[str, Any]) -> tuple[Spec | None, list[Problem]]:
    """Return the spec, or None and every shape problem of the data.

    What the data leaves to be derived is filled in first.
    """
    data = expand(data)
    try:
        return Spec.model_validate(data), []
    except ValidationError as error:
        problems = [_problem(details, data) for details in error.errors(include_url=False)]
    # A union reports each of its branches: the one that fits the value reaches deeper into it
    # than "should be a dictionary", and one line per place and rule is enough.
    deep = [p for p in problems if not _is_shallow(p, problems)]
    return None, list({(problem.path, problem.message): problem for problem in deep}.values())


def _is_shallow(problem: Problem, others: list[Problem]) -> bool:
    size = len(problem.path)
    return problem.check == "spec/type" and any(
        len(other.path) > size and other.path[:size] == problem.path for other in others
    )


def _problem(details: ErrorDetails, data: Any) -> Problem:
    path = _data_path(details["loc"], data, details["type"] == "missing")
    if details["type"] != "missing" and path and path[-1] in SECRET_FILES:
        return Problem(path, f"{_NO_NAME}; {_NOT_SHOWN}", "spec/secret")
    if path[-2:] == ("webhook", "url"):
        return Problem(path, f"{_NO_LOOPBACK}; {_NOT_SHOWN}", "spec/secret")
    match details["type"]:
        case "extra_forbidden":
            known = _fields_at(path[:-1])
            return Problem(
                path, f"unknown key; {available(str(path[-1]), known)}", "spec/unknown-key"
            )
        case "missing":
            return Problem(path, "this key is required", "spec/missing-key")
        case "literal_error":
            expected = details.get("ctx", {}).get("expected", "")
            found = details["input"]
            return Problem(path, f'"{found}" is not allowed; allowed: {expected}', "spec/value")
        case "string_pattern_mismatch":
            pattern = details.get("ctx", {}).get("pattern", "")
            return Problem(
                path, f'"{_short(details["input"])}" does not match {pattern}', "spec/pattern"
            )
        case "model_type" | "model_attributes_type" | "dict_type":
            fields = ", ".join(_fields_at(path))
            keys = f" with the keys {fields}" if fields else ""
            # In place of a receiver's mapping may stand its secret.
            given = details["input"]
            found = type(given).__name__ if path[:1] == ("receivers",) else _short(given)
            return Problem(path, f"must be a mapping{keys}; found {found}", "spec/type")
    message = details["msg"].removeprefix("Value error, ").rstrip(".")
    message = message[:1].lower() + message[1:]
    found = _short(details["input"])
    return Problem(path, f"{message}; found {found}", "spec/type")


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else f"{type(value).__name__} {value!r}"
    return text if len(text) <= 60 else text[:57] + "..."


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


def _fields_at(path: KeyPath) -> list[str]:
    """Return the keys that the schema allows in the mapping at ``path``."""
    types: list[Any] = [Spec]
    for part in path:
        types = [inner for kind in types for inner in _step(kind, part)]
    names: set[str] = set()
    for kind in types:
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
