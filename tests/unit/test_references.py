"""No text of a spec becomes a reference, a template, markup or a command of any product."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import small_specs
import yaml

from imsobs import markdown, promql
from imsobs.compile import read_spec, render_model
from imsobs.model.notification import expand, literal
from imsobs.outputs.references import (
    COLLECTOR,
    COMPOSE,
    GRAFANA,
    LOKI,
    SDK,
    SHELL,
    Dialect,
    Reference,
    join,
    written,
)
from imsobs.spec.load import load

SPEC = Path(__file__).resolve().parents[2] / "spec/ims.yaml"
HOSTILE = (
    " ${env:CANARY} ${CANARY} $CANARY $$CANARY ${file:/etc/passwd} $__file{/etc/passwd} $(id) `id`"
    " %(CANARY)s <script>alert(1)</script> <img src=x onerror=y> [x](javascript:alert(1))"
    " ![x](http://example.com/x) &lt;b&gt; | cell ``` ~~~"
)
# Keys whose values are written for people; everything else has a form that is checked.
PROSE = {"description", "meaning", "impact", "title", "escalation", "skip", "may_be_empty"}
PROSE_LISTS = {"causes", "mitigation"}


def made_hostile(data: Any, key: str = "") -> Any:
    """Return a spec in which every prose text ends with what products expand or interpret."""
    if isinstance(data, dict):
        return {name: made_hostile(inner, name) for name, inner in data.items()}
    if isinstance(data, list):
        return [made_hostile(inner, "item" if key in PROSE_LISTS else "") for inner in data]
    is_prose = key in PROSE or key == "item"
    # Titles of dashboards are short.
    return f"{data}{HOSTILE[:40] if key == 'title' else HOSTILE}" if is_prose else data


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    file = tmp_path_factory.mktemp("hostile") / "spec.yaml"
    # With what packs give, as if it were the spec's own.
    document, problems = load([SPEC])
    assert problems == []
    data = made_hostile({name: part for name, part in document.data.items() if name != "use"})
    for dashboard in data["dashboards"].values():
        dashboard["title"] = dashboard["title"][:60]
    file.write_text(yaml.dump(data, Dumper=yaml.CSafeDumper, allow_unicode=True, sort_keys=False))
    compiled = read_spec([file])
    assert compiled.model is not None, "\n".join(compiled.lines())
    return {path: text.decode() for path, text in render_model(compiled.model).items()}


def texts(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            yield str(key)
            yield from texts(value)
    elif isinstance(node, list):
        for value in node:
            yield from texts(value)
    elif isinstance(node, str):
        yield node


OURS = r"(?:IMS_|IMSOBS_|TRACE_SAMPLING_RATE|GRAFANA_ADMIN_PASSWORD|LOG_|OTEL_)[A-Z_]*"
FILES: dict[str, tuple[str, str]] = {
    # File -> what a live reference looks like, what one of this program looks like.
    "collector/config.yaml": (r"\$", rf"\$\{{env:{OURS}:-[^$}}]*\}}"),
    "stack/jaeger.yaml": (r"\$", rf"\$\{{env:{OURS}:-[^$}}]*\}}"),
    "stack/compose.yaml": (r"\$", rf"\$\{{{OURS}:[-?][^$}}]*\}}"),
    "app/otel-sdk.yaml": (r"\$", rf"\$\{{{OURS}(?::-[^$}}]*)?\}}"),
    "stack/loki.yaml": (r"[$\\]", rf"\$\{{{OURS}:-[^$}}]*\}}"),
    "stack/grafana/provisioning/datasources/datasources.yaml": (r"\$", rf"\${OURS}\b"),
    "stack/grafana/provisioning/dashboards/dashboards.yaml": (r"\$", rf"\${OURS}\b"),
}


@pytest.mark.parametrize("path", FILES)
def test_only_this_programs_references_are_live(rendered: dict[str, str], path: str) -> None:
    live, own = FILES[path]
    found = 0
    for text in texts(yaml.load(rendered[path], Loader=yaml.CSafeLoader)):
        left = re.sub(own, "", text.replace("$$", ""))
        assert not re.search(live, left), text
        found += text != left
    assert found, "the file refers to nothing: the pattern of this test is wrong"


def test_the_hostile_texts_are_there_as_text(rendered: dict[str, str]) -> None:
    assert "$${env:CANARY}" in rendered["collector/config.yaml"]


def test_what_a_shell_sources_holds_assignments_only(rendered: dict[str, str]) -> None:
    plain = r"[A-Za-z0-9_.,:/@%+=*~\[\]-]*"
    line = re.compile(rf"#.*|[A-Z_]+=(?:{plain}|\$\{{{OURS}:-{plain}\}}{plain})|")
    for text in rendered["app/otel.env"].splitlines():
        assert line.fullmatch(text), text
    for text in rendered["stack/.env.example"].splitlines():
        assert re.fullmatch(r"#.*|GRAFANA_ADMIN_PASSWORD=|", text), text


def test_pages_hold_no_markup_of_the_spec(rendered: dict[str, str]) -> None:
    pages = {path: text for path, text in rendered.items() if path.endswith(".md")}
    assert sum("CANARY" in text for text in pages.values()) > 30
    for path, text in pages.items():
        # Code is not interpreted; what is left is.
        shown = re.sub(r"(?ms)^```.*?^```$|(?<!`)(`+)(?!`).*?(?<!`)\1(?!`)", "", text)
        for foreign in ("<script", "<img", "](javascript", "![x]"):
            assert foreign not in shown, f"{path}: {foreign}"
        assert text.count("\n```") % 2 == 0, f"{path}: a code block is not closed"


@pytest.mark.parametrize(
    ("dialect", "text", "reference"),
    [
        (COLLECTOR, "a$${env:X}", "${env:NAME:-x}"),
        (COMPOSE, "a$${env:X}", "${NAME:-x}"),
        (SDK, "a$${env:X}", "${NAME:-x}"),
        (GRAFANA, "a$${env:X}", "$NAME"),
    ],
    ids=lambda value: value.name if isinstance(value, Dialect) else None,
)
def test_a_text_is_literal_and_a_reference_live(
    dialect: Dialect, text: str, reference: str
) -> None:
    assert written({"key": ["a${env:X}"]}, dialect) == {"key": [text]}
    assert written(Reference("NAME", "x"), dialect) == reference
    assert written(join("$", Reference("NAME", "x"), "/$"), dialect) == f"$${reference}/$$"


@pytest.mark.parametrize(
    ("dialect", "text"),
    [
        (LOKI, "$x"),
        (LOKI, "a\\b"),
        (SHELL, "$(id)"),
        (SHELL, "a b"),
        (SHELL, "`id`"),
        (SHELL, "a;b"),
    ],
)
def test_what_a_product_cannot_take_literally_is_refused(dialect: Dialect, text: str) -> None:
    with pytest.raises(ValueError, match="would not be taken literally"):
        written(text, dialect)


@pytest.mark.parametrize("default", ["${env:X}", "a}b", "a$b", "a b", "`id`", '"', "a\nb", "\0"])
def test_a_default_can_neither_end_nor_open_a_reference(default: str) -> None:
    with pytest.raises(ValueError, match="cannot be the default"):
        Reference("NAME", default)


@pytest.mark.parametrize("node", [Reference("NAME"), join("a", Reference("NAME"))])
def test_a_reference_cannot_be_pasted_into_a_text(node: Any) -> None:
    for paste in (str, "{}".format, lambda value: f"x{value}"):
        with pytest.raises(TypeError, match="no text"):
            paste(node)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Use `a < b` and *x*.", "Use `a < b` and *x*."),
        ("a < b <script>", "a &lt; b &lt;script>"),
        ("&lt;b&gt;", "&amp;lt;b&amp;gt;"),
        ("[a](https://x.example/y) [b](../b.md#c)", "[a](https://x.example/y) [b](../b.md#c)"),
        ("[a](javascript:x) [b]( data:x)", "[a]\\(javascript:x) [b]\\( data:x)"),
        ("[a](<javascript:x>)", "[a]\\(&lt;javascript:x>)"),
        ("![a](https://x.example)", "!\\[a](https://x.example)"),
        ("# a\n\n- b", "\\# a - b"),
        ("1. a", "1\\. a"),
        ("[a]: javascript:x", "\\[a]: javascript:x"),
        ("```\nrest", "\\``` rest"),
    ],
)
def test_prose_is_one_paragraph_without_markup(text: str, shown: str) -> None:
    assert markdown.prose(text) == shown


def test_a_cell_and_a_code_block_cannot_be_ended() -> None:
    assert markdown.cell("a|b\nc\\d") == "a\\|b c\\\\d"
    assert markdown.cell(["`a|b`", "<b>"]) == "`a\\|b`, &lt;b>"
    assert markdown.code("a`b") == "``a`b``"
    assert markdown.code_cell("a|b") == "`a\\|b`"
    assert markdown.code("`") == "`` ` ``"
    assert markdown.fenced("a\n```\nb", "sh") == "````sh\na\n```\nb\n````"


EVIL = (
    'x ${__user.email} $__from [[environment]] {{ query "up" }} {{ $labels.x }}'
    " ![p](http://evil/x) <b>"
)


@pytest.fixture(scope="module")
def evil(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What is rendered of a small spec whose prose and whose label value are a stranger's."""
    part = small_specs.PARTS["an objective and a band"]
    data = yaml.safe_load(part)
    data["slos"]["pages"]["description"] = EVIL
    data["anomalies"]["pages"]["description"] = EVIL
    panel = data["dashboards"]["pages"]["rows"]["Traffic"]["Pages"]
    panel |= {"description": EVIL, "where": {"outcome": "$service ${__user.login} [[environment]]"}}
    data["labels"]["outcome"]["values"] += [panel["where"]["outcome"]]
    model = small_specs.model_of(tmp_path_factory.mktemp("evil"), yaml.safe_dump(data))
    return {path: text.decode() for path, text in render_model(model).items()}


