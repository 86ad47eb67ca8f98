"""What a backtest says, held against Prometheus' own evaluation of the same samples."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from native.backtest_series import SPEC, STEP, STEPS, notation, openmetrics
from promtool import asked, check
from small_specs import BASE, merged

from bench.harness import ROOT
from bench.history import add_blocks
from imsobs.backtest.inplace import in_place
from imsobs.backtest.prometheus import Prometheus
from imsobs.backtest.queries import evaluate
from imsobs.backtest.replay import Side, Verdict, replay, span_of
from imsobs.backtest.states import Evaluations
from imsobs.model import Model, resolve
from imsobs.outputs.prometheus import rules
from imsobs.pages import YamlPage
from imsobs.runtime.progress import Silent
from imsobs.runtime.recorded import running
from imsobs.spec.parse import parse

pytestmark = pytest.mark.native

# Midnight, so that every interval begins with it.
BASE_TIME = 1_790_000_000 // 86_400 * 86_400
LAST = BASE_TIME + (STEPS - 1) * STEP


@pytest.fixture(scope="module")
def model() -> Model:
    spec, problems = parse(merged(BASE, SPEC))
    assert spec is not None, problems
    return resolve(spec)


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    data = tmp_path_factory.mktemp("backtest") / "data"
    add_blocks(openmetrics(BASE_TIME), data)
    with running(data, ROOT) as (address, _), closing(Prometheus(address)) as source:
        yield source


@pytest.fixture(scope="module")
def verdicts(model: Model, prometheus: Prometheus) -> Mapping[str, Verdict]:
    side = Side("here", model, [name for name in model.alerts if "Breach" not in name])
    span = span_of(prometheus, [side], 30 * 86400, LAST)
    assert span.first == BASE_TIME
    (found,) = replay([side], prometheus, span, Silent())
    return {verdict.alert.name: verdict for verdict in found}


def states(verdict: Verdict) -> Iterator[dict[str, float]]:
    """Yield ALERTS of an alert at every evaluation, as its episodes have it."""
    for at in range(BASE_TIME, LAST + 1, STEP):
        found = {}
        for one in verdict.episodes:
            if one.begin <= at < one.until(LAST + 1):
                state = "firing" if one.fired is not None and one.fired <= at else "pending"
                labels = {**one.labels, "alertstate": state}
                inner = ", ".join(f'{k}="{v}"' for k, v in sorted(labels.items()))
                found[f"ALERTS{{{inner}}}"] = 1.0
        yield found


def judged(verdicts: Mapping[str, Verdict], model: Model, folder: Path) -> None:
    """Ask promtool whether every alert is in the states that the verdicts say; else fail."""
    file = folder / "rules.yaml"
    groups = [
        group
        for page in rules.plan(model)
        if isinstance(page, YamlPage)
        for group in page.sections["groups"]
    ]
    file.write_text(yaml.safe_dump({"groups": groups}))
    questions = [
        asked(f'ALERTS{{alertname="{name}"}}', f"{number * STEP}s", found)
        for name, verdict in verdicts.items()
        for number, found in enumerate(states(verdict))
    ]
    check(folder, notation(), questions, [file], f"{STEP}s", f"{STEP}s")


def test_every_episode_is_prometheus_own(
    verdicts: Mapping[str, Verdict], model: Model, tmp_path: Path
) -> None:
    # An alert that never fires would be judged without having been tried.
    fired = {n for n, one in verdicts.items() if any(ep.fired is not None for ep in one.episodes)}
    assert fired == set(verdicts)
    assert {name for name, one in verdicts.items() if one.in_place} == {
        "PagesFail",
        "LateJobs",
        "EarlierJobs",
        "SLOPagesBurnFast",
        "SLOPagesBurnMedium",
        "SLOPagesBurnSlow",
    }
    judged(verdicts, model, tmp_path)


def test_the_judge_notices_one_evaluation(
    verdicts: Mapping[str, Verdict], model: Model, tmp_path: Path
) -> None:
    verdict = verdicts["PagesFail"]
    first, *others = verdict.episodes
    assert first.end is not None
    longer = replace(verdict, episodes=[replace(first, end=first.end + STEP), *others])
    with pytest.raises(AssertionError, match="PagesFail"):
        judged({"PagesFail": longer}, model, tmp_path)


def test_a_slow_record_in_place_holds_until_its_next_evaluation(
    prometheus: Prometheus, model: Model
) -> None:
    name, every = "queue:shop_jobs:max2m", 120
    (record,) = [record for record in model.records if record.name == name]
    slow = {name: replace(record, interval=f"{every}s")}
    recorded = evaluate(prometheus, record.expr, Evaluations(BASE_TIME, LAST, every)).samples
    found = evaluate(
        prometheus, in_place(name, slow, STEP), Evaluations(BASE_TIME, LAST, STEP)
    ).samples
    held = {
        labels: [
            (at + later, value)
            for at, value in points
            for later in range(0, every, STEP)
            if at + later <= LAST
        ]
        for labels, points in recorded.items()
    }
    assert found == held
    # It was absent in between, and came back.
    assert any(len(points) < STEPS for points in held.values())


def test_a_record_is_chosen_by_its_labels_in_place(prometheus: Prometheus, model: Model) -> None:
    name = "queue:shop_jobs:max2m"
    records = {record.name: record for record in model.records if record.name == name}
    chosen = name + '{queue=~"a|c", queue!="c", service_name!~"x.*", none=""}'
    when = Evaluations(BASE_TIME, LAST, STEP)
    found = evaluate(prometheus, in_place(chosen, records, STEP), when).samples
    whole = evaluate(prometheus, in_place(name, records, STEP), when).samples
    assert len(whole) == 3
    assert found == {labels: points for labels, points in whole.items() if ("queue", "a") in labels}
