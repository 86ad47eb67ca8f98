"""The hand-written observability that the overhead benchmark compares with: it counts at all."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
# In a process of its own: it sets the SDK's global provider.
ASK = """
from fastapi.testclient import TestClient
from bench.service import create_app

with TestClient(create_app()) as client:
    assert client.get("/health").status_code == 200
    answer = client.post("/v1/generate", json={"prompt": "A question"})
    assert answer.status_code in (429, 502, 503, 504), answer.text
    told = client.get("/metrics/").text
for counted in (
    'ims_requests_total{method="GET",route="/health",status_class="2xx",version="0.0.0"} 1.0',
    'ims_errors_total{error_type="internal",route="/v1/generate"} 1.0',
    'vendor_error_type="unknown"} ',
    'ims_policy_evaluations_total{',
):
    assert counted in told, (counted, told)
"""


def test_baseline_counts_what_it_answers_and_what_fails() -> None:
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "examples")]),
        "BENCH_SCENARIO": "plan",
        "BENCH_TRACED": "0.0",
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1",
        "IMS_OPENAI_URL": "http://127.0.0.1:1/openai/v1",
        "IMS_ANTHROPIC_URL": "http://127.0.0.1:1/anthropic",
    }
    done = subprocess.run(
        [sys.executable, "-c", ASK], env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr[-3000:]
