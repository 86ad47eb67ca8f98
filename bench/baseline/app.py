"""The gateway with the plan's observability code around its parts."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import FastAPI
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from prometheus_client import make_asgi_app
from redis.asyncio import Redis

from bench.baseline import logs, metrics
from bench.service import TRACED
from gateway import database, vendor_clients
from gateway.app import create_app as create_gateway

# USD per million tokens: input, output.
_PRICES = {"gpt-4o-mini": (0.15, 0.60), "gpt-4o": (2.50, 10.0), "o3-mini": (1.10, 4.40)}
_VERSION = os.environ.get("IMSOBS_VERSION", "0.0.0")
_tracer = trace.get_tracer("ims")
Call = Callable[..., Awaitable[Any]]


def create_app() -> FastAPI:
    """Build the instrumented gateway from the environment."""
    provider = TracerProvider(
        sampler=ParentBased(TraceIdRatioBased(float(os.environ[TRACED]))),
        resource=Resource.create({"service.name": "ims-core"}),
    )
    provider.add_span_processor(
        BatchSpanProcessor(
            OTLPSpanExporter(os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"] + "/v1/traces")
        )
    )
    trace.set_tracer_provider(provider)
    logs.configure()
    logging.getLogger().addHandler(metrics.Events())
    setattr(database.Database, "execute", _query(database.Database.execute))  # noqa: B010
    setattr(Redis, "execute_command", _command(Redis.execute_command))  # noqa: B010
    for vendor in (vendor_clients.OpenAI, vendor_clients.Anthropic):
        setattr(vendor, "chat", _chat(vendor.chat))  # noqa: B010
    app = create_gateway()
    app.mount("/metrics", make_asgi_app())
    FastAPIInstrumentor.instrument_app(app, excluded_urls="metrics")
    app.add_middleware(Requests)
    return app


class Requests:
    """Counts and times every request, by route."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve a request of the ASGI protocol."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status = time.perf_counter(), 500

        async def watched(message: Any) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, watched)
        finally:
            route = getattr(scope.get("route"), "path", "unmatched")
            method, kind = scope["method"], f"{status // 100}xx"
            metrics.observe("ims_requests_total", 1, route, method, kind, _VERSION)
            seconds = time.perf_counter() - started
            metrics.observe("ims_request_duration_seconds", seconds, route, method)
            if status >= 400:
                metrics.observe("ims_errors_total", 1, route, "internal")


def _query(inner: Call) -> Call:
    async def execute(self: Any, statement: str, *values: Any) -> Any:
        verb = statement.split(" ", 1)[0]
        with (
            _tracer.start_as_current_span(verb, attributes={"db.system.name": "sqlite"}),
            metrics.timed(
                "ims_database_query_duration_seconds", "ims_database_errors_total", "sqlite", verb
            ),
        ):
            return await inner(self, statement, *values)

    return execute


def _command(inner: Call) -> Call:
    async def execute_command(self: Any, *args: Any, **options: Any) -> Any:
        with (
            _tracer.start_as_current_span(str(args[0]), attributes={"db.system.name": "redis"}),
            metrics.timed(
                "ims_cache_command_duration_seconds",
                "ims_cache_command_errors_total",
                str(args[0]),
            ),
        ):
            return await inner(self, *args, **options)

    return execute_command


def _chat(inner: Call) -> Call:
    async def chat(self: Any, model: str, prompt: str, max_tokens: int) -> Any:
        vendor = self.name
        started = time.perf_counter()
        outcome = "error"
        with _tracer.start_as_current_span(f"chat {model}") as span:
            span.set_attributes({"gen_ai.request.model": model, "gen_ai.provider.name": vendor})
            try:
                reply = await inner(self, model, prompt, max_tokens)
                outcome = "success"
            except Exception:
                metrics.observe("ims_api_errors_total", 1, vendor, model, "unknown")
                raise
            finally:
                metrics.observe("ims_model_calls_total", 1, vendor, model, "chat", outcome)
                seconds = time.perf_counter() - started
                metrics.observe("ims_model_call_duration_seconds", seconds, vendor, model)
            if reply.usage is not None:
                used = reply.usage
                span.set_attribute("gen_ai.usage.input_tokens", used.input_tokens)
                span.set_attribute("gen_ai.usage.output_tokens", used.output_tokens)
                _tokens(vendor, model, used)
            return reply

    return chat


def _tokens(vendor: str, model: str, used: vendor_clients.Usage) -> None:
    metrics.observe("ims_input_tokens_total", used.input_tokens, vendor, model)
    metrics.observe("ims_output_tokens_total", used.output_tokens, vendor, model)
    metrics.observe("ims_cached_tokens_total", used.cached_input_tokens, vendor, model)
    fresh, answer = _PRICES.get(model, (0.0, 0.0))
    cost = (used.input_tokens * fresh + used.output_tokens * answer) / 1e6
    metrics.observe("ims_cost_actual_usd_total", cost, vendor, model)
