"""Who would have been told: groups, inhibitions and mute times, worked out by hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from small_specs import BASE, merged

from imsobs.backtest.states import Episode
from imsobs.backtest.told import Outcome, is_muted, outcomes
from imsobs.model import Model, resolve
from imsobs.model.receivers import inhibitors
from imsobs.spec.parse import parse
from imsobs.spec.schema.routing import Mute

SPEC = """
alerting: {groups: {kinds: {team: me}}}
metrics: {shop_log_records_total: {description: Records., log: all}}
receivers: {pager: {webhook: {url: "http://127.0.0.1:1/"}}, mail: {webhook: {url_file: m}}}
mutes: {nights: {description: Night., times: [{from: "00:00", to: "08:00"}]}}
inhibitions:
  severe: {source: {severity: critical}, target: {severity: warning},
    equal: [service_name, area]}
routing:
  group_wait: 30s
  group_interval: 5m
  routes:
    both: {match: {alertname: Both}, receiver: mail, continue: true}
    critical: {match: {severity: critical}, receiver: pager}
    lesser: {match: {severity: warning}, receiver: mail, mute: [nights]}
    none: {match: {severity: info}, receiver: nobody}
alerts:
  Cause: {group: kinds, severity: critical, for: 0s, threshold: 1,
    expr: shop_log_records_total, summary: S}
  Both: {group: kinds, severity: critical, for: 0s, threshold: 1,
    expr: shop_log_records_total, summary: S}
  Effect: {group: kinds, severity: warning, for: 0s, threshold: 1,
    expr: shop_log_records_total, summary: S}
  Elsewhere: {group: others, team: me, severity: warning, for: 0s, threshold: 1,
    expr: shop_log_records_total, summary: S}
  Shown: {group: kinds, severity: info, for: 0s, threshold: 1,
    expr: shop_log_records_total, summary: S}
