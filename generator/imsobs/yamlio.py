"""The one YAML dumper: what it writes, every YAML reader takes for the same data."""

from __future__ import annotations

import functools
import io
import re
from collections.abc import Callable
from typing import Any

import yaml
from yaml import events

_DumperBase: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

# Texts that some YAML 1.1 or 1.2 reader takes for a number, a boolean, a date or null.
_AMBIGUOUS = re.compile(
    r"^(?:[-+]?[0-9.][0-9_.,:eE+-]*|0[xob][0-9a-fA-F_]+|[-+]?\.(?:inf|nan)|~|null|y|n|yes|no|on|off|true|false"
    r"|[0-9]{4}-[0-9]{2}-[0-9]{2}.*|=|<<)$",
    re.IGNORECASE,
)


class _Dumper(_DumperBase):  # type: ignore[misc]
    def increase_indent(self, flow: bool = False, indentless: bool = False) -> Any:
        return super().increase_indent(flow, False)


# PyYAML turns data into nodes and nodes into events, and back. Between data and events there
# is little to decide here, and doing it at once takes a quarter of the time.
_STREAM, _STREAM_END = events.StreamStartEvent(), events.StreamEndEvent()
_DOCUMENT = events.DocumentStartEvent(explicit=False)
_DOCUMENT_END = events.DocumentEndEvent(explicit=False)
_MAPPING = events.MappingStartEvent(None, None, implicit=True, flow_style=False)
_MAPPING_END = events.MappingEndEvent()
_LIST = events.SequenceStartEvent(None, None, implicit=True, flow_style=False)
_LIST_END = events.SequenceEndEvent()
_TEXT = "tag:yaml.org,2002:str"

_resolver = yaml.resolver.Resolver()
_representer = yaml.representer.SafeRepresenter()
_constructor = yaml.constructor.SafeConstructor()


def dump(data: Any) -> str:
    """Return ``data`` (mappings, lists, texts, numbers, booleans, None) as block YAML.

    What could be misread is quoted, texts of several lines are blocks, there are no aliases.
    """
    stream = io.StringIO()
    emit = _Dumper(stream, width=10_000, allow_unicode=True).emit
    emit(_STREAM)
    emit(_DOCUMENT)
    _emit(emit, data)
    emit(_DOCUMENT_END)
    emit(_STREAM_END)
    return stream.getvalue()


def _emit(emit: Callable[[events.Event], None], data: Any) -> None:
    if isinstance(data, dict):
        emit(_MAPPING)
        for key, value in data.items():
            emit(_scalar(key))
            _emit(emit, value)
        emit(_MAPPING_END)
    elif isinstance(data, (list, tuple)):
        emit(_LIST)
        for value in data:
            _emit(emit, value)
        emit(_LIST_END)
    else:
        emit(_scalar(data))


# Keys and many values come again and again. Typed: 1, 1.0 and True are equal.
@functools.lru_cache(maxsize=16_384, typed=True)
def _scalar(value: Any) -> events.ScalarEvent:
    if not isinstance(value, str):
        text = _representer.represent_data(value).value
        return events.ScalarEvent(None, None, (True, False), text)
    style = None
    if "\n" in value and not re.search(r"[^\S\n]\n|^\s|\t", value):
        style = "|"
    elif _AMBIGUOUS.match(value):
        style = '"'
    return events.ScalarEvent(None, None, (_tag(value) == _TEXT, True), value, style=style)


def _tag(plain: str) -> str:
    return str(_resolver.resolve(yaml.ScalarNode, plain, (True, False)))  # type: ignore[no-untyped-call]


def parse(text: str) -> Any:
    """Return the data of a rendered page, as a strict reader sees it.

    yaml.YAMLError where it is not one YAML document, gives a key twice, or has an alias or
    a tag.
    """
    loader = _Loader(text)
    try:
        next_event = loader.get_event
        next_event()
        if not loader.check_event(events.DocumentStartEvent):
            return None
        next_event()
        data = _read(next_event, next_event())
        next_event()
        if loader.check_event(events.StreamEndEvent):
            return data
        raise yaml.MarkedYAMLError(
            problem="a second document", problem_mark=loader.peek_event().start_mark
        )
    finally:
        loader.dispose()


def _read(next_event: Callable[[], Any], event: Any) -> Any:
    kind = type(event)
    # Of what has a tag of its own nothing is implicit.
    if kind is events.ScalarEvent:
        is_plain, is_quoted = event.implicit
        if is_plain:
            return _plain(event.value)
        if is_quoted:
            return event.value
    elif kind is events.SequenceStartEvent and event.implicit:
        items = []
        while type(event := next_event()) is not events.SequenceEndEvent:
            items.append(_read(next_event, event))
        return items
    elif kind is events.MappingStartEvent and event.implicit:
        mapping = {}
        while type(event := next_event()) is not events.MappingEndEvent:
            key = _read(next_event, event)
            if key in mapping:
                raise yaml.MarkedYAMLError(problem=f"{key} twice", problem_mark=event.start_mark)
            mapping[key] = _read(next_event, next_event())
        return mapping
    raise yaml.MarkedYAMLError(problem="an alias or a tag", problem_mark=event.start_mark)


@functools.lru_cache(maxsize=16_384)
def _plain(text: str) -> Any:
    return _constructor.construct_object(yaml.ScalarNode(_tag(text), text))
