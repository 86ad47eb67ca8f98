"""Plays a fresh folder up to dashboards with data, and writes what was typed and printed.

    PYTHONPATH=examples python -m tests.gateways.recording

Writes docs/guide/ten-minutes.md and the picture of a dashboard. The programs of the stack must be
there; exit code 1 when it takes ten minutes or more. Ports are free ones, folders a scratch folder;
in what is written they are the defaults, and ~/shop.
"""

from __future__ import annotations

import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import yaml

from imsobs.compile import read_spec
from imsobs.runtime.trial import free_ports, own_ports
from tests.gateways.guide import answers
from tests.gateways.installed import ROOT, variables

PAGE = ROOT / "docs/guide/ten-minutes.md"
PICTURE = ROOT / "docs/pictures/shop-http.png"
_MOST_SECONDS = 600.0
_TRAFFIC_SECONDS = 90.0
_DASHBOARD = "shop-http"
_INTRODUCTION = """\
<!-- Played and written by `make recording`. Do not edit. -->
# From a fresh folder to dashboards, by the clock

What was typed and printed, in order, on a machine where the programs of the stack were built
already. The time at each command is that since the first. The service is the one file that is
shown, and has no observability code.
"""


@dataclass
class Recording:
    """What was typed and printed. shown: what differs from machine to machine -> as it is told."""

    folder: Path
    environment: dict[str, str]
    shown: dict[str, str]
    begun: float = field(default_factory=time.monotonic)
    lines: list[str] = field(default_factory=list)

    def run(self, command: str) -> None:
        """Run a command in the folder. Raises SystemExit when it fails."""
        at = self._at()
        # A critical alert of a stack that is seconds older than its service fails a status.
        done = subprocess.run(
            ["/bin/sh", "-c", command], cwd=self.folder, env=self.environment, check=False,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        self.tell(at, command, done.stdout)
        if done.returncode not in (0, 4):
            raise SystemExit(f"{command} failed with {done.returncode}:\n{done.stdout}")

    def tell(self, at: str, command: str, output: str) -> None:
        """Note a command and what it printed."""
        self.lines += [f"[{at}] $ {self._plain(command)}", *self._plain(output).splitlines(), ""]

    def _at(self) -> str:
        minutes, seconds = divmod(int(time.monotonic() - self.begun), 60)
        return f"{minutes}:{seconds:02d}"

    def _plain(self, text: str) -> str:
        for theirs, ours in self.shown.items():
            text = text.replace(theirs, ours)
        return "\n".join(line.rstrip() for line in text.splitlines())

    def serve(self, command: str, health: str) -> subprocess.Popen[bytes]:
        """Start a service and return when it answers."""
        at, log = self._at(), self.folder / "served.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                shlex.split(command), cwd=self.folder, env=self.environment,
                stdout=output, stderr=subprocess.STDOUT,
            )  # fmt: skip
        while not answers(health):
            if process.poll() is not None:
                raise SystemExit(log.read_text())
            time.sleep(0.2)
        self.tell(at, f"{command} &", log.read_text().splitlines()[0])
        return process


def _ports(folder: Path) -> dict[str, str]:
    """Give the stack free ports; return what is shown for each: the default."""
    model = read_spec([folder / "spec/spec.yaml"]).model
    assert model is not None
    more = own_ports(model.spec.stack)
    (folder / "spec/ports.yaml").write_text(yaml.safe_dump(more))
    usual: Any = model.spec.stack.model_dump(exclude_none=True)
    return {
        f":{port}": f":{usual[part]['ports'][label]}"
        for part, found in more["stack"].items()
        for label, port in found["ports"].items()
    }


def _traffic(address: str) -> tuple[int, str]:
    """Ask for orders for a while; return how many requests were sent, and how they ended."""
    until, statuses, number = time.monotonic() + _TRAFFIC_SECONDS, {}, 0
    with httpx.Client(base_url=address, timeout=30) as client:
        while time.monotonic() < until:
            number += 1
            answer = client.post("/orders") if number % 4 == 0 else client.get(f"/orders/{number}")
            statuses[answer.status_code] = statuses.get(answer.status_code, 0) + 1
            time.sleep(0.05)
    return number, ", ".join(f"{count} x {status}" for status, count in sorted(statuses.items()))


def play(folder: Path) -> Recording:
    """Play it in an empty folder."""
    (port,) = free_ports(1)
    environment = {
        **variables(Path(sys.executable).parent),
        "COLUMNS": "100",
        "NO_COLOR": "1",
        "TERM": "dumb",
    }
    shown = {str(folder): "~/shop", f":{port}": ":8000", f"--port {port}": "--port 8000"}
    shutil.copy(ROOT / "tests/gateways/recorded_app.py", folder / "app.py")
    told = Recording(folder, environment, shown)
    told.run("cat app.py")
    told.run('python -c "import app, json; print(json.dumps(app.app.openapi()))" > openapi.json')
    address = f"http://127.0.0.1:{port}"
    told.run(
        f"imsobs init --yes --name shop --address {address} --openapi openapi.json"
        " --use http,pipeline,runtime"
    )
    told.run("cat spec/spec.yaml")
    shown |= _ports(folder)
    subprocess.run(["imsobs", "render"], cwd=folder, env=environment, check=True,
                   capture_output=True)  # fmt: skip
    told.run("imsobs render")
    try:
        told.run("imsobs up --mode native")
        service = told.serve(f"imsobs run -- uvicorn app:app --port {port}", f"{address}/health")
        at = told._at()
        number, ended = _traffic(address)
        told.tell(
            at, f"# a client asks for {_TRAFFIC_SECONDS:.0f} s", f"{number} requests: {ended}"
        )
        told.run("imsobs status")
        told.run(f"imsobs preview {_DASHBOARD} --png --range 5m")
        told.lines.append(f"[{told._at()}]")
        service.send_signal(signal.SIGTERM)
        service.wait(60)
    finally:
        subprocess.run(["imsobs", "down"], cwd=folder, env=environment, check=False,
                       capture_output=True)  # fmt: skip
    return told


def main() -> int:
    """Play, write the page and the picture, and tell how long it took."""
    with tempfile.TemporaryDirectory(prefix="shop-") as scratch:
        folder = Path(scratch).resolve() / "shop"
        folder.mkdir()
        told = play(folder)
        took = time.monotonic() - told.begun
        (picture,) = (folder / ".imsobs/preview").glob(f"{_DASHBOARD}.png")
        shutil.copy(picture, PICTURE)
    text = "\n".join(told.lines).rstrip()
    PAGE.write_text(
        f"{_INTRODUCTION}\n```console\n{text}\n```\n\nThe dashboard that the last command drew:\n\n"
        f"![Requests of the shop](../pictures/{PICTURE.name})\n",
        encoding="utf-8",
    )
    print(f"{took:.0f} s; written: {PAGE.relative_to(ROOT)}")
    return int(took >= _MOST_SECONDS)


if __name__ == "__main__":
    raise SystemExit(main())
