"""Encoding: what the exporters do with a span and with a log record.

Spans and records as the demo gateway makes them, with the SDK: a request's span of ten attributes,
and a record of an event with four fields. Each exporter encodes batches of them in this process,
where nothing else runs; the standard one is opentelemetry-exporter-otlp-proto-http, the fast one
imsobs-exporter. Both give the same bytes.

The lock is the interpreter's: while it is held, no request is answered. The standard encoder holds
it for a whole batch unless somebody waits for longer than 5 ms; the fast one gives it back as soon
as it has had it for 0.4 ms.

    python -m bench.encoding
"""

from __future__ import annotations

import argparse
import itertools
import random
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from imsobs_exporter import batches, records, spans
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind

from bench.harness import Spread, alternate, measured, spread
from bench.project import packages
from bench.report import Goal, Page, Table, write

# Items of a batch, as the rendered settings send them with either exporter.
_BATCH = {"standard": 128, "fast": 512}
_KINDS = ("span", "log record")
_TIMES = 20
# Microseconds per item, and of the longest time that the lock is held.
Sample = dict[str, float]


def main() -> None:
    """Run the benchmark and write its page."""
    parser = argparse.ArgumentParser(prog="python -m bench.encoding", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path, help="folder of the results")
    given = parser.parse_args()
    with measured() as run:
        samples = alternate(_scenarios(), given.rounds)
    write(_page(samples, {"rounds": given.rounds}), run, given.out)


def _scenarios() -> dict[str, Callable[[], Sample]]:
    made = _items(max(_BATCH.values()))
    encoders: dict[tuple[str, str], Callable[[Sequence[Any]], bytes]] = {
        ("standard", "span"): lambda b: bytes(encode_spans(b).SerializePartialToString()),
        ("standard", "log record"): lambda b: bytes(encode_logs(b).SerializePartialToString()),
        ("fast", "span"): batches.Encoder(
            batches.Form("span", spans.encode, spans.officially)
        ).encode,
        ("fast", "log record"): batches.Encoder(
            batches.Form("log record", records.encode, records.officially)
        ).encode,
    }
    for kind in _KINDS:
        standard, fast = (encoders[name, kind](made[kind]) for name in _BATCH)
        if standard != fast:
            raise SystemExit(f"{kind}: the exporters encode it differently")
    return {
        f"{exporter}/{kind}": lambda e=encode, i=made[kind], n=exporter: _measure(e, i, n)
        for (exporter, kind), encode in encoders.items()
    }


def _measure(encode: Callable[[Any], bytes], items: list[Any], exporter: str) -> Sample:
    return {
        "item": _cpu(encode, items) / len(items) * 1e6,
        "held": min(_held(encode, items[: _BATCH[exporter]]) for _ in range(_TIMES)) * 1e6,
    }


def _cpu(encode: Callable[[Any], bytes], batch: list[Any]) -> float:
    """Return the CPU seconds of the least disturbed of some tries."""
    taken = []
    for _ in range(_TIMES):
        started = time.thread_time()
        encode(batch)
        taken.append(time.thread_time() - started)
    return min(taken)


def _held(encode: Callable[[Any], bytes], batch: list[Any]) -> float:
    """Return the longest CPU seconds of this thread between two pauses."""
    marks = [time.thread_time()]
    pause = batches.pause

    def marked() -> None:
        pause()
        marks.append(time.thread_time())

    batches.pause = marked
    try:
        encode(batch)
    finally:
        batches.pause = pause
    marks.append(time.thread_time())
    return max(after - before for before, after in itertools.pairwise(marks))


def _items(count: int) -> dict[str, list[Any]]:
    """Return spans and log records that the SDK made."""
    chance = random.Random(1)  # noqa: S311 - figures, no secrets
    resource = Resource({"service.name": "ims-core", "service.version": "1.0.0"})
    sent_spans, sent_records = InMemorySpanExporter(), InMemoryLogRecordExporter()
    tracers = TracerProvider(resource=resource, shutdown_on_exit=False)
    tracers.add_span_processor(SimpleSpanProcessor(sent_spans))
    loggers = LoggerProvider(resource=resource, shutdown_on_exit=False)
    loggers.add_log_record_processor(SimpleLogRecordProcessor(sent_records))
    tracer = tracers.get_tracer("opentelemetry.instrumentation.fastapi", "0.66b1")
    logger = loggers.get_logger("ims.policy")
    for _ in range(count):
        request = {
            "http.request.method": "POST",
            "http.route": "/v1/generate",
            "http.response.status_code": 200,
            "url.scheme": "http",
            "url.path": "/v1/generate",
            "server.address": "127.0.0.1",
            "server.port": 8080,
            "client.address": "127.0.0.1",
            "client.port": chance.randrange(1024, 65_536),
            "user_agent.original": "python-httpx/0.28",
        }
        fields = {
            "event": "policy_evaluated",
            "policy": "pii",
            "decision": "allow",
            "duration_seconds": chance.random(),
        }
        name = "POST /v1/generate"
        with tracer.start_as_current_span(name, kind=SpanKind.SERVER, attributes=request):
            logger.emit(
                LogRecord(
                    timestamp=time.time_ns(),
                    severity_text="INFO",
                    severity_number=SeverityNumber.INFO,
                    body="policy evaluated",
                    attributes=fields,
                )
            )
    return {
        "span": list(sent_spans.get_finished_spans()),
        "log record": list(sent_records.get_finished_logs()),
    }


def _spread(samples: dict[str, list[Sample]], name: str, figure: str) -> Spread:
    return spread([sample[figure] for sample in samples[name]])


def _page(samples: dict[str, list[Sample]], settings: dict[str, Any]) -> Page:
    table = Table(
        "Microseconds of CPU",
        ["exporter", *(f"a {kind}" for kind in _KINDS), *(f"lock held, {k}s" for k in _KINDS)],
        note="The lock is held for the longest time in a batch, of "
        + ", ".join(f"{count} items ({name})" for name, count in _BATCH.items())
        + ".",
    )
    for exporter in _BATCH:
        cells = [
            _spread(samples, f"{exporter}/{kind}", figure).show(1 if figure == "item" else 0)
            for figure in ("item", "held")
            for kind in _KINDS
        ]
        table.rows.append([exporter, *cells])
    shares = {
        kind: _spread(samples, f"fast/{kind}", "item").median
        / _spread(samples, f"standard/{kind}", "item").median
        for kind in _KINDS
    }
    held = {kind: _spread(samples, f"fast/{kind}", "held").median / 1000 for kind in _KINDS}
    return Page(
        "encoding",
        "Benchmark: encoding spans and log records",
        __doc__ or "",
        packages("opentelemetry-sdk", "opentelemetry-exporter-otlp-proto-http", "protobuf"),
        [table],
        [
            Goal(
                "at most a third of the standard exporter's CPU",
                ", ".join(f"{kind} {share:.0%}" for kind, share in shares.items()),
                max(shares.values()) <= 1 / 3,
            ),
            Goal(
                "the lock is held for less than 1 ms",
                ", ".join(f"{kind}s {value:.2f} ms" for kind, value in held.items()),
                max(held.values()) < 1,
            ),
        ],
        dict(samples),
        settings,
    )


if __name__ == "__main__":
    main()
