"""A live check of the running stack: after the reference traffic, every metric was seen."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import httpx
import pytest
from golden import otlp
from native.conftest import Live, eventually

pytestmark = pytest.mark.native
# What the reference traffic does not cause -> why.
NOT_CAUSED = {
    "ims_cache_write_tokens_total": "the stub vendors write no prompt into a cache",
    "ims_unpriced_calls_total": "every model of the traffic has a price",
    "ims_cache_evictions_total": "the cache is larger than the traffic fills",
    "ims_cache_command_errors_total": "no command of the cache fails",
    "ims_unhandled_exceptions_total": "the service handles what fails",
    "ims_websocket_session_duration_seconds": "the traffic opens no session",
    "ims_database_errors_total": "no statement fails",
}


def checked(stack: Live, last: str, *options: str) -> tuple[int, dict[str, Any]]:
    """Return exit code and JSON of a live check of the time before now."""
    root = stack.stack.layout.root
    overlays = [f"--overlay={file}" for file in sorted(root.glob("overlay-*.yaml"))]
    command = [
        sys.executable, "-m", "imsobs", "live-check", f"--last={last}", "--format=json",
        *overlays, *options,
    ]  # fmt: skip
    environment = {**os.environ, "IMSOBS_STATE": str(stack.stack.layout.state)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    return done.returncode, json.loads(done.stdout)


def test_every_metric_was_seen_after_the_reference_traffic(stack: Live) -> None:
    def all_seen() -> bool:
        # Long enough for all that the tests of this stack take.
        _, found = checked(stack, "2h")
        # Other tests of this stack cause some of the rest.
        missing = {row["metric"] for row in found["metrics"] if row["state"] == "missing"}
        assert missing <= set(NOT_CAUSED)
        assert sum(row["state"] == "seen" for row in found["metrics"]) >= 90
        assert found["undeclared"] == []
        assert {one["source"] for one in found["unmatched"]} <= {"websocket"}
        (web,) = [one for one in found["scopes"] if one["name"].endswith(".fastapi")]
        assert web["taken"]["http_request"] >= sum(stack.report.requests.values())
        return True

    eventually(all_seen, 60)


def test_what_is_refused_is_told(stack: Live) -> None:
    # A label that the spec does not have a value for, a sender that it does not name.
    span = {
        "kind": "server",
        "attributes": {"http.request.method": "BREW", "http.route": "/v1/generate",
                       "http.response.status_code": 200},
    }  # fmt: skip
    url = f"http://127.0.0.1:{stack.stack.port('otelcol', 'otlp_http')}/v1/traces"
    httpx.post(url, json=otlp.traces("ims-core", [span])).raise_for_status()
    httpx.post(url, json=otlp.traces("coffee", [span])).raise_for_status()

    def told() -> bool:
        code, found = checked(stack, "2m", "--fail-on", "outside")
        assert found["verdict"] == "findings", found["losses"]
        assert code == 1
        assert "other" in {one["service"] for one in found["senders"]}
        (requests,) = [row for row in found["metrics"] if row["metric"] == "ims_requests_total"]
        assert ("method", "other", True) in {
            (one["label"], one["value"], one["overflow"]) for one in requests["outside"]
        }
        return True

    eventually(told, 60)
