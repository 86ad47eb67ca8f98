"""A text of the wrong form is told in words: no reader is given a regular expression."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from imsobs.spec import values
from imsobs.spec.patterns import mismatch
from imsobs.spec.schema.root import Spec


def _patterns(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        if isinstance(schema.get("pattern"), str):
            yield schema["pattern"]
        for key, part in schema.items():
            # What a value must not be has a message of its own.
            if key != "not":
                yield from _patterns(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from _patterns(part)


PATTERNS = sorted(set(_patterns(Spec.model_json_schema())))


@pytest.mark.parametrize("pattern", [one for one in PATTERNS if not values.is_duration(one)])
def test_every_pattern_of_the_schema_has_words(pattern: str) -> None:
    message = mismatch(pattern, "{ }", "{ }")
    assert message.startswith('"{ }" is not ')
    assert pattern not in message


@pytest.mark.parametrize(
    ("path", "better"), [("./logs/app.log", "logs/app.log"), ("/var/log/app.log", None)]
)
def test_a_path_is_told_where_it_may_lead(path: str, better: str | None) -> None:
    field = Spec.model_json_schema()["$defs"]["Service"]["properties"]["log_file"]
    message = mismatch(field["pattern"], path, path)
    assert "a path below the project's folder" in message
    assert message.endswith(f"; write {better}") == (better is not None)
