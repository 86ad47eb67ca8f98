"""What is wrong with an inhibition, on alerts of which the labels are laid down here."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from small_specs import PARTS, model_of

from imsobs.checks.inhibitions import problems
from imsobs.model import Model
from imsobs.spec.schema.routing import Inhibition

ENV = "deployment_environment_name"
WHO = {ENV, "service_name"}
# Alert -> labels that it always has, labels of what it measures; None: they are not known.
Alerts = dict[str, tuple[dict[str, str], set[str] | None]]
DOWN = ({"severity": "critical", "area": "api"}, WHO)
SLOW = ({"severity": "warning", "area": "api"}, WHO)
CRITICAL, WARNING = {"severity": "critical"}, {"severity": "warning"}


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return model_of(tmp_path_factory.mktemp("spec"), PARTS["an objective and a band"])


def told(
    small: Model,
    alerts: Alerts,
    source: dict[str, Any],
    target: dict[str, Any],
    equal: list[str],
    **values: str,
) -> list[tuple[str, str, str]]:
    """Return (path below the inhibition, check, message). values: alert -> what it measures."""
    some = small.alerts["UnusualPages"]
    made = {
        name: dataclasses.replace(
            some,
            name=name,
            labels=labels,
            carried=None if carried is None else frozenset({*labels, *carried}),
            value=values.get(name, "service:shop_pages:rate5m"),
            path=("alerts", name),
        )
        for name, (labels, carried) in alerts.items()
    }
    rule = Inhibition.model_validate({"source": source, "target": target, "equal": equal})
    found = problems(("inhibitions", "x"), rule, dataclasses.replace(small, alerts=made))
    return [(".".join(map(str, one.path[2:])), one.check, one.message) for one in found]


def test_an_ordinary_inhibition_has_no_fault(small: Model) -> None:
    alerts: Alerts = {"Down": DOWN, "Slow": SLOW}
    assert told(small, alerts, CRITICAL, WARNING, [ENV, "area"]) == []
    assert told(small, alerts, {"alertname": "Down"}, WARNING, [ENV]) == []
    assert told(small, alerts, CRITICAL, {"alertname": "Slow"}, [ENV, "service_name"]) == []


@pytest.mark.parametrize("side", ["source", "target"])
def test_a_side_without_a_label_is_every_alert(small: Model, side: str) -> None:
    sides = {"source": CRITICAL, "target": WARNING, side: {}}
    message = f"without a label every alert is the {side}; name a label and its value"
    assert told(small, {"Down": DOWN, "Slow": SLOW}, **sides, equal=[ENV]) == [
        (side, "inhibition/empty-match", message)
    ]


def test_a_label_of_equal_is_one_that_some_alert_has(small: Model) -> None:
    alerts: Alerts = {"Down": DOWN, "Slow": SLOW}
    ((place, check, message),) = told(small, alerts, CRITICAL, WARNING, [ENV, "zone"])
    assert (place, check) == ("equal.1", "route/unknown-label")
    assert message == (
        'no alert carries the label "zone"; available: alertname, area,'
        " deployment_environment_name, service_name, severity"
    )


def test_and_one_that_an_alert_of_source_or_target_has(small: Model) -> None:
    zone: Alerts = {"Other": ({"severity": "info"}, {*WHO, "zone"})}
    alerts: Alerts = {"Down": DOWN, "Slow": SLOW, **zone}
    message = (
        'no alert of source and none of target has the label "zone"; Alertmanager takes two that'
        " are missing for equal, so it keeps nothing apart; take it from equal"
    )
    absent = [("equal.1", "inhibition/equal-absent", message)]
    assert told(small, alerts, CRITICAL, WARNING, [ENV, "zone"]) == absent
    # One that has it is enough, or one of which nothing is known.
    for labels in ({*WHO, "zone"}, None):
        for name, given in (("Down", DOWN), ("Slow", SLOW)):
            known: Alerts = {**alerts, name: (given[0], labels)}
            assert told(small, known, CRITICAL, WARNING, [ENV, "zone"]) == []
    # Each has a name.
    assert told(small, alerts, CRITICAL, WARNING, [ENV, "alertname"]) == []


def never(side: str, names: str, other: str, *, has: bool) -> tuple[str, str, str]:
    message = (
        f"of {side}, {names} with the label that no alert of {other} has"
        if has
        else f"of {side}, {names} without the label that every alert of {other} has"
    )
    message += ': it is never equal; take "zone" from equal'
    return ("equal.1", "inhibition/never-equal", message)


ZONED = {*WHO, "zone"}
NAMED, SLOWS = {"alertname": "Down"}, {"alertname": "Slow"}
LATE = ({"severity": "warning"}, ZONED)


@pytest.mark.parametrize(
    ("changed", "source", "target", "wrong"),
    [
        ({"Down": (DOWN[0], ZONED)}, NAMED, WARNING, [never("source", "Down", "target", has=True)]),
        ({"Slow": LATE}, NAMED, WARNING, [never("source", "Down", "target", has=False)]),
        ({"Slow": LATE}, CRITICAL, SLOWS, [never("target", "Slow", "source", has=True)]),
        # Both sides are named: the target is told of alone.
        ({"Slow": LATE}, NAMED, SLOWS, [never("target", "Slow", "source", has=True)]),
        (
            {"Down": (DOWN[0], ZONED), "Slower": SLOW},
            CRITICAL,
            {"alertname": ["Slow", "Slower"]},
            [never("target", "Slow, Slower", "source", has=False)],
        ),
        # One of the others is like it.
        ({"Late": LATE}, NAMED, WARNING, []),
        ({"Slow": LATE, "Down": (DOWN[0], ZONED)}, NAMED, WARNING, []),
        # Of kinds, some fit and some do not.
        ({"Down": (DOWN[0], ZONED)}, CRITICAL, WARNING, []),
        # Nothing is known, or there is nobody else.
        ({"Slow": (SLOW[0], None), "Other": LATE}, NAMED, {"alertname": "Slow"}, []),
        ({"Down": (DOWN[0], ZONED)}, NAMED, NAMED, []),
    ],
)  # fmt: skip
def test_a_named_alert_has_the_labels_of_the_others(
    small: Model,
    changed: Alerts,
    source: dict[str, Any],
    target: dict[str, Any],
    wrong: list[tuple[str, str, str]],
) -> None:
    alerts: Alerts = {"Down": DOWN, "Slow": SLOW, **changed}
    assert told(small, alerts, source, target, [ENV, "zone"]) == wrong


def test_an_alert_that_mixes_services_is_told_of_elsewhere(small: Model) -> None:
    alerts: Alerts = {"Down": (DOWN[0], ZONED), "Slow": SLOW}
    mixing = "sum(shop_pages_total)"
    assert told(small, alerts, NAMED, WARNING, [ENV, "zone"], Down=mixing) == []


def test_one_environment_silences_no_other(small: Model) -> None:
    alerts: Alerts = {"Down": DOWN, "Slow": SLOW}
    message = f"one environment would silence another; add {ENV} to equal"
    wrong = [("", "inhibition/environment-label", message)]
    for equal in ([], ["service_name"], ["area"]):
        assert told(small, alerts, CRITICAL, WARNING, equal) == wrong
    # Where one side has none there is nothing to keep apart.
    for name, given in (("Down", DOWN), ("Slow", SLOW)):
        for labels in ({"service_name"}, None):
            without: Alerts = {**alerts, name: (given[0], labels)}
            assert told(small, without, CRITICAL, WARNING, ["area"]) == []
    one_of_two: Alerts = {**alerts, "Disk": ({"severity": "critical"}, set())}
    assert told(small, one_of_two, CRITICAL, WARNING, []) == wrong


DISK = ({"severity": "critical"}, {"disk"})
FULL = ({"severity": "warning"}, {"disk"})


def in_nothing(more: str = "") -> list[tuple[str, str, str]]:
    message = (
        f"Disk would hold back Full{more}, though neither has a label of equal that tells one"
        " trouble from another; name the areas that source is about"
    )
    return [("equal", "inhibition/equal-in-nothing", message)]


def test_alerts_without_any_label_of_equal_are_not_of_one_trouble(small: Model) -> None:
    alerts: Alerts = {"Down": DOWN, "Slow": SLOW, "Disk": DISK, "Full": FULL}
    assert told(small, alerts, CRITICAL, WARNING, [ENV]) == in_nothing()
    more: Alerts = {**alerts, "Fuller": FULL, "Fullest": FULL}
    assert told(small, more, CRITICAL, WARNING, [ENV]) == in_nothing(", and 2 more pairs")
    assert told(small, alerts, {"alertname": ["Down", "Disk"]}, WARNING, [ENV]) == []
    assert told(small, alerts, CRITICAL, {"alertname": ["Slow", "Full"]}, [ENV]) == []


@pytest.mark.parametrize(
    ("disk", "full", "equal", "wrong"),
    [
        ({"area": "a"}, {"area": "a"}, [ENV, "area"], True),
        ({"area": "a"}, {"area": "b"}, [ENV, "area"], False),
        ({"area": "a"}, {}, [ENV, "area"], False),
        ({"area": "a"}, {"area": "a"}, ["area"], False),
        ({}, {}, [ENV, "disk"], False),
    ],
)
def test_what_all_alerts_of_a_kind_have_tells_no_trouble(
    small: Model, disk: dict[str, str], full: dict[str, str], equal: list[str], wrong: bool
) -> None:
    alerts: Alerts = {
        "Down": DOWN,
        "Slow": SLOW,
        "Disk": ({**DISK[0], **disk}, {"disk"}),
        "Full": ({**FULL[0], **full}, {"disk"}),
    }
    found = told(small, alerts, CRITICAL, WARNING, equal)
    found = [one for one in found if one[1] != "inhibition/environment-label"]
    assert found == (in_nothing() if wrong else [])


def test_alerts_whose_labels_are_not_known_are_not_judged(small: Model) -> None:
    for name in ("Disk", "Full"):
        alerts: Alerts = {"Down": DOWN, "Slow": SLOW, "Disk": DISK, "Full": FULL}
        alerts[name] = (alerts[name][0], None)
        assert told(small, alerts, CRITICAL, WARNING, [ENV]) == []
