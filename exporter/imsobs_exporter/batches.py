"""A batch: its items by resource and scope, in a request.

Spans and log records have the same frame, field for field: resource and scope are written once for
all that share them. Sources: opentelemetry-proto, trace/v1/trace.proto and logs/v1/logs.proto.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from imsobs_exporter.attributes import Attributes
from imsobs_exporter.wire import sized, text, varint

_log = logging.getLogger(__name__)

# After so long the interpreter's lock is given back, so that whoever answers requests does not wait
# for a whole batch; looked at after so many items.
_HELD_SECONDS = 400e-6
_LOOK_AFTER = 16
# Sleeping for no time at all would not do: this thread would have the lock again before another
# one is awake.
_PAUSE_SECONDS = 20e-6
# Resources and scopes whose form is remembered. A service has one resource, and a scope for each
# logger and each instrumentation.
_MOST = 512


class Item(Protocol):
    """What spans and log records have in common."""

    @property
    def resource(self) -> Resource: ...  # noqa: D102
    @property
    def instrumentation_scope(self) -> InstrumentationScope | None: ...  # noqa: D102


_Item = TypeVar("_Item", bound=Item)


@dataclass(frozen=True)
class Form(Generic[_Item]):
    """How one kind of item is encoded."""

    name: str
    ours: Callable[[_Item, Attributes], bytes]
    official: Callable[[_Item], bytes]


_Scopes = dict[InstrumentationScope | None, list[bytes]]
_Groups = dict[Resource, _Scopes]


def pause() -> None:
    """Let other threads have the interpreter's lock."""
    time.sleep(_PAUSE_SECONDS)


class Encoder(Generic[_Item]):
    """Encodes batches of one kind of item. What comes again is encoded once."""

    def __init__(self, form: Form[_Item]) -> None:
        self._form = form
        self._attributes = Attributes()
        # By identity, with what is identified: neither changes, and hashing one takes longer
        # than encoding a span.
        self._frames: dict[int, tuple[object, bytes, bytes]] = {}
        self._told = False

    def encode(self, batch: Sequence[_Item]) -> bytes:
        """Return an ExportTraceServiceRequest or an ExportLogsServiceRequest."""
        groups: _Groups = {}
        # By identity, which is all that most batches need: equal ones go together, too.
        known: dict[tuple[int, int], list[bytes]] = {}
        held_until = time.perf_counter() + _HELD_SECONDS
        ours, attributes = self._form.ours, self._attributes
        for number, item in enumerate(batch, 1):
            resource, scope = item.resource, item.instrumentation_scope
            parts = known.get((id(resource), id(scope)))
            if parts is None:
                parts = groups.setdefault(resource, {}).setdefault(scope or None, [])
                known[id(resource), id(scope)] = parts
            try:
                content = ours(item, attributes)
            except Exception as error:
                content = self._officially(item, error)
            parts.append(b"\x12" + varint(len(content)) + content if content else b"")
            if not number % _LOOK_AFTER and time.perf_counter() > held_until:
                pause()
                held_until = time.perf_counter() + _HELD_SECONDS
        return b"".join([sized(b"\x0a", self._of_resource(*group)) for group in groups.items()])

    def _officially(self, item: _Item, error: Exception) -> bytes:
        """Return what the official encoder makes of an item; nothing when it cannot either.

        Then the item is lost alone: the official exporter would lose the batch with it.
        """
        if not self._told:
            self._told = True
            _log.warning("The official encoder takes a %s: %r", self._form.name, error)
        try:
            return self._form.official(item)
        except Exception as refused:
            _log.error("Failed to encode a %s, which is dropped: %s", self._form.name, refused)
            return b""

    def _of_resource(self, resource: Resource, scopes: _Scopes) -> bytes:
        start, end = self._frame(resource)
        found = [start]
        for scope, parts in scopes.items():
            scope_start, scope_end = self._frame(scope)
            found.append(sized(b"\x12", b"".join([scope_start, *parts, scope_end])))
        return b"".join([*found, end])

    def _frame(self, of: Resource | InstrumentationScope | None) -> tuple[bytes, bytes]:
        """Return a resource or a scope, as the field before its items and the schema after."""
        known = self._frames.get(id(of))
        if known is None:
            content = _scope(of) if not isinstance(of, Resource) else _resource(of)
            schema = text(b"\x1a", of.schema_url) if of else b""
            known = (of, sized(b"\x0a", content), schema)
            if len(self._frames) >= _MOST:
                self._frames.clear()
            self._frames[id(of)] = known
        return known[1], known[2]


# Their attributes are not remembered one by one: the whole is.
def _resource(resource: Resource) -> bytes:
    return Attributes().encode(b"\x0a", resource.attributes)


def _scope(scope: InstrumentationScope | None) -> bytes:
    if scope is None:
        return b""
    attributes = Attributes().encode(b"\x1a", scope.attributes)
    return text(b"\x0a", scope.name) + text(b"\x12", scope.version) + attributes
