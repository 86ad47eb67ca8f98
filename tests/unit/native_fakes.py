"""Fakes for the native runtime: small servers, a small go, and a project around them."""

from __future__ import annotations

import itertools
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from imsobs import shipped
from imsobs.runtime.paths import Layout
from imsobs.runtime.process.plan import Plan, load_plan
from imsobs.runtime.trial import free_ports

# Answers its version; or serves, reloads its file, or crashes, as its arguments say.
SERVER = f"""#!{sys.executable} -IS
import http.server, os, pathlib, sys
args = sys.argv[1:]
if "--version" in args:
    print("fake, version VERSION (branch: none)")
    sys.exit(0)
if "--crash" in args:
    print("fatal: cannot read [config]")
    sys.exit(7)
config = pathlib.Path(args[1]) if len(args) > 1 else None
loaded = config.read_text() if config else ""
if "crash" in loaded:
    sys.exit("fatal: the config says crash")

class Handler(http.server.BaseHTTPRequestHandler):
    def answer(self, code, text):
        self.send_response(code)
        self.end_headers()
        self.wfile.write(text.encode())
    def do_GET(self):
        unready = self.path == "/ready" and "unready" in loaded
        self.answer(503 if unready else 200, "warming up" if unready else loaded)
    def do_POST(self):
        global loaded
        text = config.read_text()
        if "refuse" in text:
            return self.answer(500, "bad config: refuse")
        loaded = text
        self.answer(200, "ok")

print("serving", os.environ.get("IMSOBS_STATE"), flush=True)
http.server.ThreadingHTTPServer(("127.0.0.1", int(args[0])), Handler).serve_forever()
"""

# Does what the file `mode` beside its folder says: "ok", or fails as the name says. Counts its
# builds in a file.
GO = """#!/bin/sh
FAKE_GO="$(cd "$(dirname "$0")/.." && pwd)"
sumdb=$(cat "$FAKE_GO/sumdb" 2>/dev/null || echo sum.golang.org)
[ "$1" = env ] && {
  echo "{\\"GOSUMDB\\": \\"$sumdb\\", \\"GOPROXY\\": \\"off\\", \\"GOTOOLCHAIN\\": \\"local\\"}"
  exit 0
}
[ "$1" = version ] && { echo "go version go1.26.0 linux/amd64"; exit 0; }
echo "go: downloading example.com/lib v1.2.3" >&2
mode=$(cat "$FAKE_GO/mode" 2>/dev/null || echo ok)
answer=$(cat "$FAKE_GO/version" 2>/dev/null || echo 1.2.3)
out="$GOBIN/tool"
previous=
for argument in "$@"; do
  [ "$previous" = -o ] && out="$argument"
  previous="$argument"
done
if [ "$1 $2" = "mod download" ]; then
  echo "{\\"Dir\\": \\"$FAKE_GO/module\\"}"
  exit 0
fi
echo "$@" >> "$FAKE_GO/builds"
mkdir -p "$(dirname "$out")"
printf '#!/bin/sh\\n' > "$out"
case "$mode" in
  disk) echo "write /tmp/x.a: no space left on device" >&2; exit 1 ;;
  network) echo "dial tcp: lookup proxy.example: no such host" >&2; exit 1 ;;
  compile) echo "./main.go:3:5: undefined: missing" >&2; exit 2 ;;
  broken) printf 'exit 3\\n' >> "$out" ;;
  slow) sleep 0.4; printf 'echo tool version %s\\n' "$answer" >> "$out" ;;
  *) printf 'echo tool version %s\\n' "$answer" >> "$out" ;;
esac
echo "example.com/lib/part" >&2
chmod +x "$out"
"""


_NUMBERS = itertools.count()


def executable(path: Path, text: str) -> Path:
    """Write an executable file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)
    return path


@dataclass
class Notes:
    """A progress that remembers."""

    notes: list[str] = field(default_factory=list)

    def note(self, text: str) -> None:
        self.notes.append(text)

    def doing(self, text: str) -> None:
        pass


@dataclass
class Project:
    """A rendered project of two fake servers, one that reloads and one that does not."""

    root: Path
    bin: Path
    data: dict[str, Any]
    shipped: dict[str, Any] = field(default_factory=dict)

    @property
    def layout(self) -> Layout:
        return Layout(self.root, self.root / "state")

    def plan(self) -> Plan:
        path = self.root / "stack" / "native.yaml"
        path.parent.mkdir(exist_ok=True)
        text = yaml.safe_dump({"processes": self.data["processes"]}, sort_keys=False)
        path.write_text(text, encoding="utf-8")
        ship(self.root, {"components": self.data["components"], **self.shipped})
        return load_plan(self.root)

    def port(self, name: str) -> int:
        return int(self.data["processes"][name]["ports"]["http"])


def ship(root: Path, data: dict[str, Any]) -> None:
    """Let the program ship these components, until the test is over (conftest.py)."""
    file = root / f"shipped-{next(_NUMBERS)}.yaml"
    file.write_text(yaml.safe_dump(data, sort_keys=False), encoding="utf-8")
    shipped.FILE = file


def make_project(root: Path) -> Project:
    """Return a project in an empty folder; its binaries are in ``root/bin``."""
    data: dict[str, Any] = {"components": {}, "processes": {}}
    for name in ("alpha", "beta"):
        executable(root / "bin" / name, SERVER.replace("VERSION", "1.2.3"))
        (root / f"{name}.conf").write_text(f"{name} one", encoding="utf-8")
        (port,) = free_ports(1)
        data["components"][name] = {
            "version": "1.2.3",
            "build": {"kind": "go-install", "package": "example.com/cmd/tool"},
        }
        data["processes"][name] = {
            "component": name,
            "args": [str(port), f"${{IMSOBS_ROOT}}/{name}.conf"],
            "ports": {"http": port},
            "ready": f"http://127.0.0.1:{port}/ready",
            "ready_seconds": 20,
            "files": [f"{name}.conf"],
            "dirs": [f"${{IMSOBS_STATE}}/data/{name}"],
        }
    alpha = data["processes"]["alpha"]
    alpha["reload"] = f"http://127.0.0.1:{alpha['ports']['http']}/-/reload"
    data["components"]["loki"] = {"version": "3.0.0", "optional": True}
    (root / "stack").mkdir()
    (root / "stack/compose.yaml").write_text("services: {}\n", encoding="utf-8")
    return Project(root, root / "bin", data)


def path_with(*folders: Path) -> str:
    """Return a PATH of these folders before the system's own."""
    return os.pathsep.join([*map(str, folders), "/usr/bin", "/bin"])
