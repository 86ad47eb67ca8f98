"""What the SDK calls: the exporters of spans and of log records.

Each holds an official one, which sends what was encoded here. That one does all of it, after one
line in the log, when there is a version that this was not tested with, a session of somebody
else's, or an error.
"""

from __future__ import annotations

import logging
import os
import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar

from opentelemetry.exporter.otlp.proto.http import Compression, _log_exporter, trace_exporter
from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk._logs.export import LogRecordExporter, LogRecordExportResult
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.util.re import parse_env_headers

from imsobs_exporter import records, spans, versions
from imsobs_exporter.batches import Encoder, Form, Item
from imsobs_exporter.transport import EmptyBatch, Session

_log = logging.getLogger(__name__)
_Item = TypeVar("_Item", bound=Item)
_Result = TypeVar("_Result")

# Variables that let the official exporter make its own session.
_CREDENTIALS = "OTEL_PYTHON_EXPORTER_OTLP_HTTP_{}CREDENTIAL_PROVIDER"
# The official exporter's limit of a request. It judges what comes near it, and says so.
_LARGEST = 64 * 1024 * 1024
# A request beyond is sent in halves: receivers have a limit, the rendered Collector this one.
_SPLIT = 4 * 1024 * 1024
_COMPRESSIONS = {
    "none": Compression.NoCompression,
    "gzip": Compression.Gzip,
    "deflate": Compression.Deflate,
}


class _Exporting(Generic[_Item, _Result]):
    """Encodes here, and lets an official exporter send it."""

    # Of each kind: the official exporter, how its items are encoded, and its name in variables.
    _official_class: Callable[..., Any]
    _form: Form[_Item]
    _signal: str

    def __init__(
        self,
        endpoint: str | None = None,
        tls: Mapping[str, str | None] | None = None,
        headers: Sequence[Mapping[str, str]] | None = None,
        headers_list: str | None = None,
        compression: str | None = None,
        timeout: float | None = None,
        **others: Any,
    ) -> None:
        options = _options(endpoint, tls, headers, headers_list, compression, timeout, **others)
        self._encoder: Encoder[_Item] | None = None
        self._closed = False
        self._limit = options.get("max_request_size") or _LARGEST
        self._session = Session()
        reason = _reason(self._signal)
        if reason:
            self._give_up(reason)
            self._official = self._official_class(**options)
            return
        self._official = self._official_class(**options, session=self._session)
        self._encoder = Encoder(self._form)
        if hasattr(os, "register_at_fork"):
            session = weakref.ref(self._session)
            os.register_at_fork(after_in_child=lambda: _drop_connections(session))

    def export(self, batch: Sequence[_Item]) -> _Result:
        result: _Result
        if self._encoder is None:
            result = self._official.export(batch)
            return result
        try:
            body = self._encoder.encode(batch)
        except Exception as error:
            self._give_up(f"{error!r}")
            return self.export(batch)
        if len(body) > _SPLIT and len(batch) > 1:
            middle = len(batch) // 2
            results = [self.export(batch[:middle]), self.export(batch[middle:])]
            return next((r for r in results if getattr(r, "value", 0)), results[0])
        if not body or len(body) > self._limit:
            result = self._official.export(batch)
            return result
        with self._session.sending(body) as sending:
            result = self._official.export(EmptyBatch(len(batch)))
        if not sending.asked and not self._closed:
            self._give_up("the official exporter does not send what it is given")
            return self.export(batch)
        return result

    def _give_up(self, reason: str) -> None:
        self._encoder = None
        _log.warning("OTLP is encoded by the official exporter from now on: %s", reason)

    def shutdown(self) -> None:
        self._closed = True
        self._official.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return bool(self._official.force_flush(timeout_millis))


def _reason(signal: str) -> str:
    """Return why the official exporter must do all of it; empty when it need not."""
    for name in (_CREDENTIALS.format(""), _CREDENTIALS.format(f"{signal}_")):
        if os.environ.get(name):
            return f"{name} is set"
    untested = versions.untested()
    return f"not tested with {untested}" if untested else ""


def _drop_connections(session: weakref.ref[Session]) -> None:
    if (living := session()) is not None:
        living.drop_connections()


def _options(
    endpoint: str | None,
    tls: Mapping[str, str | None] | None,
    headers: Sequence[Mapping[str, str]] | None,
    headers_list: str | None,
    compression: str | None,
    timeout: float | None,
    **others: Any,
) -> dict[str, Any]:
    """Return the arguments of an official exporter for what the configuration file has."""
    given = dict(parse_env_headers(headers_list or "", liberal=True))
    given |= {pair["name"]: pair["value"] for pair in headers or ()}
    options: dict[str, Any] = {
        **others,
        "endpoint": endpoint,
        "headers": given or None,
        "timeout": None if timeout is None else timeout / 1000,
        "compression": None if compression is None else _COMPRESSIONS[compression.lower()],
    }
    if tls:
        options |= {
            "certificate_file": tls.get("ca_file"),
            "client_key_file": tls.get("key_file"),
            "client_certificate_file": tls.get("cert_file"),
        }
    return options


class OTLPSpanExporter(_Exporting[ReadableSpan, SpanExportResult], SpanExporter):
    """Exports spans by OTLP over HTTP.

    The arguments are the keys of `otlp_http` in the SDK's configuration file, ``timeout`` in
    milliseconds. What is not given comes from the variables OTEL_EXPORTER_OTLP_*.
    """

    _official_class = trace_exporter.OTLPSpanExporter
    _form = Form("span", spans.encode, spans.officially)
    _signal = "TRACES"


class OTLPLogExporter(_Exporting[ReadableLogRecord, LogRecordExportResult], LogRecordExporter):
    """Exports log records by OTLP over HTTP; the arguments are those of OTLPSpanExporter."""

    _official_class = _log_exporter.OTLPLogExporter
    _form = Form("log record", records.encode, records.officially)
    _signal = "LOGS"
