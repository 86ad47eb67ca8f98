"""What imsobs diff says of inhibitions and mutes: who is held back, and who is not notified."""

from __future__ import annotations

from pathlib import Path

import mistakes
import pytest

from imsobs.changes import Change, compare
from imsobs.compile import read_spec
from imsobs.model import Model

INHIBITION = """  critical-over-lesser:
    source: {severity: critical}
    target: {severity: warning}
    equal: [service_name, deployment_environment_name, area]
"""
MUTE = '    times: [{from: "20:00", to: "24:00"}]'


def _model(folder: Path, name: str, text: str) -> Model:
    file = folder / f"{name}.yaml"
    file.write_text(text)
    compiled = read_spec([file])
    assert compiled.model is not None, compiled.lines()
    return compiled.model


def _told(folder: Path, old: str, new: str) -> list[tuple[str, str, str]]:
    """Return what is said of inhibitions and mutes when a text is replaced."""
    whole = mistakes.SPEC.read_text()
    assert old in whole
    before = _model(folder, "before", whole)
    after = _model(folder, "after", whole.replace(old, new))
    return [
        (change.rank.name, ".".join(map(str, change.path)), change.text)
        for change in compare(before, after)
        if change.path[0] in ("inhibitions", "mutes")
    ]


def test_nothing_is_said_of_what_stays(tmp_path: Path) -> None:
    assert _told(tmp_path, "version: 1", "version: 1") == []


def test_a_new_inhibition_holds_alerts_back(tmp_path: Path) -> None:
    more = """  orders-over-failures:
    source: {alertname: OrdersWait}
    target: {team: web}
    equal: [service_name, deployment_environment_name]
"""
    (found,) = _told(tmp_path, INHIBITION, INHIBITION + more)
    rank, path, text = found
    assert (rank, path) == ("breaking", "inhibitions.orders-over-failures")
    assert text == (
        "added: while alertname OrdersWait fires, "
        "BurnFast, ManyFailures, PromiseBroken are held back"
    )


def test_what_an_inhibition_no_longer_holds_back(tmp_path: Path) -> None:
    narrower = INHIBITION.replace("severity: warning", "alertname: OrdersWait")
    assert _told(tmp_path, INHIBITION, narrower) == [
        ("behaviour", "inhibitions.critical-over-lesser", "PromiseBroken is held back no longer")
    ]
    found = _told(tmp_path, f"inhibitions:\n{INHIBITION}", "inhibitions: {}\n")
    text = "removed: OrdersWait, PromiseBroken are held back no longer"
    assert found == [("behaviour", "inhibitions.critical-over-lesser", text)]


def test_fewer_equal_labels_hold_more_back(tmp_path: Path) -> None:
    fewer = INHIBITION.replace(", area]", "]")
    ((rank, _, text),) = _told(tmp_path, INHIBITION, fewer)
    assert rank == "breaking"
    assert text.startswith("equal: service_name, deployment_environment_name, area -> ")


def test_another_source_is_told(tmp_path: Path) -> None:
    other = INHIBITION.replace("source: {severity: critical}", "source: {alertname: BurnFast}")
    ((rank, _, text),) = _told(tmp_path, INHIBITION, other)
    assert (rank, text) == (
        "behaviour", "held back while severity critical fires -> alertname BurnFast",
    )  # fmt: skip


def test_a_route_that_is_muted_from_now_on(tmp_path: Path) -> None:
    route = "    web: {match: {team: web}, receiver: web}"
    muted = "    web: {match: {team: web}, receiver: web, mute: [nights]}"
    text = "web is not notified at these times from now on: PromiseBroken"
    assert _told(tmp_path, route, muted) == [("breaking", "mutes.nights", text)]


def test_a_route_that_is_muted_no_longer(tmp_path: Path) -> None:
    # A mute that no route names would be refused: another route is muted instead.
    web = "    web: {match: {team: web}, receiver: web"
    found = _told(tmp_path, f"      mute: [nights]\n{web}}}", f"{web}, mute: [nights]}}")
    text = "web is notified at all times from now on: OrdersWait"
    assert ("behaviour", "mutes.nights", text) in found


@pytest.mark.parametrize(
    ("times", "said"),
    [
        ('[{from: "18:00", to: "24:00"}]', [("breaking", "mutes 14 hours a week that it did not")]),
        ('[{from: "22:00", to: "24:00"}]', [("behaviour", "mutes 14 hours a week no longer")]),
        (
            '[{weekdays: [saturday, "monday:tuesday"], from: "20:00", to: "24:00"}]',
            [("behaviour", "mutes 16 hours a week no longer")],
        ),
        (
            '[{from: "19:00", to: "23:00"}]',
            [
                ("breaking", "mutes 7 hours a week that it did not"),
                ("behaviour", "mutes 7 hours a week no longer"),
            ],
        ),
        # The same hours in other words.
        ('[{from: "20:00", to: "22:30"}, {from: "22:30", to: "24:00"}]', []),
    ],
)
def test_hours_that_are_muted(tmp_path: Path, times: str, said: list[tuple[str, str]]) -> None:
    found = _told(tmp_path, MUTE, f"    times: {times}")
    assert [(rank, text) for rank, _, text in found] == said


def test_another_time_zone_mutes_other_hours(tmp_path: Path) -> None:
    found = _told(tmp_path, MUTE, f"    location: Europe/Berlin\n{MUTE}")
    assert found == [("breaking", "mutes.nights", "location: UTC -> Europe/Berlin")]


def test_each_change_has_a_line(tmp_path: Path) -> None:
    whole = mistakes.SPEC.read_text()
    before = _model(tmp_path, "before", whole)
    after = _model(tmp_path, "after", whole.replace(INHIBITION, "  {}\n"))
    (gone,) = [change for change in compare(before, after) if change.path[0] == "inhibitions"]
    assert isinstance(gone, Change)
    assert gone.removed
