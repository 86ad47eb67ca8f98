"""What an incident raises, row by row: which alerts of the objective fire, and when.

The incidents are those of `python -m bench.incidents`, which also asks sloth's rules.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from alertmanager import ROOT

from bench.incident_cases import INCIDENTS, Incident
from bench.incident_series import disagreement, increments, notation, our_rules
from imsobs.model import Model
from imsobs.runtime.build.binaries import resolve_binary

pytestmark = pytest.mark.native


@pytest.fixture(scope="module")
def rules(model: Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return our_rules(model, "availability", tmp_path_factory.mktemp("rules"))


@pytest.mark.parametrize("incident", INCIDENTS, ids=lambda incident: incident.name)
def test_incident(incident: Incident, model: Model, rules: Path, tmp_path: Path) -> None:
    severities = {name: alert.severity for name, alert in model.alerts.items()}
    promtool = resolve_binary("promtool", ROOT)
    assert disagreement(promtool, rules, incident, severities, tmp_path) == ""


def test_incidents_are_what_they_say() -> None:
    """Requests come whole, and as many fail as the share says."""
    (incident,) = (entry for entry in INCIDENTS if entry.name == "5 % fail for half an hour")
    good, bad, restarts = increments(incident)
    assert sum(bad) == 30 * 600 * 0.05
    assert sum(good) + sum(bad) == 600 * (3 * 24 * 60 + incident.minutes)
    assert not restarts
    (quiet,) = (entry for entry in INCIDENTS if entry.name == "all of 18 an hour fail, for 2 hours")
    good, bad, _ = increments(quiet)
    assert sum(bad) == 36
    assert set(good) == {0, 1}


def test_samples_are_in_promtools_notation() -> None:
    assert notation([1, 1, 1, 0, 2], set()) == "0+1x3 3+2x1"
    assert notation([2, 2, 3, 3], {2}) == "0+2x2 3+3x1"
