"""The demo: what it says when it cannot start, and that its ordinary traffic is ordinary."""

from __future__ import annotations

import random
import socket
from collections import Counter
from pathlib import Path

import pytest

from gateway import demo
from gateway.scenarios import agent
from gateway.traffic import Order, scenarios
from imsobs.model import Model


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


@pytest.mark.parametrize("seed", range(5))
def test_ordinary_calls_seldom_fail_whichever_model_is_asked(seed: int, model: Model) -> None:
    """Five minutes of the demo's traffic stay clear of ModelSuccessRateDrop."""
    least = model.alerts["ModelSuccessRateDrop"].threshold
    calls: Counter[tuple[str, ...]] = Counter()
    for scenario in scenarios(Order(count=5 * 60 * 8, seed=seed)):
        calls.update({key: n for key, n in scenario.effects.items() if key[0] == "model_call"})
    succeeded = {}
    for _, vendor, name, operation, _ in calls:
        of = [calls["model_call", vendor, name, operation, end] for end in ("success", "error")]
        succeeded[name] = of[0] / sum(of)
    assert min(succeeded.values()) < 1
    assert min(succeeded.values()) > least + 0.02, succeeded
