"""Conditions that validate takes or refuses, put before the Collector's own parser."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import yaml
from alertmanager import ROOT
from small_specs import compiled, rendered

from imsobs import artifacts
from imsobs.runtime.build.binaries import resolve_binary

pytestmark = pytest.mark.native

TAKEN = [
    'span.attributes["http.route"] != nil',
    'not IsMatch(span.name, "^a") and (span.kind == SPAN_KIND_SERVER or span.kind.string == "x")',
    'resource.attributes["service.name"] == "a" or scope.name == "b"',
    "Len(span.name) > 3 + 4 * 2",
    'ContainsValue(["a", "b"], span.name)',
    'ParseJSON(span.attributes["http.route"])["a"] == 1',
    "span.status.code == STATUS_CODE_ERROR and span.status.message != nil",
    "span.end_time_unix_nano - span.start_time_unix_nano > 1000000000",
    "span.parent_span_id.string == \"\" and span.trace_id != nil",
    'true and not (false or Substring(span.name, 0, 2) == "ab")',
]  # fmt: skip
REFUSED = [
    'span.attributes["http.route" != nil',
    'span.attributes["http.route] != nil',
    "span.nam != nil",
    'IsMatsh(span.name, "x")',
    'span.name = "x"',
    "span.name == 'x'",
    'span.name == "x" && true',
    "span.name",
    "span.kind == SPAN_KIND_SERVR",
    'IsMatch(span.name, "(?=a)b")',
    'span.http.route == "x"',
    "span.name ==",
]


def sources(conditions: list[str]) -> str:
    """Return a spec with a source, and a metric of it, for each condition."""
    named = {f"page{index}": text for index, text in enumerate(conditions)}
    return yaml.safe_dump({
        "sources": {n: {"description": "A page.", "kind": "server", "where": text}
                    for n, text in named.items()},
        "metrics": {f"shop_{n}_total": {"description": "Pages.", "span": n} for n in named},
    })  # fmt: skip


def collector(root: Path) -> subprocess.CompletedProcess[str]:
    """Ask the Collector about its rendered file."""
    binary = str(resolve_binary("otelcol", ROOT))
    command = [binary, "validate", "--config", artifacts.COLLECTOR]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)


def test_what_is_taken_is_taken_by_the_collector(tmp_path: Path) -> None:
    rendered(tmp_path, sources(TAKEN))
    done = collector(tmp_path)
    assert done.returncode == 0, done.stderr


def test_what_is_refused_is_refused_by_the_collector(tmp_path: Path) -> None:
    problems = compiled(tmp_path, sources(REFUSED)).problems
    assert {str(problem.path[1]) for problem in problems} == {
        f"page{index}" for index in range(len(REFUSED))
    }
    assert {problem.check.split("/")[0] for problem in problems} == {"ottl"}
    # One after the other in the place of a good one.
    good = 'span.attributes["http.route"] != nil'
    rendered(tmp_path, sources([good]))
    file = tmp_path / artifacts.COLLECTOR
    text = file.read_text()
    assert good in text
    for bad in REFUSED:
        file.write_text(text.replace(good, bad))
        assert collector(tmp_path).returncode != 0, bad
