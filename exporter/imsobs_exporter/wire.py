"""Protobuf's wire format, as far as OTLP needs it, and OTLP's values in it.

Sources: protobuf.dev/programming-guides/encoding; opentelemetry-proto, common/v1/common.proto.
Each function gives what the official encoder gives for the same value, and raises where that one
raises.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Any

_MASK = 0xFFFF_FFFF_FFFF_FFFF
_INT_MIN, _INT_MAX = -(2**63), 2**63 - 1
_UINT32_MAX = 0xFFFF_FFFF
_ONE_BYTE = [bytes([number]) for number in range(128)]
double = struct.Struct("<d").pack
fixed64 = struct.Struct("<Q").pack
fixed32 = struct.Struct("<I").pack

# Messages within messages of an attribute's value. Protobuf reads no more than 100 levels, of
# which these are left; for a value that nests deeper the official exporter drops the batch.
MOST_LEVELS = 96


class UnencodableError(ValueError):
    """OTLP has no form for this value."""


def varint(number: int) -> bytes:
    """Return a number in seven bits a byte, the lowest first. Raises ValueError below 0."""
    if 0 <= number < 128:
        return _ONE_BYTE[number]
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


def sized(tag: bytes, content: bytes) -> bytes:
    """Return a field of bytes, of text or of a message."""
    return tag + varint(len(content)) + content


def uint32(tag: bytes, number: int) -> bytes:
    """Return a field of a count; none for 0."""
    if not number:
        return b""
    if not 0 < number <= _UINT32_MAX:
        raise UnencodableError(f"{number} is not a count of 32 bits")
    return tag + varint(number)


def text(tag: bytes, value: str | None) -> bytes:
    """Return a field of text; none for an empty one.

    Half of a surrogate pair is no Unicode and becomes "?". For such a text the official exporter
    drops the batch that it is in.
    """
    if not value:
        return b""
    if not isinstance(value, str):
        raise UnencodableError(f"{type(value)} is not text")
    try:
        content = str.encode(value)
    except UnicodeEncodeError:
        content = str.encode(value, errors="replace")
    return tag + varint(len(content)) + content


def any_value(value: Any, level: int = 0) -> bytes:
    """Return the content of an AnyValue."""
    form = _FORMS.get(type(value))
    if form is not None:
        return form(value, level)
    # The order of the official encoder: a bool is an int, a str is a Sequence.
    for kind, form in _KINDS:
        if isinstance(value, kind):
            return form(value, level)
    raise UnencodableError(f"{type(value)} has no form in OTLP")


def _none(value: None, level: int) -> bytes:
    return b""


def _bool(value: bool, level: int) -> bytes:
    return b"\x10\x01" if value else b"\x10\x00"


def _str(value: str, level: int) -> bytes:
    content = str.encode(value)
    return b"\x0a" + varint(len(content)) + content


def _int(value: int, level: int) -> bytes:
    number = int.__add__(value, 0)
    if not _INT_MIN <= number <= _INT_MAX:
        raise UnencodableError(f"{number} is not an integer of 64 bits")
    return b"\x18" + varint(number & _MASK)


def _float(value: float, level: int) -> bytes:
    return b"\x21" + double(value)


def _bytes(value: bytes, level: int) -> bytes:
    return sized(b"\x3a", memoryview(value).tobytes())


def _deeper(level: int, by: int) -> int:
    if level + by > MOST_LEVELS:
        raise UnencodableError("values within values, deeper than protobuf reads")
    return level + by


def _array(value: Sequence[Any], level: int) -> bytes:
    level = _deeper(level, 2)
    return sized(b"\x2a", b"".join([sized(b"\x0a", any_value(v, level)) for v in value]))


def _mapping(value: Mapping[Any, Any], level: int) -> bytes:
    level = _deeper(level, 3)
    found = [sized(b"\x0a", key_value(str(k), v, level)) for k, v in value.items()]
    return sized(b"\x32", b"".join(found))


def key_value(key: str, value: Any, level: int = 0) -> bytes:
    """Return the content of a KeyValue."""
    name = str.encode(key)
    return (sized(b"\x0a", name) if name else b"") + sized(b"\x12", any_value(value, level))


_Form = Callable[[Any, int], bytes]
_FORMS: dict[type, _Form] = {
    type(None): _none,
    bool: _bool,
    str: _str,
    int: _int,
    float: _float,
    bytes: _bytes,
    tuple: _array,
    list: _array,
    dict: _mapping,
}
_KINDS: list[tuple[type, _Form]] = [
    (bool, _bool),
    (str, _str),
    (int, _int),
    (float, _float),
    (bytes, _bytes),
    (Sequence, _array),
    (Mapping, _mapping),
]
