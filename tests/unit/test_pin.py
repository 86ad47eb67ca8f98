"""Version and digest of an image together, asked of a registry that runs right here."""

from __future__ import annotations

import hashlib
import http.server
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
import yaml
from typer.testing import CliRunner

from imsobs import shipped
from imsobs.cli import pin
from imsobs.cli.app import app
from imsobs.errors import ImsobsError
from imsobs.runtime.registry import address, digest, registry_client

ROOT = Path(__file__).resolve().parents[2]
MANIFEST = b'{"schemaVersion": 2, "manifests": []}'
DIGEST = f"sha256:{hashlib.sha256(MANIFEST).hexdigest()}"
assert pin


@dataclass
class Registry:
    """What a registry answers; wants_token: as public ones do, also for what all may read."""

    port: int = 0
    wants_token: bool = True
    told: str = DIGEST
    asked: list[str] = field(default_factory=list)


@pytest.fixture
def registry() -> Iterator[Registry]:
    state = Registry()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.asked.append(self.path)
            here = f"http://127.0.0.1:{state.port}"
            if self.path.startswith("/token"):
                return self.answer(200, b'{"token": "anonymous"}')
            if state.wants_token and self.headers["Authorization"] != "Bearer anonymous":
                scope = "repository:x:pull"
                challenge = f'Bearer realm="{here}/token",service="here",scope="{scope}"'
                return self.answer(401, b"", {"WWW-Authenticate": challenge})
            if "endless" in self.path:
                self.send_response(200)
                self.end_headers()
                with suppress(OSError):
                    while True:
                        self.wfile.write(b"x" * 65536)
            if "missing" in self.path:
                return self.answer(404, b"")
            return self.answer(200, MANIFEST, {"Docker-Content-Digest": state.told})

        def answer(self, code: int, body: bytes, headers: dict[str, str] | None = None) -> None:
            self.send_response(code)
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        state.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield state
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("image", "base", "repository"),
    [
        ("prom/prometheus", "https://registry-1.docker.io", "prom/prometheus"),
        ("redis", "https://registry-1.docker.io", "library/redis"),
        ("quay.io/prometheus/prometheus", "https://quay.io", "prometheus/prometheus"),
        ("127.0.0.1:5000/x", "http://127.0.0.1:5000", "x"),
        ("mirror.example:5000/a/b", "https://mirror.example:5000", "a/b"),
    ],
)
def test_where_an_image_is(image: str, base: str, repository: str) -> None:
    assert address(image) == (base, repository)


def test_an_answer_without_end_is_a_failure_like_any_other(registry: Registry) -> None:
    with (
        registry_client(10) as client,
        pytest.raises(ImsobsError, match="cannot be asked"),
    ):
        digest(client, f"127.0.0.1:{registry.port}/endless", "1")


@pytest.mark.parametrize("wants_token", [True, False])
def test_the_digest_is_that_of_the_bytes(registry: Registry, wants_token: bool) -> None:
    registry.wants_token = wants_token
    with httpx.Client(trust_env=False) as client:
        assert digest(client, f"127.0.0.1:{registry.port}/x", "1.0.0") == DIGEST
        registry.told = "sha256:" + "0" * 64
        with pytest.raises(ImsobsError, match="is not what its digest says"):
            digest(client, f"127.0.0.1:{registry.port}/x", "1.0.0")
        with pytest.raises(ImsobsError, match=r"has no tag missing"):
            digest(client, f"127.0.0.1:{registry.port}/x", "missing")


def _overlay(tmp_path: Path, registry: Registry) -> str:
    file = tmp_path / "overlay.yaml"
    image = f"127.0.0.1:{registry.port}/mirror/loki"
    file.write_text(yaml.safe_dump({"stack": {"loki": {"image": image}}}))
    return str(file)


def test_a_section_for_the_spec_is_printed(registry: Registry, tmp_path: Path) -> None:
    words = ["pin", "loki", "--root", str(ROOT), "--overlay", _overlay(tmp_path, registry)]
    result = CliRunner().invoke(app, [*words, "--release", "loki=3.8.0"])
    assert result.exit_code == 0, result.output
    assert yaml.safe_load(result.stdout) == {
        "stack": {"loki": {"version": "3.8.0", "digest": DIGEST}}
    }
    assert registry.asked[-1] == "/v2/mirror/loki/manifests/3.8.0"


def test_what_is_shipped_is_updated_in_place(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / "builds.yaml"
    before = shipped.FILE.read_text()
    copy.write_text(before)
    monkeypatch.setattr(shipped, "FILE", copy)
    words = [
        "pin",
        "loki",
        "--root",
        str(ROOT),
        "--overlay",
        _overlay(tmp_path, registry),
        "--write",
    ]
    for version in ("3.8.0", "3.8.1"):
        result = CliRunner().invoke(app, [*words, "--release", f"loki={version}"])
        assert result.exit_code == 0, result.output
        expected = before.replace('version: "3.7.8"', f'version: "{version}"\n    digest: {DIGEST}')
        assert copy.read_text() == expected
    entry = shipped.Shipped.model_validate(yaml.safe_load(copy.read_text())).components["loki"]
    assert (entry.version, entry.digest) == ("3.8.1", DIGEST)


def test_without_a_registry_nothing_changes_and_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / "builds.yaml"
    copy.write_text(shipped.FILE.read_text())
    monkeypatch.setattr(shipped, "FILE", copy)
    overlay = _overlay(tmp_path, Registry(port=9))
    words = ["pin", "loki", "--root", str(ROOT), "--overlay", overlay, "--write"]
    result = CliRunner().invoke(app, words)
    assert isinstance(result.exception, ImsobsError)
    assert "cannot be asked: 127.0.0.1:9" in str(result.exception)
    assert "nothing was changed" in str(result.exception)
    assert "digest:" not in copy.read_text().split("components:")[1].split("collector:\n")[0]
