"""The one YAML dumper: what it writes, every YAML reader takes for the same data."""

from __future__ import annotations

import re
from typing import Any

import yaml

_BaseDumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
_BaseLoader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

# Texts that some YAML 1.1 or 1.2 reader takes for a number, a boolean, a date or null.
_AMBIGUOUS = re.compile(
    r"^(?:[-+]?[0-9.][0-9_.,:eE+-]*|0[xob][0-9a-fA-F_]+|[-+]?\.(?:inf|nan)|~|null|y|n|yes|no|on|off|true|false"
    r"|[0-9]{4}-[0-9]{2}-[0-9]{2}.*|=|<<)$",
    re.IGNORECASE,
)
# Texts that a block would not give back, or not everywhere: blanks at a line's end or at the
# start, tabs, and empty lines at the end, which a page's own end would swallow.
_NO_BLOCK = re.compile(r"[^\S\n]\n|^\s|\t|\n\n\Z")
_NOT_DATA = (yaml.AnchorToken, yaml.AliasToken, yaml.TagToken)


class _Dumper(_BaseDumper):  # type: ignore[misc]
    """Quotes what could be misread; texts of several lines are blocks; there are no aliases."""

    def ignore_aliases(self, _: Any) -> bool:
        return True


def _represent_text(_: yaml.Dumper, text: str) -> yaml.Node:
    style = None
    if "\n" in text and not _NO_BLOCK.search(text):
        style = "|"
    elif _AMBIGUOUS.match(text):
        style = '"'
    return yaml.ScalarNode("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _represent_text)


class _Loader(_BaseLoader):  # type: ignore[misc]
    """Refuses a key that is given twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        mapping: dict[Any, Any] = super().construct_mapping(node, deep)
        if len(mapping) != len(node.value):
            raise yaml.MarkedYAMLError(problem="a key twice", problem_mark=node.start_mark)
        return mapping


def dump(data: Any) -> str:
    """Return ``data`` (mappings, lists, texts, numbers, booleans, None) as block YAML.

    What could be misread is quoted, texts of several lines are blocks, there are no aliases.
    """
    text: str = yaml.dump(
        data,
        Dumper=_Dumper,
        default_flow_style=False,
        sort_keys=False,
        width=10_000,
        allow_unicode=True,
    )
    return text


def parse(text: str) -> Any:
    """Return the data of a rendered page, as a strict reader sees it.

    yaml.YAMLError where it is not one YAML document, gives a key twice, or has an alias or
    a tag.
    """
    for token in yaml.scan(text, Loader=_Loader):
        if isinstance(token, _NOT_DATA):
            raise yaml.MarkedYAMLError(problem=f"{token.id}", problem_mark=token.start_mark)
    return yaml.load(text, Loader=_Loader)  # noqa: S506 - of a safe loader's kind
