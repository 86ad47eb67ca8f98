"""Numbered traces and log records, and a service that sends them and notes what was taken."""

from __future__ import annotations

import gzip
import json
import threading
import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import httpx
from golden import otlp

SERVICE = "ims-core"
SCOPE = "opentelemetry.instrumentation.fastapi"


def trace_id(number: int) -> str:
    """Return the trace id with a number."""
    return f"{number:032x}"


def body(number: int) -> str:
    """Return the text of the log record with a number."""
    return f"record {number}"


def traces(numbers: range, **span: Any) -> dict[str, Any]:
    """Return an export request with one trace per number, each a request of the service."""
    given = {
        "kind": "server",
        "scope": SCOPE,
        "name": "POST /v1/generate",
        "attributes": {
            "http.request.method": "POST",
            "http.route": "/v1/generate",
            "http.response.status_code": 200,
        },
        **span,
    }
    return otlp.traces(SERVICE, [{**given, "trace": trace_id(number)} for number in numbers])


def logs(numbers: range, **record: Any) -> dict[str, Any]:
    """Return an export request with one log record per number."""
    return otlp.logs(SERVICE, [{**record, "body": body(number)} for number in numbers])


@dataclass
class Sender:
    """Sends batch after batch in a thread, each at most ``tries`` times, like an SDK.

    taken: number of a record -> when its export was answered with 200 (monotonic seconds).
    unsure: numbers whose export got no answer at least once, so that nobody knows whether
    they arrived; these alone may arrive twice when they are sent again.
    """

    url: str
    size: int = 10
    pause: float = 0.02
    tries: int = 1
    compress: bool = False
    taken: dict[str, dict[int, float]] = field(default_factory=lambda: {"traces": {}, "logs": {}})
    unsure: dict[str, set[int]] = field(default_factory=lambda: {"traces": set(), "logs": set()})
    sent: int = 0

    def __post_init__(self) -> None:
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._client = httpx.Client(timeout=20.0, trust_env=False)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Stop after the batch that is under way."""
        self._end.set()
        self._thread.join(timeout=60.0)
        assert not self._thread.is_alive(), "the sender hangs"
        self._client.close()

    def _run(self) -> None:
        while not self._end.wait(self.pause):
            numbers = range(self.sent + 1, self.sent + self.size + 1)
            self.sent += self.size
            self._deliver("traces", numbers, traces(numbers))
            self._deliver("logs", numbers, logs(numbers))

    def _deliver(self, kind: str, numbers: range, request: dict[str, Any]) -> None:
        for _ in range(self.tries):
            try:
                answer = self._post(kind, request)
            except httpx.ConnectError:
                pass  # Nobody was there: it cannot have arrived.
            except httpx.HTTPError:
                self.unsure[kind].update(numbers)
            else:
                if answer.status_code == 200:
                    now = time.monotonic()
                    self.taken[kind].update(dict.fromkeys(numbers, now))
                    return
            if self._end.wait(0.1):
                return

    def _post(self, kind: str, request: dict[str, Any]) -> httpx.Response:
        content, headers = json.dumps(request).encode(), {"content-type": "application/json"}
        if self.compress:
            content, headers["content-encoding"] = gzip.compress(content), "gzip"
        return self._client.post(f"{self.url}/v1/{kind}", content=content, headers=headers)
