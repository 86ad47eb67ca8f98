"""The guide's first commands, in a fresh folder: from nothing to counts that are exact.

Two applications that are no gateways, one after the other, with the spec that `imsobs init` made:
one that mounts another, in one process, and one with four workers.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from imsobs.errors import ExitCode
from imsobs.runtime.trial import free_ports
from tests.gateways.guide import Project, commands, settled
from tests.gateways.installed import variables

APP = """\
import os
from fastapi import FastAPI, HTTPException, Response

app = FastAPI()


@app.get("/health")
def health() -> dict[str, str]:
    return {"status": "ok"}


@app.get("/orders/{order_id}")
def order(order_id: str, response: Response) -> dict[str, str]:
    response.headers["worker"] = str(os.getpid())
    return {"id": order_id}


@app.post("/orders/{order_id}/items")
async def add(order_id: str) -> None:
    raise HTTPException(409)


@app.get("/broken")
async def broken() -> None:
    raise ValueError
"""
MOUNTS = """\
from fastapi import FastAPI
from plain import app as shop

app = FastAPI()


@app.get("/health")
def health() -> dict[str, str]:
    return {"status": "ok"}


@app.get("/broken")
async def whole() -> str:
    return "not here"


app.mount("/shop", shop)
"""
# What the service's own document has: nothing of the application that is mounted.
DOCUMENT: dict[str, dict[str, object]] = {
    "paths": {
        "/health": {},
        "/orders/{order_id}": {},
        "/orders/{order_id}/items": {},
        "/broken": {},
    }
}
MOUNTED = "/shop/orders/{order_id},/shop/orders/{order_id}/items,/shop/broken"
PORT = 8000
# (method, path, route, status) of each kind of request, and how many.
Kinds = dict[tuple[str, str, str, int], int]
UNDER_WORKERS: Kinds = {
    ("GET", "/orders/7", "/orders/{order_id}", 200): 160,
    ("POST", "/orders/7/items", "/orders/{order_id}/items", 409): 30,
    ("GET", "/broken", "/broken", 500): 20,
    ("GET", "/nowhere", "unmatched", 404): 10,
}
UNDER_A_MOUNT: Kinds = {
    ("GET", "/shop/orders/7", "/shop/orders/{order_id}", 200): 40,
    ("POST", "/shop/orders/7/items", "/shop/orders/{order_id}/items", 409): 15,
    ("GET", "/shop/broken", "/shop/broken", 500): 10,
    ("GET", "/broken", "/broken", 200): 5,
    ("GET", "/shop/nowhere", "unmatched", 404): 3,
}
pytestmark = [pytest.mark.native, pytest.mark.timeout(500)]


@dataclass
class Shop:
    """A project after `init` and `up`. run, status: commands of the guide."""

    project: Project
    address: str
    run: list[str]
    status: list[str]

    def counted(self) -> Counter[str]:
        """Return requests by method, route and class of status, the probe's left out."""
        query = 'sum by (method, route, status_class) (shop_requests_total{route!="/health"})'
        labels = ("method", "route", "status_class")
        return Counter({k: int(v) for k, v in self.project.counted(query, *labels).items()})

    def exact(self, kinds: Kinds, *command: str) -> None:
        """Serve, send requests of these kinds, stop; what is counted is what was sent.

        What waits in the service is sent when it is stopped.
        """
        before = self.counted()
        with self.project.served([*self.run, *command], f"{self.address}/health"):
            workers = asyncio.run(sent(self.address, kinds))
            # While the service was not there yet, ServiceDown may have begun to fire.
            assert "spans" in self.project.call(self.status, ExitCode.ALERTS)
        said = self.project.log.read_text().splitlines()[0]
        assert "as shop in development sends to" in said
        assert len(workers) > ("--workers" in command), "one worker answered every request"
        wanted = Counter(
            {f"{m} {route} {status // 100}xx": n for (m, _, route, status), n in kinds.items()}
        )
        settled(lambda: self.counted() - before, wanted)
        assert self.counted() - before == wanted


async def sent(address: str, kinds: Kinds) -> set[str]:
    """Send the requests, eight at a time, and return which workers answered."""
    # No connection is kept: which worker takes a request is decided for each.
    limits = httpx.Limits(max_connections=8, max_keepalive_connections=0)
    workers = set()
    async with httpx.AsyncClient(base_url=address, timeout=60, limits=limits) as client:

        async def ask(method: str, path: str, status: int) -> None:
            answer = await client.request(method, path)
            assert answer.status_code == status, path
            workers.add(answer.headers.get("worker", ""))

        await asyncio.gather(
            *(ask(m, path, status) for (m, path, _, status), n in kinds.items() for _ in range(n))
        )
    return workers - {""}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    folder, (port,) = tmp_path_factory.mktemp("shop"), free_ports(1)
    (folder / "plain.py").write_text(APP)
    (folder / "app.py").write_text(MOUNTS)
    (folder / "openapi.json").write_text(json.dumps(DOCUMENT))
    init, up, run, status = commands("In ten minutes", port, PORT)
    assert [words[1] for words in (init, up, run, status)] == ["init", "up", "run", "status"]
    project = Project(folder, variables(Path(sys.executable).parent))
    # The service does not run yet, so that its document is given.
    project.call([*init, "--openapi", "openapi.json", "--routes", f"/*,{MOUNTED}"])
    project.own_places()
    try:
        project.call([*up, "--mode", "native"])
        yield Shop(project, f"http://127.0.0.1:{port}", run, status)
    finally:
        project.call(["imsobs", "down"])


def test_the_guides_commands_lead_to_exact_counts_also_of_a_mounted_application(shop: Shop) -> None:
    shop.exact(UNDER_A_MOUNT)


def test_four_workers_are_counted_as_one_service(shop: Shop) -> None:
    plain = [word.replace("app:app", "plain:app") for word in shop.run]
    # Not under test, and each takes a second of every worker's start.
    heavy = {"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "openai,anthropic,redis,sqlite3,httpx,httpx2"}
    shop.project.environment |= heavy
    workers = ("--workers", "4", "--timeout-worker-healthcheck", "120")
    Shop(shop.project, shop.address, plain, shop.status).exact(UNDER_WORKERS, *workers)
