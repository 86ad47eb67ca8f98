"""Writes docs/reference/dialects.md: what each package tells of its calls, as recorded.

Each recording is sent to the real Collector, and what its metrics say is compared with what
the stub vendors counted. Nothing on the page is typed but the reasons.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from imsobs.dialects import dialects
from imsobs.model import Model
from imsobs.runtime.build.binaries import resolve_binary
from tests.dialects.facts import KINDS, Facts, Series, told, truth
from tests.dialects.recording import HERE, Json, Recording, load, plans

ROOT = HERE.parents[1]
PAGE = ROOT / "docs/reference/dialects.md"
_INTRODUCTION = """\
<!-- Generated from the recordings in tests/golden/dialects by `make dialects`. Do not edit. -->
# Dialects of model calls

A spec says which dialects a source accepts (`dialects: [genai, litellm]`), the best first. A call
that several tell of is counted once, as the first of them tells it
([ADR 18](../adr/0018-dialects-are-data.md)).

The tables are measured: real client libraries called the stub vendors under each package, and the
metrics that the Collector derives from the spans were compared with what the vendors counted.
*yes*: all of it; *no*: none of it; *partly*: see the note. Every client streams, too: whole
answers, ones that break and ones that are given up.
"""
_COLUMNS = {
    "calls": "calls and outcomes",
    "input": "input tokens",
    "output": "output tokens",
    "cached": "cached tokens",
    "cache_write": "tokens written to caches",
    "reasoning": "reasoning tokens",
    "first token": "time to first token",
    "errors": "class of errors",
}


def write() -> None:
    """Write the page. Needs the Collector's binary, and the folder tests on the path."""
    sys.path.insert(0, str(ROOT / "tests"))
    from golden.collector import Collector

    services = [f"dialect-{name}" for name in plans()]
    overlay: Json = {"service": {"names": services}, "collector": {"max_series": 10_000_000}}
    with tempfile.TemporaryDirectory() as folder:
        collector = Collector(resolve_binary("otelcol", ROOT), Path(folder), overlay).start()

        def send(request: Json) -> Series:
            collector.send("traces", request)
            return collector.series()

        try:
            found = {name: load(name) for name in plans() if _recorded(name)}
            said = {name: told(recording, send) for name, recording in found.items()}
            text = page(found, said, collector.model)
        finally:
            collector.close()
    PAGE.write_text(text, encoding="utf-8")


def _recorded(name: str) -> bool:
    return (HERE.parent / f"golden/dialects/{name}.json").exists()


def page(found: dict[str, Recording], said: dict[str, Facts], model: Model) -> str:
    """Return the page's text. said: what the metrics say of each recording."""
    lines = [_INTRODUCTION, "| dialect | what it is |", "|---|---|"]
    lines += [f"| `{name}` | {dialect.description} |" for name, dialect in dialects().items()]
    single = {n: r for n, r in found.items() if plans()[n].alone}
    both = {n: r for n, r in found.items() if not plans()[n].alone}
    lines += ["", "## What each tells", "", *_table(single, said, model), *_notes(single)]
    lines += [
        "",
        "## Seen by several",
        "",
        "The same calls under more than one instrumentation, in one export. Differences are those",
        "of the dialect that is counted.",
        "",
        *_table(both, said, model),
        *_notes(both),
    ]
    missing = [name for name in plans() if name not in found]
    if missing:
        lines += ["", f"Not recorded yet: {', '.join(missing)}."]
    return "\n".join(lines) + "\n"


def _table(found: dict[str, Recording], said: dict[str, Facts], model: Model) -> list[str]:
    head = ["recording", "dialect", "packages", *_COLUMNS.values(), "streams"]
    rows = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for name, recording in found.items():
        true = truth(recording, model)
        packages = ", ".join(
            f"{package} {version}"
            for package, version in recording.packages.items()
            if package not in ("opentelemetry-distro", "opentelemetry-exporter-otlp-proto-http")
        )
        cells = [_verdict(true[kind], said[name][kind]) for kind in _COLUMNS]
        cells.append(_streams(name))
        rows.append(f"| {name} | `{recording.dialect}` | {packages} | {' | '.join(cells)} |")
    return rows


def _streams(name: str) -> str:
    """Return whether a client's streams are told rightly: whole, broken and given up ones.

    What is wrong of them, its notes say.
    """
    notes = [difference.why for difference in plans()[name].differs.values()]
    return "partly" if any("stream" in why for why in notes) else "yes"


def _verdict(true: dict[str, float], said: dict[str, float]) -> str:
    if not true and not said:
        return "none to tell"
    if true == said:
        return "yes"
    return "partly" if said else "no"


def _notes(found: dict[str, Recording]) -> list[str]:
    noted = [
        f"- {name}, {_COLUMNS[kind]}: {plans()[name].differs[kind].why}"
        for name in found
        for kind in KINDS
        if kind in plans()[name].differs
    ]
    return ["", *noted] if noted else []
