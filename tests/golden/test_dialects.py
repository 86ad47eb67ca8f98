"""Every recording of a dialect: what the metrics say of it is what the vendors counted.

Where a package tells something else, recordings.yaml says what and why, and so does
docs/reference/dialects.md.
"""

from __future__ import annotations

import re
from typing import Any

import pytest
from golden.collector import ROOT, Collector

from imsobs.compile import read_spec
from imsobs.dialects import dialects
from tests.dialects import page
from tests.dialects.facts import KINDS, Series, told, truth
from tests.dialects.recording import FOLDER, load, plans, spans

RECORDED = sorted(file.stem for file in FOLDER.glob("*.json"))


@pytest.mark.native
@pytest.mark.parametrize("name", RECORDED)
def test_the_metrics_say_what_the_vendors_counted(name: str, collector: Collector) -> None:
    def send(request: dict[str, Any]) -> Series:
        collector.send("traces", request)
        return collector.series()

    recording, differs = load(name), plans()[name].differs
    true, said = truth(recording, collector.model), told(recording, send)
    for kind in KINDS:
        if kind in differs:
            assert said[kind] == differs[kind].said, kind
            assert said[kind] != true[kind], f"{kind}: the difference is gone, and so is its note"
        else:
            assert said[kind] == true[kind], kind


@pytest.mark.native
def test_the_page_is_what_the_recordings_say(collector: Collector) -> None:
    empty: dict[str, dict[str, float]] = {kind: {} for kind in KINDS}
    found = {name: load(name) for name in plans() if name in RECORDED}
    said = {}
    for name, recording in found.items():
        differs = plans()[name].differs
        true = truth(recording, collector.model)
        said[name] = {k: differs[k].said if k in differs else true.get(k, {}) for k in empty}
    assert page.PAGE.read_text(encoding="utf-8") == page.page(found, said, collector.model)


@pytest.mark.parametrize("name", RECORDED)
def test_nothing_that_carried_a_prompt_is_stored(name: str) -> None:
    """Every attribute in which the recording saw a prompt or an answer is dropped."""
    model = read_spec([ROOT / "spec/ims.yaml"]).model
    assert model is not None
    for key in load(name).prompts:
        assert any(re.search(pattern, key) for pattern in model.dropped), key


def test_every_plan_is_recorded_with_the_versions_that_it_pins() -> None:
    missing = sorted(set(plans()) - set(RECORDED))
    assert not missing, f"python -m tests.dialects.record {' '.join(missing)}"
    for name, plan in plans().items():
        pinned = dict(package.split("==") for package in plan.packages)
        have = load(name).packages
        assert have == {key.partition("[")[0]: value for key, value in pinned.items()}, name


def test_every_dialect_is_recorded() -> None:
    assert {plan.dialect for plan in plans().values()} == set(dialects())


@pytest.mark.parametrize("name", RECORDED)
def test_recordings_hold_nothing_of_the_machine(name: str) -> None:
    text = (FOLDER / f"{name}.json").read_text(encoding="utf-8")
    assert not re.search(r"/root/|/home/|/tmp/|site-packages", text)
    assert spans(load(name).traces)
