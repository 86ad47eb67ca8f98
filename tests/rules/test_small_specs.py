"""What validates runs: small specs, and any two of them as one, are accepted by the Collector.

A spec that lacks a section leaves nothing behind that would need it.
"""

from __future__ import annotations

import itertools
import subprocess
from pathlib import Path

import pytest
from alertmanager import ROOT
from small_specs import LEFT_OUT, PARTS, rendered, rendered_alone

from imsobs.runtime.build.binaries import resolve_binary
from imsobs.runtime.verify import alerting

pytestmark = pytest.mark.native


@pytest.mark.parametrize("part", PARTS)
def test_a_small_spec_is_accepted_by_those_who_read_it(part: str, tmp_path: Path) -> None:
    rendered(tmp_path, PARTS[part])
    assert refused_by_the_collector(tmp_path) == ""
    assert [v for v in alerting.verify(tmp_path) if not v.ok] == []


@pytest.mark.parametrize("what", LEFT_OUT)
def test_a_spec_that_leaves_components_out_is_accepted(what: str, tmp_path: Path) -> None:
    rendered_alone(tmp_path, LEFT_OUT[what])
    assert refused_by_the_collector(tmp_path) == ""
    assert [v for v in alerting.verify(tmp_path) if not v.ok] == []


@pytest.mark.parametrize("pair", list(itertools.combinations(PARTS, 2)), ids=" and ".join)
def test_two_together_are_accepted_by_the_collector(pair: tuple[str, str], tmp_path: Path) -> None:
    rendered(tmp_path, *(PARTS[part] for part in pair))
    assert refused_by_the_collector(tmp_path) == ""


def refused_by_the_collector(root: Path) -> str:
    """Return why the project's Collector objects, which can do more than a small spec needs."""
    command = [resolve_binary("otelcol", ROOT), "validate", "--config", "collector/config.yaml"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    return done.stderr if done.returncode else ""
