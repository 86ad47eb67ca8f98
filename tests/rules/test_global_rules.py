"""Rules over all regions, evaluated by promtool for two of them: what is told, and only once."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import small_specs
import yaml
from alertmanager import ROOT
from promtool import asked, check

from imsobs.compile import render_model
from imsobs.promql.matchers import selector
from imsobs.runtime.build.binaries import resolve_binary

REGIONS = """
stack: {jaeger: null, loki: null}
slos: {pages: {min_failures: 10}}
kubernetes:
  prometheus: {remote_write: {url: "http://mimir.svc/api/v1/push"}}
  regions: {eu: {}, us: {}}
"""
SLO = small_specs.PARTS["an objective and a band"]
FILE = "stack/kubernetes/global/rules.yaml"
OWNED = {"service_name": "orders-api", "deployment_environment_name": "production"}
OWN = ", ".join(f'{label}="{value}"' for label, value in OWNED.items())
# Of one per cent, 14.4 times.
LIMIT = 0.144
BURNS, TOLD = "GlobalSLOPagesBurnFast", "SLOPagesBurnFast"


def rules_of(folder: Path, *texts: str) -> Path:
    """Write the rules over all regions of a small spec; return their file."""
    pages = render_model(small_specs.model_of(folder, SLO, REGIONS, *texts))
    file = folder / "rules.yaml"
    file.write_bytes(pages[FILE])
    return file


def series(name: str, region: str, replica: str | None = "a", **more: str) -> str:
    """Return a series as the store has it of a region; replica None: it keeps one of each."""
    labels = {"cluster": f"main-{region}", "region": region, **more}
    if replica is not None:
        labels["__replica__"] = replica
    return selector(name, {**OWNED, **labels})


def events(bad: dict[str, float], total: float = 1000, values: str = "x60") -> dict[str, str]:
    """Return what both Prometheus of each region recorded over an hour: region -> bad events."""
    found = {}
    for region, count in bad.items():
        for window in ("5m", "1h"):
            for replica in "ab":
                every = series(f"slo:pages:events{window}", region, replica)
                failed = series(f"slo:pages:bad_events{window}", region, replica)
                found |= {every: f"{total}{values}", failed: f"{count}{values}"}
    return found


def firing(alert: str, **labels: str) -> str:
    """Return the series that Prometheus makes of an alert over all regions."""
    given = {"severity": "critical", "team": "me", "slo": "pages", "area": "global-slo-pages"}
    named = {"alertname": alert, "alertstate": "firing"}
    return selector("ALERTS", {**named, **OWNED, **given, **labels})


def is_firing(alert: str) -> str:
    return f'ALERTS{{alertname="{alert}", alertstate="firing"}}'


def test_promtool_takes_the_rules(tmp_path: Path) -> None:
    command = [str(resolve_binary("promtool", ROOT)), "check", "rules", "--lint=all",
               "--lint-fatal", str(rules_of(tmp_path))]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_events_of_all_regions_are_added_up_once(tmp_path: Path) -> None:
    # 20 of 1000 and 280 of 1000, though each is there twice; a third region is none of these.
    given = {**events({"eu": 20, "us": 280}), **events({"elsewhere": 1000})}
    check(
        tmp_path,
        given,
        [
            asked(name, "10m", {f"{name}{{{OWN}}}": value})
            for name, value in (
                ("global_slo:pages:events1h", 2000), ("global_slo:pages:error_ratio1h", 0.15),
            )
        ],
        [rules_of(tmp_path)],
    )  # fmt: skip


def test_the_budget_of_a_month_is_that_of_all_regions(tmp_path: Path) -> None:
    given = {
        series("slo:pages:events30d", "eu", None): "9000x60",
        series("slo:pages:events30d", "us", None): "1000x60",
        series("slo:pages:bad_events30d", "eu", None): "10x60",
        series("slo:pages:bad_events30d", "us", None): "40x60",
    }
    left = "global_slo:pages:error_budget_remaining"
    # 50 of the 100 that may fail; the smaller region alone is far beyond its own.
    check(tmp_path, given, [asked(left, "15m", {f"{left}{{{OWN}}}": 0.5})], [rules_of(tmp_path)])


@pytest.mark.parametrize("bad", [143, 145])
def test_a_budget_that_all_regions_burn(bad: int, tmp_path: Path) -> None:
    """It is told of two minutes after a region would have told of it."""
    given = events({"eu": bad, "us": bad})
    fires = {firing(BURNS): 1} if bad > 1000 * LIMIT else {}
    questions = [asked(is_firing(BURNS), "3m", {}), asked(is_firing(BURNS), "5m", fires)]
    check(tmp_path, given, questions, [rules_of(tmp_path)])


def test_failures_that_are_too_few_in_each_region(tmp_path: Path) -> None:
    """Ten failures are needed: six here and six there are seen here alone."""
    few = events({"eu": 6, "us": 6}, total=20)
    check(tmp_path, few, [asked(is_firing(BURNS), "10m", {firing(BURNS): 1})], [rules_of(tmp_path)])
    fewer = events({"eu": 4, "us": 4}, total=20)
    check(tmp_path, fewer, [asked(is_firing(BURNS), "10m", {})], [rules_of(tmp_path)])


def test_what_a_region_tells_is_not_told_again(tmp_path: Path) -> None:
    own = series("ALERTS", "us", alertname=TOLD, alertstate="firing", severity="critical")
    # The region fires after the 90 s of its alert, and resolves after ten minutes.
    given = {**events({"eu": 290, "us": 290}, values="x140"), own: "_x6 1x40"}
    quiet = [asked(is_firing(BURNS), at, {}) for at in ("5m", "11m", "15m")]
    # Five minutes and its own time later it is nobody's but this one's.
    after = [asked(is_firing(BURNS), "30m", {firing(BURNS): 1})]
    check(tmp_path, given, [*quiet, *after], [rules_of(tmp_path)])
    elsewhere = own.replace('region="us"', 'region="test"')
    check(tmp_path, {**events({"eu": 290, "us": 290}), elsewhere: "1x60"},
          [asked(is_firing(BURNS), "10m", {firing(BURNS): 1})], [rules_of(tmp_path)])  # fmt: skip


def test_an_objective_that_is_missed_over_all_regions(tmp_path: Path) -> None:
    given = {}
    for region, bad in (("eu", 0), ("us", 30)):
        given[series("slo:pages:events30d", region)] = "1000x80"
        given[series("slo:pages:bad_events30d", region)] = f"{bad}x80"
    missed = "GlobalSLOPagesBreach"
    # 15 in 1000 fail, of ten that may.
    check(tmp_path, given, [asked(is_firing(missed), "19m", {firing(missed): 1})],
          [rules_of(tmp_path)])  # fmt: skip
    met = {name: value.replace("30x", "20x") for name, value in given.items()}
    check(tmp_path, met, [asked(is_firing(missed), "19m", {})], [rules_of(tmp_path)])


def test_a_region_of_which_nothing_comes(tmp_path: Path) -> None:
    absent = (
        'ALERTS{alertname="RegionAbsent", alertstate="firing", cluster="main-us", region="us",'
        ' severity="critical", team="me", area="global-regions"}'
    )
    up = {
        'up{job="prometheus", cluster="main-eu", region="eu"}': "1x160",
        # Down is not absent: its own rules tell of that.
        'up{job="prometheus", cluster="main-us", region="us"}': "0x40",
    }
    questions = [
        asked(is_firing("RegionAbsent"), "10m", {}),
        asked(is_firing("RegionAbsent"), "19m", {}),
        asked(is_firing("RegionAbsent"), "21m", {absent: 1}),
    ]
    check(tmp_path, up, questions, [rules_of(tmp_path)])


def test_the_owner_of_a_service_is_told(tmp_path: Path) -> None:
    owned = """
