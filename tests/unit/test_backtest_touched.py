"""Which alerts a change makes behave otherwise: one edit, and exactly those."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from small_specs import BASE, merged

from imsobs.changes.touched import Pair, touched
from imsobs.model import Model, resolve
from imsobs.spec.parse import parse

SPEC = """
alerting: {groups: {kinds: {team: me}}}
metrics: {shop_log_records_total: {description: Records., log: all}}
rules:
  service:shop_records:rate5m: {description: R., expr: "rate(shop_log_records_total[5m])"}
  service:shop_records:max: {description: R., expr: "max(service:shop_records:rate5m)"}
receivers: {mail: {webhook: {url_file: m}}}
mutes: {nights: {description: Night., times: [{from: "00:00", to: "08:00"}]}}
inhibitions:
  severe: {source: {severity: critical}, target: {severity: warning}, equal: [service_name]}
routing:
  routes:
    critical: {match: {severity: critical}, receiver: nobody}
    lesser: {match: {severity: warning}, receiver: nobody, mute: [nights]}
alerts:
  Raw: {group: kinds, severity: critical, for: 0s, threshold: 1,
    expr: shop_log_records_total, summary: S}
  Recorded: {group: kinds, severity: warning, for: 0s, threshold: 1,
    expr: "service:shop_records:max", summary: S}
"""
DATA: dict[str, Any] = merged(BASE, SPEC)


def model(data: dict[str, Any]) -> Model:
    spec, problems = parse(copy.deepcopy(data))
    assert spec is not None, problems
    return resolve(spec)


def edited(*path: str, value: object) -> Model:
    """Return the model with one value put in, or taken out by None."""
    data = copy.deepcopy(DATA)
    at = data
    for key in path[:-1]:
        at = at[key]
    if value is None:
        del at[path[-1]]
    else:
        at[path[-1]] = value
    return model(data)


RAW, RECORDED = ("Raw", "Raw"), ("Recorded", "Recorded")


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        ("alerts.Raw.threshold", 2, [RAW]),
        ("alerts.Raw.for", "1m", [RAW]),
        ("alerts.Raw.keep_firing_for", "1m", [RAW]),
        ("alerts.Raw.enabled", False, [RAW]),
        ("alerts.Raw.labels", {"more": "x"}, [RAW]),
        ("alerts.Raw.severity", "info", [RAW]),
        ("alerts.Raw.summary", "Other", []),
        ("alerting.fast", "1m", [RAW, RECORDED]),
        # A record that is read by one that is read.
        ("rules.service:shop_records:rate5m.expr", "rate(shop_log_records_total[1m])", [RECORDED]),
        ("rules.service:shop_records:rate5m.interval", "slow", [RECORDED]),
        ("rules.service:shop_records:rate5m.description", "Other.", []),
        ("routing.routes.lesser.receiver", "mail", [RECORDED]),
        ("routing.routes.lesser.group_wait", "1m", [RECORDED]),
        ("routing.group_interval", "1m", [RAW, RECORDED]),
        ("mutes.nights.location", "Europe/Berlin", [RECORDED]),
        ("inhibitions.severe", None, [RECORDED]),
        ("inhibitions.severe.equal", [], [RECORDED]),
        ("alerts.Raw", None, [("Raw", None)]),
    ],
)
def test_one_edit(path: str, value: object, expected: list[Pair]) -> None:
    assert touched(model(DATA), edited(*path.split("."), value=value)) == expected


def test_an_alert_of_another_name_is_the_same_one() -> None:
    data = copy.deepcopy(DATA)
    data["alerts"]["Named"] = data["alerts"].pop("Raw")
    assert touched(model(DATA), model(data)) == [("Raw", "Named")]


def test_a_new_alert_has_no_other() -> None:
    data = copy.deepcopy(DATA)
    data["alerts"]["New"] = {**data["alerts"]["Raw"], "threshold": 7}
    assert touched(model(DATA), model(data)) == [(None, "New")]
