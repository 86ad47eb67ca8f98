"""A Prometheus that answers everything with one series whose labels are hostile."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

from imsobs.runtime.drill.server import serving

HOSTILE = '<img src=x onerror="window.hostile=1">'
TRACE = "0af7651916cd43dd8448eb211c80319c"
# What its dashboards are made of.
SPEC = """
use: [http]
service: {health: /health}
labels: {route: {values: [/orders, /health]}}
alerting: {groups: {health: {team: me}, latency: {team: me}, requests: {team: me}}}
routing: {routes: {me: {match: {team: me}, receiver: nobody}}}
budget: {series: 100000}
"""


class Prometheus(BaseHTTPRequestHandler):
    """One series for everything, whose labels are hostile; refuses what it is told to refuse."""

    refuses = False
    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self._answer(parse_qs(urlsplit(self.path).query))

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self._answer(parse_qs(body))

    def _answer(self, arguments: dict[str, list[str]]) -> None:
        self.asked.extend(arguments.get("query", []))
        path = urlsplit(self.path).path
        labels = {"service_name": HOSTILE, "route": HOSTILE, "le": "+Inf"}
        data: Any
        if path.endswith("/values"):
            data = [HOSTILE, "plain"]
        elif path.endswith("/alerts"):
            alert = {"alertname": HOSTILE, "severity": "critical", "route": HOSTILE}
            summary = {"summary": HOSTILE}
            data = {"alerts": [{"state": "firing", "labels": alert, "annotations": summary,
                                "activeAt": "2026-01-01T00:00:00Z"}]}  # fmt: skip
        elif path.endswith("query_exemplars"):
            moment = float(arguments["end"][0]) - 20
            one = {"labels": {"trace_id": TRACE}, "value": "0.2", "timestamp": moment}
            wrong = {"labels": {"trace_id": HOSTILE}, "value": "0.2", "timestamp": moment}
            data = [{"seriesLabels": {}, "exemplars": [one, wrong]}]
        elif path.endswith("query_range"):
            end = float(arguments["end"][0])
            points = [[end - 60 + i, str(i)] for i in range(60)]
            data = {"resultType": "matrix", "result": [{"metric": labels, "values": points}]}
        else:
            value = [time.time(), "3"]
            data = {"resultType": "vector", "result": [{"metric": labels, "value": value}]}
        self.send_response(422 if self.refuses else 200)
        self.end_headers()
        self.wfile.write(json.dumps({"status": "success", "data": data}).encode())

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextmanager
def fake_prometheus() -> Iterator[str]:
    """Yield the base URL of one that runs."""
    with serving(Prometheus) as server:
        yield f"http://127.0.0.1:{server.server_port}"
