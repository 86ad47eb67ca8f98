"""A failed request's log record leads to its trace, and what failed for its user says so."""

from __future__ import annotations

import random
import re
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import pytest
from faults.conftest import eventually
from golden.collector import ROOT
from service.servers import SERVERS, Service, serving
from service.sink import ERROR, Record, Sink, Span

pytestmark = [pytest.mark.native, pytest.mark.timeout(300)]


def failing(service: Service, paths: list[str]) -> None:
    """Request all of these, many at a time; those that break are broken off."""

    def get(path: str) -> None:
        try:
            service.client.get(path)
        except httpx2.TransportError:
            assert "stream" in path

    with ThreadPoolExecutor(32) as pool:
        list(pool.map(get, paths))


def unhandled(sink: Sink) -> dict[str, Record]:
    """Return the server's records of exceptions: the number that it says -> record."""
    found = {}
    for record in sink.records:
        # FastAPI's own telemetry records each too, while the request is still there.
        if record.logger == "fastapi":
            continue
        if said := re.search(r"number (\d+)", str(record.attributes.get("exception.message"))):
            assert said[1] not in found, "recorded twice"
            found[said[1]] = record
    return found


def requests(sink: Sink) -> dict[str, Span]:
    """Return the requests: the number in its path or query -> span."""
    return {
        said[1]: span
        for span in sink.spans
        if span.server
        and (
            said := re.search(
                r"(\d+)", f"{span.attributes['url.path']}?{span.attributes.get('url.query', '')}"
            )
        )
    }


@pytest.mark.parametrize("server", SERVERS)
def test_each_record_leads_to_its_own_request(server: str, tmp_path: Path) -> None:
    kinds = ("/fail/{}", "/fail-in-thread/{}", "/stream?breaks=true&number={}")
    paths = [kinds[number % 3].format(number) for number in range(300)]
    random.Random(7).shuffle(paths)  # noqa: S311 - an order, no secret
    with Sink() as sink, serving(server, sink.url, tmp_path / "log") as service:
        failing(service, paths)
        service.stop()
        records, spans = unhandled(sink), requests(sink)
        assert len(records) == len(spans) == 300
        assert {n: (r.trace_id, r.span_id) for n, r in records.items()} == {
            n: (s.trace_id, s.span_id) for n, s in spans.items()
        }
        for number, record in records.items():
            # What the console shows of it too.
            assert record.attributes["otelTraceID"] == spans[number].trace_id
        printed = service.log.read_text()
        assert all(span.trace_id in printed for span in spans.values())


def test_a_stream_that_breaks_after_200_is_an_error(tmp_path: Path) -> None:
    with Sink() as sink, serving("uvicorn", sink.url, tmp_path / "log") as service:
        failing(service, [f"/stream?breaks={n < 3}&number={n}" for n in range(10)])
        service.stop()
        for number, span in requests(sink).items():
            assert span.attributes["http.response.status_code"] == 200
            assert span.attributes["http.route"] == "/stream"
            assert (span.status == ERROR) == (int(number) < 3)
            assert ("ConnectionError" in span.exceptions) == (int(number) < 3)


@pytest.mark.parametrize("native", [False, True])
@pytest.mark.parametrize("server", ["uvicorn", "gunicorn"])
def test_a_user_who_stops_a_stream_is_no_error(server: str, native: bool, tmp_path: Path) -> None:
    """native: FastAPI's own telemetry, which is silent while contrib's instrumentation works."""
    more = {"OTEL_CONFIG_FILE": str(without_contrib(tmp_path))} if native else {}
    with Sink() as sink, serving(server, sink.url, tmp_path / "log", **more) as service:
        for number in range(5):
            with service.client.stream("GET", f"/stream?number={number}") as answer:
                next(answer.iter_text())
        time.sleep(1)
        failing(service, [f"/stream?breaks=true&number={n}" for n in range(5, 10)])
        service.stop()
        spans = requests(sink)
        assert len(spans) == 10
        for number, span in spans.items():
            broken = int(number) >= 5
            assert (span.status == ERROR) == broken
            # FastAPI names both ConnectionError, which the Collector takes for a user who left.
            told = "builtins.ConnectionError" if broken and native else None
            assert span.attributes.get("error.type") == told
        assert {r.trace_id for r in unhandled(sink).values()} == {
            span.trace_id for number, span in spans.items() if int(number) >= 5
        }


def without_contrib(folder: Path) -> Path:
    """Return the rendered SDK configuration without contrib's instrumentation of FastAPI."""
    text = (ROOT / "app" / "otel-sdk.yaml").read_text()
    file = folder / "native.yaml"
    file.write_text(text.replace("    fastapi:\n", "    fastapi:\n      enabled: false\n", 1))
    assert file.read_text() != text
    return file


def test_a_record_outside_of_every_request_has_no_trace(tmp_path: Path) -> None:
    with Sink() as sink, serving("uvicorn", sink.url, tmp_path / "log") as service:
        failing(service, [f"/fail/{number}" for number in range(20)])
        eventually(lambda: service.get("/later"), 5)
        service.stop()
        (record,) = [r for r in sink.records if r.body == "nobody asked for this"]
        assert not record.trace_id
