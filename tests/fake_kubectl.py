"""A kubectl that answers what a test says, and nothing that changes a cluster."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

_PROGRAM = """\
#!{python}
import json, pathlib, sys, time
words = [word for word in sys.argv[1:] if not word.startswith("--request-timeout=")]
folder = pathlib.Path({folder!r})
with (folder / "asked").open("a") as asked:
    asked.write(" ".join(words) + "\\n")
if words[:1] == ["--context"]:
    words = words[2:]
answer = json.loads((folder / "answers.json").read_text()).get(" ".join(words))
if answer is None:
    sys.exit("no answer to: " + " ".join(words))
sys.stdout.write(answer.get("out", ""))
sys.stdout.flush()
sys.stderr.write(answer.get("err", ""))
if words[0] == "port-forward" and not answer.get("code"):
    time.sleep(60)
sys.exit(answer.get("code", 0))
"""
_READS = {"config current-context", "get", "port-forward"}


def said(out: Any = "", err: str = "", code: int = 0) -> dict[str, Any]:
    """Return an answer; of data, as kubectl writes it."""
    text = out if isinstance(out, str) else json.dumps(out)
    return {"out": text, "err": err, "code": code}


def no(reason: str, text: str) -> dict[str, Any]:
    """Return how the API server refuses."""
    return said(err=f"Error from server ({reason}): {text}\n", code=1)


class FakeKubectl:
    """The program on PATH. answers: words -> answer."""

    def __init__(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch, answers: Mapping[str, Any]
    ) -> None:
        self._folder = folder
        self.answers = dict(answers)
        path = folder / "kubectl"
        path.write_text(_PROGRAM.format(python=sys.executable, folder=str(folder)))
        path.chmod(0o755)
        self.answer({})
        monkeypatch.setenv("PATH", str(folder))

    def answer(self, changed: Mapping[str, Any]) -> None:
        """Let some answers be these."""
        self.answers |= changed
        (self._folder / "answers.json").write_text(json.dumps(self.answers))

    def asked(self) -> list[str]:
        """Return what it was asked; AssertionError unless all of it only reads."""
        file = self._folder / "asked"
        found = file.read_text().splitlines() if file.exists() else []
        for line in found:
            words = line.split()
            words = words[2:] if words[0] == "--context" else words
            assert words[0] in _READS or " ".join(words[:2]) in _READS, line
        return found