"""
DAY = int(datetime(2026, 3, 2, tzinfo=UTC).timestamp())
NOON = DAY + 12 * 3600
LAST = NOON + 86400


@pytest.fixture(scope="module")
def model() -> Model:
    spec, problems = parse(merged(BASE, SPEC))
    assert spec is not None, problems
    return resolve(spec)


def episode(
    model: Model, name: str, fired: int | None, end: int | None, service: str = "orders-api"
) -> Episode:
    labels = {**model.alerts[name].labels, "alertname": name, "service_name": service}
    return Episode(labels, fired or NOON, fired, end, 2.0)


def test_who_is_told(model: Model) -> None:
    cause = [episode(model, "Cause", NOON, NOON + 60), episode(model, "Cause", None, NOON + 60)]
    found = outcomes("Cause", {"Cause": cause}, model, LAST)
    assert found == [Outcome("told", ("pager",)), Outcome("pending")]


def test_several_routes_tell_several(model: Model) -> None:
    both = [episode(model, "Both", NOON, None)]
    assert outcomes("Both", {"Both": both}, model, LAST) == [Outcome("told", ("mail", "pager"))]


def test_a_receiver_that_sends_nothing_tells_nobody(model: Model) -> None:
    shown = [episode(model, "Shown", NOON, NOON + 600)]
    assert outcomes("Shown", {"Shown": shown}, model, LAST) == [Outcome("nobody", ("nobody",))]


@pytest.mark.parametrize(
    ("length", "kind"),
    # The first look at the group comes 30 s after its first alert.
    [(15, "brief"), (30, "brief"), (31, "told")],
)
def test_what_is_over_before_the_first_look_is_told_to_nobody(
    model: Model, length: int, kind: str
) -> None:
    cause = [episode(model, "Cause", NOON, NOON + length)]
    assert outcomes("Cause", {"Cause": cause}, model, LAST)[0].kind == kind


@pytest.mark.parametrize(
    ("begin", "end", "kind"),
    # The group of the first one is looked at after 30 s, and every five minutes from then.
    [(100, 200, "brief"), (100, 330, "brief"), (100, 331, "told"), (330, 600, "told")],
)
def test_one_that_joins_a_group_waits_for_the_next_look(
    model: Model, begin: int, end: int, kind: str
) -> None:
    first = episode(model, "Cause", NOON, NOON + 1000)
    second = episode(model, "Cause", NOON + begin, NOON + end)
    second = replace(second, labels={**second.labels, "queue": "a"})
    found = outcomes("Cause", {"Cause": [first, second]}, model, LAST)
    assert [one.kind for one in found] == ["told", kind]


@pytest.mark.parametrize(
    ("end", "kind"),
    # Looks come after 30 s and 330 s: at the second one, the first episode was over, or back.
    [(335, "known"), (329, "brief")],
)
def test_what_is_back_before_its_end_was_seen_is_not_told_again(
    model: Model, end: int, kind: str
) -> None:
    first = episode(model, "Cause", NOON, NOON + 100)
    second = episode(model, "Cause", NOON + 200, NOON + end)
    found = outcomes("Cause", {"Cause": [first, second]}, model, LAST)
    assert [one.kind for one in found] == ["told", kind]


def test_what_was_seen_to_end_is_told_again_though_its_group_goes_on(model: Model) -> None:
    longer = episode(model, "Cause", NOON, NOON + 2000)
    labels = {**longer.labels, "queue": "a"}
    short = [
        replace(longer, labels=labels, fired=NOON + begin, end=NOON + end)
        for begin, end in ((10, 100), (350, 700))
    ]
    found = outcomes("Cause", {"Cause": [longer, *short]}, model, LAST)
    assert [one.kind for one in found] == ["told", "told", "told"]


def test_a_group_of_which_nothing_fires_is_begun_anew(model: Model) -> None:
    # Looked at after 30 s and 330 s, at which nothing fires any more.
    first = episode(model, "Cause", NOON, NOON + 100)
    second = episode(model, "Cause", NOON + 400, NOON + 431)
    found = outcomes("Cause", {"Cause": [first, second]}, model, LAST)
    assert [one.kind for one in found] == ["told", "told"]


@pytest.mark.parametrize(
    ("begin", "end", "expected"),
    [
        (0, 900, Outcome("inhibited", by=("Cause",))),
        # It lasts longer than its cause: a later look finds it alone.
        (0, 600, Outcome("told", ("mail",))),
        # The cause begins after the first look.
        (60, 900, Outcome("told", ("mail",))),
    ],
)
def test_a_cause_holds_back_what_it_causes(
    model: Model, begin: int, end: int, expected: Outcome
) -> None:
    cause = [episode(model, "Cause", NOON + begin, NOON + end)]
    effect = [episode(model, "Effect", NOON, NOON + 800)]
    assert outcomes("Effect", {"Effect": effect, "Cause": cause}, model, LAST) == [expected]


def test_a_cause_elsewhere_holds_nothing_back(model: Model) -> None:
    cause = [episode(model, "Cause", NOON, NOON + 900, service="other")]
    effect = [episode(model, "Effect", NOON, NOON + 800)]
    found = outcomes("Effect", {"Effect": effect, "Cause": cause}, model, LAST)
    assert found == [Outcome("told", ("mail",))]


def test_which_alerts_may_hold_back_follows_from_their_labels(model: Model) -> None:
    assert inhibitors(model.alerts["Effect"], model) == ["Cause", "Both"]
    # Another area, which the inhibition wants equal.
    assert inhibitors(model.alerts["Elsewhere"], model) == []
    assert inhibitors(model.alerts["Cause"], model) == []


def test_a_night_mutes_what_does_not_reach_into_the_day(model: Model) -> None:
    night = [episode(model, "Effect", DAY + 3600, DAY + 7200)]
    assert outcomes("Effect", {"Effect": night}, model, LAST) == [Outcome("muted", by=("nights",))]
    long = [episode(model, "Effect", DAY + 3600, NOON)]
    assert outcomes("Effect", {"Effect": long}, model, LAST) == [Outcome("told", ("mail",))]


@pytest.mark.parametrize(
    ("time", "muted"),
    [
        # A Friday, in summer: UTC+2.
        ("2026-07-03T05:59:59+00:00", True),
        ("2026-07-03T06:00:00+00:00", False),
        ("2026-07-03T16:00:00+00:00", True),
        # The Sunday after, and the Monday in winter: UTC+1.
        ("2026-07-05T12:00:00+00:00", True),
        ("2026-01-05T06:59:00+00:00", True),
        ("2026-01-05T07:00:00+00:00", False),
    ],
)
def test_mute_times_are_those_of_the_place(time: str, muted: bool) -> None:
    times = [
        {"weekdays": ["monday:friday"], "from": "00:00", "to": "08:00"},
        {"weekdays": ["monday:friday"], "from": "18:00", "to": "24:00"},
        {"weekdays": ["sunday", "saturday"], "from": "00:00", "to": "24:00"},
    ]
    mute = Mute.model_validate({"description": "D", "location": "Europe/Berlin", "times": times})
    assert is_muted(mute, int(datetime.fromisoformat(time).timestamp())) is muted


def test_a_run_of_days_may_begin_with_sunday() -> None:
    times = [{"weekdays": ["sunday:tuesday"], "from": "00:00", "to": "24:00"}]
    mute = Mute.model_validate({"description": "D", "times": times})
    days = [is_muted(mute, DAY + number * 86400) for number in range(7)]
    # The second of March is a Monday.
    assert days == [True, True, False, False, False, False, True]
