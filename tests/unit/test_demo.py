"""The demo: what it says when it cannot start, and that its ordinary traffic is ordinary."""

from __future__ import annotations

import random
import socket
from collections import Counter
from pathlib import Path

import pytest

from gateway import demo
from gateway.scenarios import agent


def test_the_demo_says_which_port_is_taken(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket() as first, socket.socket() as second:
        ports = []
        for taker in (first, second):
            taker.bind(("127.0.0.1", 0))
            taker.listen()
            ports.append(taker.getsockname()[1])
        words = ["demo", "--root", str(tmp_path), "--logs", str(tmp_path / "logs")]
        words += ["--port", str(ports[0]), "--vendor-port", str(ports[1])]
        monkeypatch.setattr("sys.argv", words)
        monkeypatch.setattr("signal.signal", lambda *_: None)
        assert demo.main() == 1
    said = capsys.readouterr().err.splitlines()
    assert said[0].startswith(f"port {ports[0]} of 127.0.0.1 is not free for the gateway")
    assert said[1].endswith("choose another with --vendor-port (0: any free one)")
    assert not (tmp_path / "logs").exists()


@pytest.mark.parametrize("seed", range(5))
def test_ordinary_coding_agents_seldom_fail(seed: int) -> None:
    """AgentFailures is told of more than 20 %; the demo's share stays below with any seed."""
    dice = random.Random(seed)  # noqa: S311 - traffic, no secret
    outcomes: Counter[str] = Counter(
        next(part for part in key if part.startswith("outcome="))
        for number in range(2000)
        for key in agent(dice, number).effects
        if key[:2] == ("event", "agent_finished") and "agent_type=coding" in key
    )
    assert 0.02 < outcomes["outcome=error"] / outcomes.total() < 0.1
