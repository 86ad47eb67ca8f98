"""LogQL: what our strict parser takes, held against the grammar that Grafana publishes."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from imsobs import logql
from imsobs.model import Model
from imsobs.outputs.grafana import plan
from imsobs.preview.interpolate import panel_queries

ROOT = Path(__file__).resolve().parents[2]
GRAMMAR = ROOT / "tests/logql"
SOUND = [
    '{app="a"}',
    '{app="a", env=~"b|c", x!="y", z!~"w"}',
    '{app="a"} |= "x" != "y" |~ `z\\d+` !~ "w"',
    '{app="a"} |= "x" or "y"',
    '{app="a"} | json | status >= 500 and method = "GET"',
    '{app="a"} | json status="response.status", m="method" | status != 200',
    '{app="a"} | logfmt --strict | duration > 250ms or size < 10KB',
    '{app="a"} | pattern "<ip> - <_>" | ip != "x"',
    '{app="a"} | regexp "(?P<x>a+)" | line_format "{{.x}}" | label_format y=x, z="{{.x}}"',
    '{app="a"} | decolorize | unpack | drop x, y="z" | keep w',
    '{app="a"} | severity_number >= 17',
    '{app="a"} | (a = "b" or c = "d") and e > 1',
    'sum by (level) (count_over_time({app="a"} | json [5m]))',
    'sum(rate({app="a"}[1m])) by (x) / sum(rate({app="a"} |= "e" [1m])) by (x)',
    'topk(5, sum by (x) (bytes_rate({app="a"}[5m])))',
    'quantile_over_time(0.95, {app="a"} | json | unwrap duration(took) [5m]) by (x)',
    'sum_over_time({app="a"} | logfmt | unwrap bytes [5m])',
    'count_over_time({app="a"}[5m] offset 1h) > bool 3',
    'label_replace(rate({app="a"}[1m]), "x", "$1", "y", "(.*)")',
    'absent_over_time({app="a"}[5m])',
    'vector(0) or sum(rate({app="a"}[5m]))',
]
FAULTY = [
    "",
    "{",
    '{app="a"',
    '{app="a"} |',
    '{app="a"} |= ',
    '{app="a"} = "x"',
    "{app=a}",
    '{app=="a"}',
    '{app="a"} | status => 500',
    '{app="a"} | json |',
    'rate({app="a"})',
    'rate({app="a"}[5])',
    'sum by level (rate({app="a"}[5m]))',
    'sum(rate({app="a"}[5m])',
    'topk({app="a"}[5m])',
    '{app="a"} and {app="b"',
    '{app="a"} | label_format x',
    '{app="a"} | line_format x',
    'sum(rate({app="a"}[5m])) +',
]
# Loki refuses these after parsing; the published grammar, made for highlighting, does not.
MEANINGLESS = [
    '{app=""}',
    "{}",
    '{app=~".*"}',
    'avg_over_time({app="a"}[5m])',
    'quantile_over_time({app="a"} | unwrap x [5m])',
]


@pytest.mark.parametrize("text", SOUND)
def test_sound_queries_parse(text: str) -> None:
    logql.parse(text)


@pytest.mark.parametrize("text", [*FAULTY, *MEANINGLESS])
def test_faulty_queries_do_not(text: str) -> None:
    with pytest.raises(logql.LogQLError):
        logql.parse(text)


def test_fault_is_told_with_its_place() -> None:
    with pytest.raises(logql.LogQLError, match=r'"=" or "!=".*, found "a"') as found:
        logql.parse('{app a="b"}')
    assert found.value.at == 5


def test_says_what_is_selected_and_whether_it_counts() -> None:
    parsed = logql.parse('sum(count_over_time({a="b", c=~"d"}[$__auto]))')
    assert parsed.metric
    assert parsed.labels == {"a": ["b"], "c": ["d"]}
    assert not logql.parse('{a="b"} | json').metric


def _dashboard_queries(model: Model) -> list[str]:
    found = [query for page in plan(model) for query in panel_queries(page.data)]
    return [query.expr for query in found if query.source == "loki"]


def test_dashboards_ask_loki_something(model: Model) -> None:
    texts = _dashboard_queries(model)
    assert texts
    for text in texts:
        logql.parse(text)


@pytest.mark.skipif(
    shutil.which("node") is None or not (GRAMMAR / "node_modules").is_dir(),
    reason="needs Node.js and `npm ci --prefix tests/logql`",
)
def test_agrees_with_the_published_grammar(model: Model) -> None:
    texts = [*SOUND, *FAULTY, *_dashboard_queries(model)]
    answer = subprocess.run(
        ["node", "parse.mjs"],
        cwd=GRAMMAR,
        input=json.dumps(texts),
        capture_output=True,
        text=True,
        check=True,
    )
    verdicts = dict(zip(texts, json.loads(answer.stdout), strict=True))
    ours = {}
    for text in texts:
        try:
            logql.parse(text)
            ours[text] = True
        except logql.LogQLError:
            ours[text] = False
    assert ours == verdicts


@pytest.mark.parametrize(
    "query",
    [
        '{app="a"} |~ @"x(b"',
        '{app=~@"x(b"}',
        '{app="a"} | json | b !~ @"x(b"',
        '{app="a"} | regexp @"(?P<y>x(b)"',
        '{app="a"} !~ @`x\\C`',
    ],
)
def test_a_pattern_that_loki_does_not_take_is_told_at_its_place(query: str) -> None:
    with pytest.raises(logql.LogQLError, match="is not valid") as told:
        logql.parse(query.replace("@", ""))
    assert told.value.at == query.index("@")


def test_a_variable_in_a_pattern_is_any_text() -> None:
    assert logql.parse('{app=~"$service|${other:regex}$", x="a(b"} |= "a(b"').labels.keys() == {
        "app",
        "x",
    }
