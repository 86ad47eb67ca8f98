"""A maintained scanner checks what the stores hold: gitleaks finds nothing in them."""

from __future__ import annotations

import itertools
import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from golden import scanner
from golden.collector import ROOT, Collector
from golden.secrets_matrix import CHANNELS
from golden.stores import records, send

from imsobs.errors import ImsobsError
from imsobs.runtime.build.binaries import resolve
from imsobs.runtime.process.plan import load_plan
from imsobs.runtime.progress import Silent

# Building the scanner the first time takes minutes.
pytestmark = [pytest.mark.native, pytest.mark.timeout(900)]
EXAMPLES = scanner.examples()


@pytest.fixture(scope="module")
def gitleaks() -> Path:
    """The scanner, built on request; without Go or its modules the test is skipped by name."""
    try:
        found = resolve(load_plan(ROOT), ROOT, "gitleaks", Silent(), asked=True)
    except ImsobsError as error:
        pytest.skip(f"NOT JUDGED: gitleaks could not be built: {error.message}")
    assert found is not None
    return found.path


def _cells() -> list[tuple[str, scanner.Example]]:
    """Return what goes through which channel.

    Every example through one channel, in turn, and the first of every rule through all.
    """
    found = list(zip(itertools.cycle(CHANNELS), EXAMPLES, strict=False))
    for _, group in itertools.groupby(EXAMPLES, key=lambda example: example.rule):
        first = next(group)
        found += [(channel, first) for channel in CHANNELS]
    return found


def test_it_sees_the_examples_as_they_are_sent(gitleaks: Path, tmp_path: Path) -> None:
    texts = [(example.file, example.text) for example in EXAMPLES]
    seen = {found.number for found in scanner.findings(gitleaks, tmp_path, texts)}
    assert [EXAMPLES[n] for n in range(len(EXAMPLES)) if n not in seen] == []


def test_it_finds_nothing_in_the_stores(
    gitleaks: Path, collector: Collector, tmp_path: Path
) -> None:
    cells = _cells()
    entries = []
    for number, (channel, example) in enumerate(cells):
        where, entry = CHANNELS[channel](example.text)
        attributes = {"corpus": number, **entry.get("attributes", {})}
        entries.append((where, {**entry, "attributes": attributes}))
    send(collector, "redaction-corpus", entries)
    stored: list[tuple[int, str]] = [
        (given["corpus"], text) for given, text in records(collector) if "corpus" in given
    ]
    assert len({number for number, _ in stored}) == len(cells)
    texts = [(cells[number][1].file, _shown(text)) for number, text in stored]
    found = scanner.findings(gitleaks, tmp_path, texts)
    leaks = [(one.rule, *cells[stored[one.number][0]], one.secret) for one in found]
    assert not leaks, f"{len(leaks)}: {leaks[:10]}"


@pytest.fixture(scope="module")
def promtail() -> Path:
    """Promtail, where it was built: its modules are Loki's, which takes minutes."""
    found = resolve(load_plan(ROOT), ROOT, "promtail", Silent())
    if found is None:
        pytest.skip("NOT JUDGED: promtail is not built here; imsobs binaries promtail builds it")
    return found.path


# The line, the stack trace, and a field of an event.
@pytest.mark.parametrize("source", ["message", "exc_info", "reason"])
def test_it_finds_nothing_in_what_promtail_hands_on(
    source: str, gitleaks: Path, promtail: Path, rendered: dict[str, bytes], tmp_path: Path
) -> None:
    config = yaml.safe_load(rendered["stack/promtail.yaml"])
    # Of an entry Promtail shows the line alone, which already is the message.
    if source != "message":
        config["scrape_configs"][0]["pipeline_stages"].append({"output": {"source": source}})
    file = tmp_path / "promtail.yaml"
    file.write_text(yaml.safe_dump(config, sort_keys=False), "utf-8")
    given = {"time": "2026-11-26T07:00:00.000001Z", "level": "ERROR", "message": "m"}
    # Promtail may stop before it has shown the last lines of its input.
    sent = [*(example.text for example in EXAMPLES), *["the end"] * 50]
    lines = [json.dumps({**given, source: text}) for text in sent]
    done = subprocess.run(
        [promtail, f"-config.file={file}", "-dry-run", "-stdin"],
        input="\n".join([*lines, ""]), capture_output=True, text=True, timeout=600, check=True,
    )  # fmt: skip
    _, *shown = re.split(r"(?m)^2026-11-26T07:00:00\.000001\+0000\t\{.*?\}\t", done.stdout)
    assert {text.strip() for text in shown[len(EXAMPLES) :]} == {"the end"}
    texts = [(one.file, text) for one, text in zip(EXAMPLES, shown, strict=False)]
    leaks = [
        (found.rule, EXAMPLES[found.number], found.secret)
        for found in scanner.findings(gitleaks, tmp_path, texts)
    ]
    assert not leaks, f"{len(leaks)}: {leaks[:10]}"


def _shown(text: str) -> str:
    """Return the stored record as JSON, as a store shows it, and every text in it, decoded."""
    decoder, parts, at = json.JSONDecoder(), [], 0
    while at < len(text):
        part, at = decoder.raw_decode(text, at)
        parts.append(part)
    whole: list[Any] = parts
    return json.dumps(whole, ensure_ascii=False, indent=1) + "\n\n" + scanner.texts_of(whole)
