"""What is shown as a count over a range, and the same question asked of the truth.

``increase(x[24h] anchored)`` is the truth when it is what ``x`` was counted up by. The truth is
exposed under names of its own, ``truth:x``, as totals; a query asks it when each of its ranges is
replaced by the total.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from typing import Self

import yaml
from golden.series import Labels, Rows
from promql_parser import AggregateExpr, Expr, SubqueryExpr

from imsobs import promql
from imsobs.model import Model, conventions
from imsobs.outputs import grafana
from imsobs.outputs.prometheus import rules
from imsobs.pages import render
from imsobs.preview.interpolate import panel_queries
from imsobs.runtime.drill.server import Server

_COUNTING = {"increase", "delta", "changes", "resets", "count_over_time"}
_BRACES = r"""\{(?:"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|[^}"'])*\}"""
_SELECTOR = rf"[a-zA-Z_:][\w:]*(?:{_BRACES})?"
_INCREASE = re.compile(rf"increase\(\s*({_SELECTOR})\s*\[[^\]]*\]\s*anchored\s*\)")
# A counter that is younger than the range: the total is what it has counted.
_YOUNG = re.compile(rf"({_SELECTOR})\s+unless\s+({_SELECTOR})\s+offset\s+\w+")


def _narrowed(expr: str, braces: str, prefix: str) -> str:
    """Return an expression whose totals are also matched by what braces hold."""

    def both(match: re.Match[str]) -> str:
        own = match[2][1:-1] if match[2] else ""
        return f"{match[1]}{{{', '.join(part for part in (own, braces[1:-1]) if part)}}}"

    return re.sub(rf"({re.escape(prefix)}:[\w:]+)({_BRACES})?", both, expr)


@dataclass(frozen=True)
class Shown:
    """One query. place: where it stands; whole: it is shown as a number of things."""

    place: str
    expr: str
    whole: bool = False


def shown(model: Model, seconds: int) -> list[Shown]:
    """Return every query that counts over a range, with the range that dashboards show.

    Found by what they compute: those of panels, alerts, recorded series and runbooks.
    """
    found = [*_panels(model, seconds), *_rules(model), *_runbooks(model)]
    return [entry for entry in found if counts(entry.expr)]


def counts(expr: str) -> bool:
    """Return whether a query counts what happened in a range, or how many series there are."""
    if any(use.modifier or use.function in _COUNTING for use in promql.range_uses(expr)):
        return True
    nodes = list(promql.walk(promql.parse(expr)))
    # A subquery counts at moments that are gone, for which the truth was not asked.
    if any(isinstance(node, SubqueryExpr) for node in nodes):
        return False
    return any(_is_count(node) for node in nodes)


def _is_count(node: Expr) -> bool:
    return isinstance(node, AggregateExpr) and str(node.op) in ("count", "count_values")


def _panels(model: Model, seconds: int) -> Iterator[Shown]:
    for page in grafana.plan(model):
        panels = {panel["id"]: panel for panel in page.data.get("panels", [])}
        # A scrape interval so long that every rate looks back over all that was sent.
        for query in panel_queries(page.data, seconds=seconds, scrape_interval=seconds / 4):
            if query.source == "prometheus":
                defaults = panels[query.panel_id]["fieldConfig"]["defaults"]
                yield Shown(
                    f"panel {query.dashboard} / {query.title}",
                    query.expr,
                    defaults.get("unit") == "locale",
                )


def _rules(model: Model) -> Iterator[Shown]:
    for page, text in render(rules.plan(model)).items():
        for group in yaml.safe_load(text)["groups"]:
            for rule in group["rules"]:
                kind = "alert" if "alert" in rule else "record"
                yield Shown(f"{kind} {rule[kind]} of {page}", rule["expr"])


def _runbooks(model: Model) -> Iterator[Shown]:
    for alert in model.alerts.values():
        for title, expr in (alert.runbook.queries if alert.runbook else {}).items():
            yield Shown(f"runbook {alert.name} / {title}", expr)


def of_totals(expr: str, model: Model, known: Mapping[str, object], prefix: str = "truth") -> str:
    """Return a query with each range replaced by the total, recorded series written out.

    known: names that have totals. AssertionError: a range is left, whose truth is not known.
    """
    told = _INCREASE.sub(r"\1", _YOUNG.sub(r"\1", expr))
    assert not promql.range_uses(told), f"of which total is this the truth? {expr}"
    for name in sorted(promql.metric_names(told), key=len, reverse=True):
        if name in model.computed:
            text = f"({of_totals(model.computed[name], model, known, prefix)})"
            # A selector of a recorded series selects among what it is recorded from.
            selected = rf'(?<![\w:"]){re.escape(name)}({_BRACES})'
            told = re.sub(selected, lambda m, text=text: _narrowed(text, m[1], prefix), told)
        else:
            text = f"{prefix}:{name}" if name in known else name
        # In quotes it is the value of a label.
        told = re.sub(rf'(?<![\w:"]){re.escape(name)}(?![\w:"])', lambda _, text=text: text, told)
    return told


@dataclass(frozen=True)
class Component:
    """Series of a component of the stack. begins: whether it exposes a 0 before the first event."""

    job: str
    name: str
    labels: Labels
    begins: bool


def of_components(
    model: Model, queries: list[Shown], exposed: Mapping[str, Mapping[str, Rows]]
) -> list[Component]:
    """Return the series of the stack's components that queries count, by what they select.

    exposed: job -> the series that the real component exposes while nothing is wrong. One that
    is not there comes into being with its first event.
    """
    found: dict[tuple[str, str, Labels], Component] = {}
    for query in queries:
        for use in promql.range_uses(query.expr):
            selector = use.selector.vector_selector
            name = promql.selector_name(selector)
            metric = model.spec.metrics.get(name)
            job = metric.stack if metric else None
            if job is None:
                continue
            told = {m.name: (str(m.op), str(m.value)) for m in selector.matchers.matchers}
            chosen = {label: _fitting(*told[label]) for label in told if label != "job"}
            begins = any(_selects(told, row) for row in exposed[job].get(name, {}))
            for variant in ("one", "other"):
                rest = {label: variant for label in metric.labels if label not in chosen}
                labels: Labels = frozenset({**chosen, **rest}.items())
                found[job, name, labels] = Component(job, name, labels, begins)
    return list(found.values())


def _fitting(op: str, value: str) -> str:
    """Return a label value that a matcher selects."""
    pattern = value.split("|")[0]
    return {"MatchOp.Equal": value, "MatchOp.NotEqual": "x", "MatchOp.Re": pattern}[op]


def _selects(told: Mapping[str, tuple[str, str]], row: Labels) -> bool:
    have = dict(row)
    for label, (op, value) in told.items():
        text = have.get(label, "")
        fits = bool(re.fullmatch(value, text)) if "Re" in op else text == value
        # The job is Prometheus' own label.
        if label != "job" and fits == ("Not" in op):
            return False
    return True


def exposition(rows: Mapping[str, Rows], prefix: str = "") -> str:
    """Return series as the text exposition has them; every one is a counter."""
    lines = []
    for name, found in rows.items():
        lines.append(f"# TYPE {prefix}{name} counter")
        for labels, value in found.items():
            text = ",".join(f"{key}={_quoted(_stored(key, item))}" for key, item in sorted(labels))
            lines.append(f"{prefix}{name}{{{text}}} {value!r}")
    return "\n".join(lines) + "\n"


def _stored(label: str, value: str) -> str:
    """Return a label value as Prometheus stores it; in text, the bound of a bucket has no .0."""
    return conventions.bucket_bound(float(value)) if label == "le" else value


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


class Target:
    """What Prometheus scrapes: ``/NAME`` answers with ``texts[NAME]``."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = outer.texts[self.path[1:]].encode()
                self.send_response(200)
                self.send_header("content-type", "text/plain; version=0.0.4; charset=utf-8")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def address(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self._server.server_address[1]}"

    def job(self, name: str, honor: bool = False) -> dict[str, object]:
        """Return the scrape job of a text; with honor, labels of the text win."""
        return {
            "job_name": name,
            "metrics_path": f"/{name}",
            "honor_labels": honor,
            "static_configs": [{"targets": [self.address]}],
        }

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
