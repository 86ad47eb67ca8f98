"""The one YAML dumper: what it writes, every YAML reader takes for the same data."""

from __future__ import annotations

import re
from typing import Any

import yaml

_Base: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)

# Texts that some YAML 1.1 or 1.2 reader takes for a number, a boolean, a date or null.
_AMBIGUOUS = re.compile(
    r"^(?:[-+]?[0-9.][0-9_.,:eE+-]*|0[xob][0-9a-fA-F_]+|[-+]?\.(?:inf|nan)|~|null|y|n|yes|no|on|off|true|false"
    r"|[0-9]{4}-[0-9]{2}-[0-9]{2}.*|=|<<)$",
    re.IGNORECASE,
)


class _Dumper(_Base):  # type: ignore[misc]
    """Quotes what could be misread, writes texts of several lines as blocks, no aliases."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> Any:
        return super().increase_indent(flow, False)


def _text(dumper: Any, text: str) -> yaml.ScalarNode:
    style = None
    if "\n" in text and not re.search(r"[^\S\n]\n|^\s|\t", text):
        style = "|"
    elif _AMBIGUOUS.match(text):
        style = '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)  # type: ignore[no-any-return]


def _mapping(dumper: Any, data: dict[str, Any]) -> yaml.MappingNode:
    return dumper.represent_mapping("tag:yaml.org,2002:map", data.items())  # type: ignore[no-any-return]


_Dumper.add_representer(str, _text)
_Dumper.add_representer(dict, _mapping)
_Dumper.add_representer(tuple, _Dumper.represent_list)


def dump(data: Any) -> str:
    """Return ``data`` (mappings, lists, texts, numbers, booleans, None) as block YAML."""
    return str(
        yaml.dump(
            data,
            Dumper=_Dumper,
            sort_keys=False,
            default_flow_style=False,
            width=10_000,
            allow_unicode=True,
        )
    )


def parse(text: str) -> Any:
    """Return the data of a rendered page, as a strict reader sees it."""
    return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506
