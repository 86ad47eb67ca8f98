"""The guide's first commands, in a fresh folder: from nothing to counts that are exact."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import yaml

from imsobs.compile import read_spec
from imsobs.runtime.trial import free_ports, own_ports

GUIDE = Path(__file__).resolve().parents[2] / "docs/guide/integration.md"
APP = """\
from fastapi import FastAPI

app = FastAPI()


@app.get("/health")
def health() -> dict[str, str]:
    return {"status": "ok"}


@app.get("/orders/{order_id}")
def order(order_id: str) -> dict[str, str]:
    return {"id": order_id}
"""
SENT = 40
pytestmark = pytest.mark.native


def commands() -> list[list[str]]:
    """Return the commands of the section, the last for another terminal."""
    section = GUIDE.read_text().split("## In ten minutes")[1].split("\n## ")[0]
    blocks = re.findall(r"```console\n(.*?)```", section, flags=re.DOTALL)
    return [shlex.split(line) for block in blocks for line in block.splitlines()]


def environment() -> dict[str, str]:
    """Return this environment with its own programs first on the path."""
    own = str(Path(sys.executable).parent)
    kept = {key: v for key, v in os.environ.items() if not key.startswith(("IMSOBS_", "OTEL_"))}
    return {**kept, "PATH": f"{own}{os.pathsep}{os.environ['PATH']}"}


def called(command: list[str], folder: Path) -> str:
    done = subprocess.run(
        command, cwd=folder, env=environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{shlex.join(command)}:\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def own_places(folder: Path) -> str:
    """Give the stack ports of its own, and short intervals; return Prometheus' address."""
    model = read_spec([folder / "spec/spec.yaml"]).model
    assert model is not None
    more = {
        **own_ports(model.spec.stack),
        "scrape": {"interval": "2s", "timeout": "2s"},
    }
    (folder / "spec/ports.yaml").write_text(yaml.safe_dump(more))
    return f"http://127.0.0.1:{more['stack']['prometheus']['ports']['http']}"


@contextmanager
def served(command: list[str], folder: Path, address: str) -> Iterator[None]:
    log = folder / "served.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            command, cwd=folder, env=environment(), stdout=output, stderr=output
        )
    try:
        until = time.monotonic() + 120
        while not answers(f"{address}/health"):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < until, log.read_text()
            time.sleep(0.2)
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)
    assert "as shop in development sends to" in log.read_text().splitlines()[0]


def answers(url: str) -> bool:
    try:
        return httpx.get(url).is_success
    except httpx.HTTPError:
        return False


def counted(prometheus: str) -> float:
    query = 'sum(shop_requests_total{route="/orders/{order_id}",status_class="2xx"})'
    result = httpx.get(f"{prometheus}/api/v1/query", params={"query": query}).json()["data"]
    return float(result["result"][0]["value"][1]) if result["result"] else 0.0


def test_the_guides_commands_lead_to_exact_counts(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(APP)
    document = tmp_path / "openapi.json"
    document.write_text('{"paths": {"/health": {}, "/orders/{order_id}": {}}}')
    port = free_ports(1)[0]
    address = f"http://127.0.0.1:{port}"
    init, up, run, status = [
        [
            word.replace("http://127.0.0.1:8000", address).replace("8000", str(port))
            for word in words
        ]
        for words in commands()
    ]
    assert [words[1] for words in (init, up, run, status)] == ["init", "up", "run", "status"]
    # The service does not run yet, so that its document is given.
    called([*init, "--openapi", str(document)], tmp_path)
    prometheus = own_places(tmp_path)
    called(["imsobs", "render"], tmp_path)
    try:
        called([*up, "--mode", "native"], tmp_path)
        with served(run, tmp_path, address):
            for number in range(SENT):
                assert httpx.get(f"{address}/orders/{number}").is_success
            assert "spans" in called(status, tmp_path)
        # What waited in the service was sent when it was stopped.
        until = time.monotonic() + 60
        while counted(prometheus) != SENT and time.monotonic() < until:
            time.sleep(0.5)
        assert counted(prometheus) == SENT
    finally:
        called(["imsobs", "down"], tmp_path)
