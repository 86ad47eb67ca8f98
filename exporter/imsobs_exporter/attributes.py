"""Lists of attributes. An attribute that comes again is encoded once."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from opentelemetry.attributes import BoundedAttributes

from imsobs_exporter.wire import UnencodableError, double, key_value, varint

_log = logging.getLogger(__name__)

# Attributes that are remembered, of each type, and the longest of them in
# characters: a megabyte at most. Full, they are forgotten, and those in use come back.
MOST = 2048
_LONGEST = 64
# These give all they hold at once. Others may do anything when they are copied.
_COPIED = (MappingProxyType, BoundedAttributes, dict)


class Attributes:
    """Encodes attributes, with a memory of bounded size."""

    def __init__(self) -> None:
        # Apart by type, for 1 == 1.0 == True.
        self._known: dict[type, dict[tuple[str, Any], bytes]] = {str: {}, int: {}, bool: {}}
        # What comes before a float, of which few come again.
        self._floats: dict[str, bytes] = {}

    def encode(self, tag: bytes, attributes: Mapping[str, Any] | None, level: int = 0) -> bytes:
        """Return a field, of one byte's ``tag``, for each attribute.

        level: how many messages deeper they are than attributes of a span or a record.

        One that cannot be encoded is left out, and logged with the official encoder's words.
        Raises TypeError for a key that is not a string.
        """
        if not attributes:
            return b""
        known: Any = attributes.copy() if isinstance(attributes, _COPIED) else attributes
        memories, floats, found = self._known, self._floats, []
        one: bytes | None
        for key, value in known.items():
            kind = type(value)
            if kind in memories:
                one = memories[kind].get((key, value))
            elif kind is float and key in floats:
                one = floats[key] + double(value)
            else:
                one = None
            if one is None:
                one = self._new(key, value, level)
                if one is None:
                    continue
            found.append(one)
        return tag + tag.join(found) if found else b""

    def _new(self, key: str, value: Any, level: int) -> bytes | None:
        if not isinstance(key, str):
            raise TypeError(f"the attribute {key!r} has a name of {type(key)}")
        try:
            content = key_value(key, value, level)
        except (UnencodableError, UnicodeEncodeError, RecursionError) as error:
            _log.exception("Failed to encode key %s: %s", key, error)
            return None
        encoded = varint(len(content)) + content
        if type(key) is str and len(key) <= _LONGEST:
            kind = type(value)
            if kind is float:
                _remember(self._floats, key, encoded[:-8])
            elif (
                (kind is str and len(value) <= _LONGEST)
                or (kind is int and -1 < value < 65_536)
                or kind is bool
            ):
                _remember(self._known[kind], (key, value), encoded)
        return encoded


def _remember(memory: dict[Any, bytes], key: Any, encoded: bytes) -> None:
    if len(memory) >= MOST:
        memory.clear()
    memory[key] = encoded
