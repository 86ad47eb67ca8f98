"""Environment references, and the one place where ``$`` is escaped for the Collector."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

# Stands for the dollar of a reference until every other dollar is doubled; a character
# that no YAML file can contain, so that no spec can forge a reference.
_DOLLAR = "\x00"


@dataclass(frozen=True)
class Reference:
    """``${env:NAME:-default}`` with text around it, as a value of the Collector's file."""

    name: str
    default: str
    prefix: str = ""
    suffix: str = ""

    def __str__(self) -> str:
        return f"{self.prefix}{_DOLLAR}{{env:{self.name}:-{self.default}}}{self.suffix}"


def escape_dollars(value: Any) -> Any:
    """Return data in which every dollar is literal, except those of references."""
    match value:
        case str():
            return value.replace("$", "$$").replace(_DOLLAR, "$")
        case dict():
            return {key: escape_dollars(inner) for key, inner in value.items()}
        case list() | tuple():
            return [escape_dollars(inner) for inner in value]
    return value