def test_prose_is_no_template_of_a_notification(evil: dict[str, str]) -> None:
    told = 0
    for path, text in evil.items():
        if not path.startswith(("alerts/rules", "alerts/disabled")):
            continue
        for group in yaml.safe_load(text)["groups"]:
            for rule in group["rules"]:
                description = rule.get("annotations", {}).get("description", "")
                if "__user" in description:
                    told += 1
                    # What is left of the program's own fields, and of the escape, is text.
                    assert '{{ "{{" }} query "up" }}' in description
                    assert '{{ "{{" }} $labels.x }}' in description
    assert told > 1


def test_a_test_expects_what_prometheus_makes_of_such_a_text() -> None:
    text = f"{literal(EVIL)} It is {{{{ $value }}}}."
    assert expand(text, {}, 2) == f"{EVIL} It is 2."


def test_a_dashboard_tells_nobody_who_looks_at_it(evil: dict[str, str]) -> None:
    board = json.loads(evil["dashboards/pages.json"])
    (panel,) = [one for one in board["panels"] if one["title"] == "Pages"]
    reference = re.compile(r"\$\w|\$\{|\[\[")
    assert not reference.search(panel["description"])
    assert "![p]" not in panel["description"]
    assert "<b>" not in panel["description"]
    # A value is the same text for Prometheus, and no variable for Grafana.
    (query,) = [target["expr"] for target in panel["targets"]]
    value = re.search(r'outcome="([^"]*)"', query)
    assert value is not None
    assert not reference.search(value[1])
    (selector,) = promql.selectors(promql.parse(query))
    found = {m.name: m.value for m in selector.matchers.matchers}
    assert found["outcome"] == "$service ${__user.login} [[environment]]"
    # The program's own are live.
    assert found["service_name"] == "$service"
