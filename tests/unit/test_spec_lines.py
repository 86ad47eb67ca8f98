"""Words of other programs, and the entries of the spec that they are about."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from small_specs import PARTS, model_of

from imsobs import artifacts
from imsobs.compile import places, render_model
from imsobs.places import FilePlaces
from imsobs.problems import KeyPath, dotted
from imsobs.runtime.verify.spec_lines import entries, node_at

TEXT = """\
# a comment
route:
  receiver: a
  routes:
  - receiver: b
    matchers:
    - x="y"
  - receiver: c
receivers:
- name: a
"""


@pytest.mark.parametrize(
    ("line", "node"),
    [
        (1, ()),
        (2, ("route",)),
        (3, ("route", "receiver")),
        (5, ("route", "routes", 0, "receiver")),
        (7, ("route", "routes", 0, "matchers", 0)),
        (8, ("route", "routes", 1, "receiver")),
        (10, ("receivers", 0, "name")),
    ],
)
def test_the_node_of_a_line(line: int, node: tuple[str | int, ...]) -> None:
    assert node_at(TEXT, line) == node


def test_a_file_that_is_no_yaml_has_no_nodes() -> None:
    assert node_at("a: [", 1) == ()


PLACES = FilePlaces(
    texts={
        'set(a["b"], 1)': [("sources", "page", "where")],
        "set(a, 2)": [("labels", "x")],
        "group/Down": [("alerts", "Down")],
    },
    nodes={
        (): ("scrape",),
        ("route", "routes", 1): ("routing", "routes", "second"),
        ("services", "loki"): ("stack", "loki"),
        ("transform/",): ("sources",),
        ("transform/store",): ("redaction",),
    },
)


@pytest.mark.parametrize(
    ("said", "found"),
    [
        (r'cannot parse "set(a[\"b\"], 1)": no', [("sources", "page", "where")]),
        ("invalid syntax at 1:5 near `a, 2`", [("labels", "x")]),
        # At its end; a text of another length is not meant.
        ("invalid syntax at 1:10: (expected x)", [("labels", "x")]),
        ('group "group", rule 3, "Down": bad', [("alerts", "Down")]),
        ("yaml: line 8: field x not found", [("routing", "routes", "second")]),
        ("services.loki.ports must be a list", [("stack", "loki")]),
        ("processors::transform/store_logs: bad", [("redaction",)]),
        ("processors::transform/x: bad", [("sources",)]),
        ("something else", [("scrape",)]),
    ],
)
def test_the_entries_that_words_are_about(said: str, found: list[KeyPath]) -> None:
    assert entries(said, PLACES, TEXT) == found


def test_of_what_is_not_known_nothing_is_told() -> None:
    assert entries("something else", FilePlaces(), "") == []


@pytest.mark.parametrize("part", PARTS)
def test_every_place_is_in_its_file_and_from_an_entry(part: str, tmp_path: Path) -> None:
    model = model_of(tmp_path, PARTS[part])
    files = render_model(model)
    for name, here in places(model).items():
        if name not in files:
            assert name.startswith("route ") or name in OPTIONAL, name
            continue
        data = yaml.load(files[name], Loader=yaml.CSafeLoader)
        for node, path in here.nodes.items():
            assert getattr(model.spec, str(path[0]), None) is not None, dotted(path)
            if node[:1] == ("groups",):
                rule = data["groups"][node[1]]["rules"][node[3]]
                group = data["groups"][node[1]]["name"]
                named = f"{group}/{rule.get('record') or rule['alert']}"
                assert path in here.texts[named]


OPTIONAL = {artifacts.COLLECTOR_INGEST, artifacts.PROMTAIL, artifacts.LOKI, artifacts.COMPOSE}
