"""Packs lie under a spec: what the spec gives wins, null removes, and messages name both places."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from small_specs import PARTS, SMALLEST, compiled, merged, smallest

from imsobs.compile import read_spec
from imsobs.errors import ImsobsError
from imsobs.model import conventions
from imsobs.spec import pack_words, packs
from imsobs.spec.load import Document, load
from imsobs.spec.origin import origins

SPEC = Path(__file__).resolve().parents[2] / "spec" / "ims.yaml"
PACK = """\
description: For tests.
alerts:
  A: {summary: a, list: [1, 2, 3], deep: {x: 1, y: 2}}
  <prefix>_b: {needs: [metrics.m], expr: "<namespace>-job <service>"}
  C:
    queries:
      - {title: one, needs: [metrics.m]}
      - {title: two}
"""
SMALL = (
    "version: 1\nuse: [one]\nservice: {namespace: my-shop, names: [cart], environments: [test]}\n"
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    found = tmp_path / "packs"
    found.mkdir()
    (found / "one.yaml").write_text(PACK)
    monkeypatch.setattr(packs, "FOLDER", found)
    return found


def laid(folder: Path, *texts: str) -> Document:
    files = []
    for index, text in enumerate(texts):
        files.append(folder.parent / f"{index}.yaml")
        files[-1].write_text(text)
    document, problems = load(files)
    assert problems == []
    return document


def test_a_mapping_is_merged_and_anything_else_replaced(folder: Path) -> None:
    document = laid(folder, SMALL + "alerts:\n  Own: {}\n  A: {list: [9], deep: {y: 3, z: 4}}\n")
    alerts = document.data["alerts"]
    assert alerts["A"] == {"summary": "a", "list": [9], "deep": {"x": 1, "y": 3, "z": 4}}
    assert list(alerts) == ["Own", "A", "C"], "the spec's entries come first"
    assert str(document.locate(("alerts", "A", "deep", "y"))).endswith("0.yaml:6:25")
    assert str(document.locate(("alerts", "A", "summary"))) == "pack one.yaml:3:7"
    assert "one.yaml" not in str(document.locate(("alerts", "A", "list", 2)))


def test_null_removes_at_any_depth_also_in_an_overlay(folder: Path) -> None:
    document = laid(folder, SMALL + "alerts: {A: {deep: {x: null}}}\n", "alerts: {C: null}\n")
    assert document.data["alerts"] == {"A": {"summary": "a", "list": [1, 2, 3], "deep": {"y": 2}}}
    assert "alerts" not in laid(folder, SMALL + "alerts: null\n").data


def test_what_needs_a_missing_entry_is_left_out(folder: Path) -> None:
    without = laid(folder, SMALL)
    assert without.data["alerts"]["C"]["queries"] == [{"title": "two"}]
    assert str(without.locate(("alerts", "C", "queries", 0, "title"))) == "pack one.yaml:8:10"
    assert without.packs.left_out[("alerts", "my_shop_b")] == ["metrics.m"]
    whole = laid(folder, SMALL + "metrics: {m: {}}\n")
    assert whole.data["alerts"]["my_shop_b"] == {"expr": "my-shop-job cart"}
    assert len(whole.data["alerts"]["C"]["queries"]) == 2


def test_what_a_pack_has_is_told_as_its_file_has_it(folder: Path) -> None:
    assert packs.names() == ["one"]
    assert packs.description("one") == "For tests."
    assert list(packs.entries("one")) == ["alerts"]
    assert list(packs.entries("one")["alerts"]) == ["A", "<prefix>_b", "C"]
    assert packs.name_pattern("<prefix>_b") == "[a-z][a-z0-9_-]*_b"
    assert packs.name_pattern("a-b.c") == r"a-b\.c"


def test_two_packs_may_not_give_different_entries_of_one_name(folder: Path) -> None:
    (folder / "two.yaml").write_text("description: d\nalerts:\n  A: {summary: other}\n")
    spec = folder.parent / "spec.yaml"
    spec.write_text(SMALL.replace("[one]", "[one, two]"))
    with pytest.raises(ImsobsError, match=r"pack one\.yaml:3:3 and pack two\.yaml:3:3"):
        load([spec])
    (folder / "two.yaml").write_text(PACK)
    assert load([spec])[1] == []


@pytest.mark.parametrize(
    "use",
    ["use: one", "use: {one: 1}", "use: [1, [], null]", "use: [../one]", "use: null", "use: []"],
)
def test_nonsense_in_use_takes_no_pack(folder: Path, use: str) -> None:
    spec = folder.parent / "spec.yaml"
    spec.write_text(SMALL.replace("use: [one]", use))
    document, _ = load([spec])
    assert "alerts" not in document.data


@pytest.mark.parametrize("service", ["[]", "{}", "{namespace: 7}", "{namespace: Bad Name}"])
def test_without_a_namespace_no_pack_is_laid(folder: Path, service: str) -> None:
    spec = folder.parent / "spec.yaml"
    spec.write_text(f"use: [one]\nservice: {service}\nalerts: {{Aaa: {{threshold: 2}}}}\n")
    lines = read_spec([spec]).lines()
    assert any("service" in line for line in lines)
    assert not any("alerts.Aaa." in line for line in lines), "what a pack would give is not missing"


def test_origin_names_the_pack_and_what_changes_it() -> None:
    document, _ = load([SPEC])
    (entry,) = origins(document, "LabelOverflow")
    assert entry.place.startswith("pack pipeline.yaml:")
    assert any(change.endswith("alerts.LabelOverflow.drill.skip") for change in entry.changed)
    assert str(SPEC) in entry.changed[0]
    (own,) = origins(document, "alerts.DatabaseUnhealthy")
    assert own.place.startswith(str(SPEC))
    with pytest.raises(ImsobsError, match="no entry"):
        origins(document, "LabelOverflo")


@pytest.mark.parametrize("name", packs.names())
def test_no_word_of_a_pack_is_left_and_nothing_is_of_one_service(name: str) -> None:
    document, _ = load([SPEC])
    text = (packs.FOLDER / f"{name}.yaml").read_text()
    assert not re.search(r"\bims[_-]", text)
    given = repr([document.data[path[0]] for path in document.packs.given])
    assert not re.search(r"<(?:namespace|prefix|[a-z_]+_job)>", given)


def test_derived_metrics_have_the_names_that_the_model_gives() -> None:
    assert pack_words.derived("my_shop", {"state"}, ["my_shop_calls_total"]) == {
        f"metrics.{conventions.expected_causes('my-shop')}",
        f"metrics.{conventions.expected_seen('my-shop')}",
        f"metrics.{conventions.process_alive('my-shop')}",
        f"metrics.{conventions.process_series_limit('my-shop')}",
    }


def test_another_service_gets_its_own_names() -> None:
    text = SPEC.read_text()
    document, problems = load([SPEC])
    assert not problems
    assert "ims_label_overflow_total" in document.data["metrics"]
    assert "ims-pipeline" in document.data["dashboards"]
    assert "ims_label_overflow_total:" not in text


def test_requests_of_users_are_those_to_no_health_route(folder: Path) -> None:
    (folder / "one.yaml").write_text(
        'description: d\nrules: {r: {expr: "x{<users>}", by: "<route>"}}\n'
    )
    spec = SMALL.replace("environments: [test]", "environments: [test], health: /live.json")
    route = "labels: {route: {values: [/live.json, /healthz, /orders], apart: [/health*]}}\n"
    assert laid(folder, spec + route).data["rules"]["r"] == {
        "expr": 'x{route!~"/health.*|/live\\\\.json"}',
        "by": "/orders",
    }
    by_default = laid(folder, SMALL).data["rules"]["r"]
    assert by_default == {"expr": 'x{route!~"/health"}', "by": "other"}
    silent = SMALL.replace("environments: [test]", "environments: [test], health: null")
    assert laid(folder, silent).data["rules"]["r"] == {"expr": "x{}", "by": "other"}


def test_a_text_that_needs_what_is_there_is_a_text(folder: Path) -> None:
    text = "description: d\nalerts: {A: {queries: {Q: {needs: [metrics.m], text: up}, P: p}}}\n"
    (folder / "one.yaml").write_text(text)
    assert laid(folder, SMALL).data["alerts"]["A"]["queries"] == {"P": "p"}
    whole = laid(folder, SMALL + "metrics: {m: {}}\n")
    assert whole.data["alerts"]["A"]["queries"] == {"Q": "up", "P": "p"}


def test_rules_of_a_pack_come_first_also_one_that_is_changed(folder: Path) -> None:
    (folder / "one.yaml").write_text("description: d\nrules: {a: {expr: x}, b: {expr: a}}\n")
    document = laid(folder, SMALL + "rules: {own: {expr: b}, b: {expr: a + 1}}\n")
    assert document.data["rules"] == {
        "a": {"expr": "x"},
        "b": {"expr": "a + 1"},
        "own": {"expr": "b"},
    }
    assert list(document.data["rules"]) == ["a", "b", "own"]


@pytest.mark.parametrize("name", packs.names())
def test_each_pack_alone_is_a_whole_spec(name: str, tmp_path: Path) -> None:
    file = tmp_path / "spec.yaml"
    spec = merged(SMALLEST, f"use: [{name}]")
    file.write_text(
        yaml.safe_dump({k: v for k, v in spec.items() if name == "http" or k != "labels"})
    )
    assert read_spec([file]).lines() == []


def test_without_prices_the_pack_of_models_says_nothing_of_cost(tmp_path: Path) -> None:
    models = smallest(tmp_path, "use: [http, llm]", "prices: null")
    assert not [name for name in models.metrics if "usd" in name or "unpriced" in name]
    assert not [name for name in models.alerts if "Cost" in name or "Budget" in name]
    assert "shop-cost" not in models.dashboards
    limited = smallest(tmp_path, "use: [http, llm]", "budget: {monthly_usd: 250}")
    assert {"CostJump", "BudgetExhausted"} <= limited.alerts.keys()
    assert {"CostJump", "BudgetExhausted"}.isdisjoint(smallest(tmp_path, "use: [http, llm]").alerts)


@pytest.mark.parametrize("odd", ['/"', "/\\", '/a"} or vector(1) #'])
def test_tests_speak_of_no_value_that_is_otherwise_in_a_selector(odd: str, tmp_path: Path) -> None:
    for values, first in (([odd, "/plain"], "/plain"), ([odd], "other")):
        route = yaml.safe_dump({"labels": {"route": {"values": values}}})
        model = smallest(tmp_path, "use: [http, queue]", route)
        alert = model.alerts["RouteErrorRate"]
        assert alert.test is not None
        assert alert.test.labels["route"] == first


def test_tests_speak_of_the_first_value_that_the_spec_gives(tmp_path: Path) -> None:
    alert = smallest(tmp_path, "use: [http, queue]", "labels: {queue: {values: [mail]}}").alerts
    assert alert["QueueJobsStuck"].test is not None
    assert alert["QueueJobsStuck"].test.labels["queue"] == "mail"


def test_the_pack_sql_needs_no_label_of_a_spec(tmp_path: Path) -> None:
    assert compiled(tmp_path, "use: [sql]", "budget: {series: 100000}").lines() == []


def test_a_condition_on_a_label_that_is_not_declared_says_so(tmp_path: Path) -> None:
    failed = """
metrics:
  shop_failed_total: {description: Failed., span: http_request, when: {outcome: error}}
"""
    (line,) = compiled(tmp_path, PARTS["spans"], failed).lines()
    assert 'label "outcome" is not declared: declare it under labels, with its values' in line
