"""The two fastest incidents of the game day: one page each, in time, and its last step finds."""

from __future__ import annotations

import pytest

from bench.gameday import play
from bench.gameday_incidents import INCIDENTS
from imsobs.model import Model

FASTEST = ("database-down", "collector-away")


@pytest.mark.native
@pytest.mark.timeout(420)
@pytest.mark.parametrize("name", FASTEST)
def test_an_incident_is_one_page(name: str, model: Model) -> None:
    (incident,) = (entry for entry in INCIDENTS if entry.name == name)
    played = play(incident, model, watch=45, after=20)
    assert played.told == {incident.told_as: "critical"}
    assert played.first is not None
    assert played.first <= incident.goal
    assert all(played.queries.values()), played.queries
    if incident.has_trace:
        assert (played.trace, played.record) == (True, True)