service: {names: [orders-api, jobs]}
services: {orders-api: {owner: web}, jobs: {}}
alerting: {teams: {web: {description: W, escalation: W}}}
routing: {routes: {web: {match: {team: web}, receiver: nobody}}}
"""
    rules = rules_of(tmp_path, owned)
    given = events({"eu": 290, "us": 290})
    given |= {name.replace("orders-api", "jobs"): value for name, value in given.items()}
    both = {firing(BURNS, team="web"): 1, firing(BURNS).replace("orders-api", "jobs"): 1}
    check(tmp_path, given, [asked(is_firing(BURNS), "10m", both)], [rules])


def _alerts(file: Path) -> list[dict[str, Any]]:
    groups = yaml.safe_load(file.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"] if "alert" in rule]


def test_no_name_is_one_of_a_region_and_texts_say_over_what(tmp_path: Path) -> None:
    model = small_specs.model_of(tmp_path, SLO, REGIONS)
    rules = yaml.safe_load(render_model(model)[FILE])["groups"]
    names = {rule.get("record") or rule["alert"] for group in rules for rule in group["rules"]}
    assert not names & {*model.alerts, *model.recorded}
    assert names >= {BURNS, "GlobalSLOPagesBreach", "RegionAbsent"}
    assert not {group["name"] for group in rules} & {*model.groups}
    (burns,) = [rule for rule in _alerts(rules_of(tmp_path)) if rule["alert"] == BURNS]
    assert burns["annotations"]["summary"].endswith(", over all regions")
    assert "`global_slo:pages:error_budget_remaining" in burns["annotations"]["description"]
    assert burns["annotations"]["runbook_url"] == model.alerts[TOLD].runbook_url
    assert "anchored" not in json.dumps(rules), "rulers of stores do not know it"


@pytest.mark.parametrize(
    "texts",
    [
        [REGIONS.replace(", us: {}", "")],
        [REGIONS, "kubernetes: {prometheus: {remote_write: null}}"],
    ],
)
def test_there_is_none_where_no_store_sees_two_regions(texts: list[str], tmp_path: Path) -> None:
    assert FILE not in render_model(small_specs.model_of(tmp_path, SLO, *texts))
