"""gitleaks, and the examples of its rules: what a scanner finds in texts."""

from __future__ import annotations

import gzip
import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CORPUS = Path(__file__).with_name("secrets_corpus.jsonl.gz")
_SECONDS = 600


@dataclass(frozen=True)
class Example:
    """A text that a rule must find something in. file: the name of the file it looks at."""

    rule: str
    text: str
    file: str


def examples() -> list[Example]:
    """Return every example of every rule; `make secret-rules` writes them."""
    rows = (json.loads(line) for line in gzip.decompress(CORPUS.read_bytes()).splitlines())
    return [
        Example(row["rule"], row["text"], Path(row.get("path", "text.txt")).name) for row in rows
    ]


@dataclass(frozen=True)
class Finding:
    """What gitleaks found: by which rule, in which text (its number), and what."""

    rule: str
    number: int
    secret: str


def findings(gitleaks: Path, folder: Path, texts: list[tuple[str, str]]) -> list[Finding]:
    """Let gitleaks search texts, each in a file of its own: (name of the file, text)."""
    searched = folder / "searched"
    for number, (name, text) in enumerate(texts):
        place = searched / str(number)
        place.mkdir(parents=True)
        (place / name).write_text(text, encoding="utf-8")
    report = folder / "report.json"
    command: list[Any] = [gitleaks, "dir", searched, "--no-banner", "--exit-code=0"]
    command += ["--report-format=json", f"--report-path={report}", "--log-level=error"]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=_SECONDS, check=False, cwd=folder
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return [
        Finding(row["RuleID"], int(Path(row["File"]).parts[-2]), row["Secret"])
        for row in json.loads(report.read_text("utf-8"))
    ]


def texts_of(stored: Any) -> str:
    """Return every text inside of a stored record, decoded, one below the other."""
    found: list[str] = []

    def collect(value: Any) -> None:
        match value:
            case str():
                found.append(value)
            case dict():
                for inner in value.values():
                    collect(inner)
            case list():
                for inner in value:
                    collect(inner)

    collect(stored)
    return "\n\n".join(found)
