"""What the pinned SDK and its instrumentations measure, seen by running them in this process.

    python -m release.registry.emitted

prints the instruments of a served request, a sent one, and of processes, as JSON.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import Any

# Both the names of today and those of before, read when the instrumentations are imported.
os.environ["OTEL_SEMCONV_STABILITY_OPT_IN"] = "http/dup,database/dup"

import fastapi
import httpx
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
from opentelemetry.instrumentation.system_metrics import SystemMetricsInstrumentor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import (
    Gauge,
    Histogram,
    InMemoryMetricReader,
    Sum,
)


def measured() -> dict[str, dict[str, Any]]:
    """Return instrument -> type, unit, attributes."""
    reader = InMemoryMetricReader()
    provider = MeterProvider(metric_readers=[reader])
    SystemMetricsInstrumentor().instrument(meter_provider=provider)
    HTTPXClientInstrumentor().instrument(meter_provider=provider)
    app = fastapi.FastAPI()
    app.add_api_route("/items/{item_id}", _item, methods=["POST"])
    FastAPIInstrumentor.instrument_app(app, meter_provider=provider)
    asyncio.run(_ask(app))
    found: dict[str, dict[str, Any]] = {}
    data = reader.get_metrics_data()
    for resource in data.resource_metrics if data else ():
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                attributes: set[str] = set()
                for point in metric.data.data_points:
                    attributes |= set(point.attributes or {})
                found[metric.name] = {
                    "type": _type(metric.data),
                    "unit": metric.unit or "1",
                    "attributes": sorted(attributes),
                    "scope": scope.scope.name,
                }
    return found


def _type(data: Any) -> str:
    match data:
        case Histogram():
            return "histogram"
        case Sum() if data.is_monotonic:
            return "counter"
        case Gauge() | Sum():
            return "gauge"
    raise TypeError(type(data).__name__)


async def _item(item_id: str) -> dict[str, str]:
    return {"item": item_id}


async def _ask(app: fastapi.FastAPI) -> None:
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        await client.post("/items/1", content=b"text")


if __name__ == "__main__":
    sys.stdout.write(json.dumps(measured()))
