"""The gateway's HTTP routes."""

from __future__ import annotations

import asyncio
import logging
import uuid
from typing import Any

from fastapi import APIRouter, HTTPException
from fastapi.responses import JSONResponse, Response, StreamingResponse

from gateway import catalog, schemas
from gateway.core import COMPONENTS, Core
from gateway.policy import Subject
from gateway.router import Ask

log = logging.getLogger("ims.routes")


class JobFailed(Exception):
    """A job of kind `fail` did what it is for."""


def routes(core: Core) -> APIRouter:
    """Routes that callers and the Collector's probes use."""
    router = APIRouter()

    @router.post("/v1/generate")
    async def generate(body: schemas.GenerateRequest) -> Response:
        if body.user is not None:
            log.info("generate asked by %s", body.user, extra={"user": body.user})
        pinned = catalog.find(body.model) if body.model else None
        strategy: catalog.Strategy = "pinned" if body.model else body.strategy
        ask = Ask(body.prompt, strategy, pinned, body.max_tokens)
        subject = Subject(body.prompt, body.model, body.team, core.router.estimate(ask))
        core.policies.enforce(subject)
        ask = Ask(subject.text, strategy, pinned, body.max_tokens)
        if body.stream:
            _, pieces = await core.router.stream(ask, body.stream_usage)
            return StreamingResponse(pieces, media_type="text/plain")
        key = (strategy, body.model or "", str(body.max_tokens), ask.prompt)
        cached = await core.responses.get(*key)
        if cached is not None:
            return JSONResponse({**cached, "cached": True})
        model, reply = await core.router.complete(ask)
        answer = {"text": reply.text, "vendor": model.vendor, "model": model.name}
        await core.responses.put(answer, *key)
        await core.database.execute(
            "INSERT INTO ledger VALUES (?, ?, ?, ?)",
            *(body.team, model.vendor, model.name, subject.estimated_usd),
        )
        return JSONResponse({**answer, "cached": False})

    @router.post("/v1/embeddings")
    async def embeddings(body: schemas.EmbeddingsRequest) -> dict[str, Any]:
        found = {text: await core.embeddings.get(text) for text in dict.fromkeys(body.texts)}
        missing = [text for text, vector in found.items() if vector is None]
        if missing:
            for text, vector in zip(missing, await core.router.embed(missing), strict=True):
                found[text] = vector
                await core.embeddings.put(vector, text)
        return {"embeddings": [found[text] for text in body.texts], "asked": len(missing)}

    @router.post("/v1/agents", status_code=202)
    async def spawn(body: schemas.AgentRequest) -> dict[str, str]:
        return {"agent_id": await core.agents.spawn(body.agent_type, body.task, body.actions)}

    @router.get("/v1/agents/{agent_id}")
    async def agent(agent_id: str) -> dict[str, str]:
        found = await core.agents.find(agent_id)
        if found is None:
            raise HTTPException(404, "no such agent")
        return found

    @router.post("/v1/jobs", status_code=202)
    async def enqueue(body: schemas.JobRequest) -> dict[str, Any]:
        async def work() -> None:
            await asyncio.sleep(body.seconds)
            if body.kind == "fail":
                raise JobFailed("this job always fails")

        core.fail_some()
        job_id = uuid.uuid4().hex
        await core.database.execute(
            "INSERT INTO jobs VALUES (?, ?, ?)", job_id, body.queue, body.kind
        )
        return {"job_id": job_id, "depth": await core.queues[body.queue].put(work)}

    @router.get("/health")
    async def health() -> JSONResponse:
        if core.broken:
            return JSONResponse({"status": "unhealthy"}, 503)
        return JSONResponse({"status": "ok"})

    @router.get("/health/detailed")
    async def health_detailed(component: str | None = None) -> JSONResponse:
        if component is not None and component not in COMPONENTS:
            raise HTTPException(404, f"no such component; available: {', '.join(COMPONENTS)}")
        asked = COMPONENTS if component is None else (component,)
        state = {name: await core.healthy(name) for name in asked}
        components = {
            name: {"status": "healthy" if works else "unhealthy"} for name, works in state.items()
        }
        return JSONResponse({"components": components}, 200 if all(state.values()) else 503)

    return router


def demo_routes(core: Core) -> APIRouter:
    """Routes that exist only with IMS_DEMO=true."""
    router = APIRouter()

    @router.post("/demo/faults")
    async def faults(body: schemas.FaultsRequest) -> dict[str, list[str]]:
        await core.inject(set(body.unhealthy))
        core.failing_jobs = body.failing_jobs
        return {"unhealthy": sorted(body.unhealthy)}

    return router
