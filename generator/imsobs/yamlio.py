"""YAML of this program and of its rendered files: one dumper, one strict reader.

What is written, every YAML reader takes for the same data. What is read may have been changed
by anybody who had a hand in the checkout.
"""

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
# Levels, by an upper bound that also counts brackets inside texts.
_DEEPEST = 200
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

    yaml.YAMLError where it is not one YAML document, gives a key twice, nests deeper than any
    file that is rendered, or has an alias or a tag.
    """
    if nesting(text) > _DEEPEST:
        raise yaml.MarkedYAMLError(problem=f"nests deeper than {_DEEPEST} levels")
    for token in yaml.scan(text, Loader=_Loader):
        if isinstance(token, _NOT_DATA):
            raise yaml.MarkedYAMLError(problem=f"{token.id}", problem_mark=token.start_mark)
    return yaml.load(text, Loader=_Loader)  # noqa: S506 - of a safe loader's kind


def nesting(text: str) -> int:
    """Return an upper bound of the nesting of brackets and of indentation.

    YAML readers recurse, and the fast one ends the process where the stack ends; so a file of a
    million ``[`` must be refused before it is read.
    """
    depth = deepest = 0
    for match in re.finditer(r"[\[\]{}]", text):
        depth += 1 if match.group() in "[{" else -1
        depth = max(depth, 0)
        deepest = max(deepest, depth)
    indents = re.findall(r"^(?: *- )+|^ +", text, flags=re.M)
    steps = max((len(indent) // 2 for indent in indents), default=0)
    return max(deepest, steps if steps > _DEEPEST * 4 else 0)
