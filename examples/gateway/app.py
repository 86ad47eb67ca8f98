"""The gateway's ASGI app.

uvicorn --factory gateway.app:create_app --port 8080
"""

from __future__ import annotations

import contextlib
import gc
import logging
from collections.abc import AsyncIterator

import httpx2
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from gateway.core import Core
from gateway.policy import Denied
from gateway.routes import demo_routes, routes
from gateway.settings import Settings
from gateway.vendor_clients import VendorError

log = logging.getLogger("ims.app")
# What a caller is answered when every vendor failed, by the last failure's reason.
_STATUS = {"rate_limit": 429, "timeout": 504, "circuit_open": 503}


def create_app(
    settings: Settings | None = None, vendor_http: httpx2.AsyncClient | None = None
) -> FastAPI:
    """Build the app, from the environment unless settings are given.

    `vendor_http` is the client that the vendors' libraries use instead of their own.
    """
    core = Core(settings or Settings.from_env(), vendor_http)

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with core.running():
            # What is there by now stays: no need to look through it at every collection.
            gc.collect()
            gc.freeze()
            yield

    app = FastAPI(title="IMS Core", lifespan=lifespan)
    app.include_router(routes(core))
    if core.settings.demo:
        app.include_router(demo_routes(core))

    @app.exception_handler(Denied)
    async def denied(request: Request, error: Denied) -> JSONResponse:
        return JSONResponse({"detail": str(error), "policy": error.policy}, 403)

    @app.exception_handler(VendorError)
    async def failed(request: Request, error: VendorError) -> JSONResponse:
        log.error("no vendor answered: %s", error)
        return JSONResponse({"detail": str(error)}, _STATUS.get(error.reason or "", 502))

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        # Without the input that was sent: it may be anything, even bytes that are no text.
        problems = [
            {key: problem[key] for key in ("loc", "msg", "type")} for problem in error.errors()
        ]
        return JSONResponse({"detail": problems}, 422)

    return app
