"""PromQL as a tree: what an expression refers to and which labels come out of it.

Parsing is promql-parser's; Prometheus itself (promtool) judges what is rendered. Here
every name, label and label value is resolved against the catalogue before anything is
written.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import promql_parser

from generator.model.metrics import Series
from generator.problems import available

# Grafana's variables stand for text that is known only in the browser.
GRAFANA_DURATIONS = {
    "$__rate_interval": "5m",
    "$__interval": "1m",
    "$__range": "1h",
}
AnyLabels = None
"""Stands for "labels unknown to the spec" in label inference."""

_KEEP_LABELS = {"topk", "bottomk", "limitk", "limit_ratio"}
_SYNTHETIC = {
    "ALERTS": ("alertname", "alertstate", "severity"),
    "ALERTS_FOR_STATE": ("alertname", "severity"),
}


@dataclass(frozen=True)
class Finding:
    """A fault of an expression: message and check id, without a place."""

    message: str
    check: str


def substitute_grafana(expression: str) -> str:
    """Return the expression with Grafana's duration variables replaced by real durations."""
    for variable, duration in GRAFANA_DURATIONS.items():
        expression = expression.replace(variable, duration)
        expression = expression.replace("${" + variable[1:] + "}", duration)
    return expression


# Checks, references and outputs ask about the same expressions, each in its turn.
@functools.cache
def parse(expression: str) -> Any:
    """Return the syntax tree of an expression; ValueError says what is wrong."""
    return promql_parser.parse(substitute_grafana(expression))


def children(node: Any) -> list[Any]:
    """Return the expressions directly inside a node."""
    match type(node).__name__:
        case "BinaryExpr":
            return [node.lhs, node.rhs]
        case "AggregateExpr":
            return [node.expr] + ([node.param] if node.param is not None else [])
        case "Call":
            return list(node.args)
        case "MatrixSelector":
            return [node.vector_selector]
        case "SubqueryExpr" | "ParenExpr" | "UnaryExpr":
            return [node.expr]
    return []


def walk(node: Any) -> Iterator[Any]:
    """Yield a node and everything inside it, depth first."""
    yield node
    for child in children(node):
        yield from walk(child)


def selectors(node: Any) -> list[Any]:
    """Return every vector selector of a tree."""
    return [inner for inner in walk(node) if type(inner).__name__ == "VectorSelector"]


def metric_names(expression: str) -> list[str]:
    """Return the series names that an expression selects, sorted, each once."""
    return list(_metric_names(expression))


@functools.cache
def _metric_names(expression: str) -> tuple[str, ...]:
    return tuple(sorted({selector_name(s) for s in selectors(parse(expression))} - {""}))


def selector_name(selector: Any) -> str:
    """Return the series name of a vector selector, empty when it has none."""
    if selector.name:
        return str(selector.name)
    named = [m.value for m in selector.matchers.matchers if m.name == "__name__"]
    return named[0] if named else ""


def findings(expression: str, series: dict[str, Series]) -> list[Finding]:
    """Return every fault of an expression: syntax, unknown series, labels and values."""
    try:
        tree = parse(expression)
    except ValueError as error:
        return [Finding(f"PromQL does not parse: {_first_line(error)}", "promql/syntax")]
    found = [f for selector in selectors(tree) for f in _selector_findings(selector, series)]
    if not found:
        found = list(_grouping_findings(tree, series))
    return found


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else "syntax error"


def _selector_findings(selector: Any, series: dict[str, Series]) -> Iterator[Finding]:
    name = selector_name(selector)
    if not name:
        yield Finding("a selector must name a metric", "promql/unnamed-selector")
        return
    if name in _SYNTHETIC:
        return
    if name not in series:
        metrics = {entry.metric for entry in series.values()}
        hint = _histogram_hint(name, series) or available(name, metrics)
        yield Finding(f'metric "{name}" is not in the catalogue; {hint}', "promql/unknown-metric")
        return
    labels = series[name].labels
    for matcher in selector.matchers.matchers:
        if matcher.name == "__name__":
            continue
        if matcher.name not in labels:
            hint = available(matcher.name, labels)
            message = f'metric "{name}" has no label "{matcher.name}"; {hint}'
            yield Finding(message, "promql/unknown-label")
        else:
            yield from _value_findings(name, matcher, labels[matcher.name])


def _histogram_hint(name: str, series: dict[str, Series]) -> str:
    if f"{name}_bucket" in series:
        return f"it is a histogram: use {name}_bucket, {name}_sum or {name}_count"
    return ""


def _value_findings(
    metric: str, matcher: Any, allowed: tuple[str, ...] | None
) -> Iterator[Finding]:
    value = str(matcher.value)
    if allowed is None or "$" in value or value == "":
        return
    operator = str(matcher.op)
    if operator.endswith(("Re", "NotRe")):
        try:
            pattern = re.compile(f"(?:{value})")
        except re.error as error:
            yield Finding(f'label pattern "{value}" is not valid: {error}', "promql/label-pattern")
            return
        if any(pattern.fullmatch(candidate) for candidate in allowed):
            return
    elif value in allowed:
        return
    message = f'label {matcher.name} of "{metric}" never is "{value}"; {available(value, allowed)}'
    yield Finding(message, "promql/unknown-label-value")


def _grouping_findings(tree: Any, series: dict[str, Series]) -> Iterator[Finding]:
    """Labels named by ``by``, ``on`` and ``group_left`` must exist where they are used."""
    for node in walk(tree):
        kind = type(node).__name__
        if kind == "AggregateExpr" and node.modifier is not None:
            wanted = list(node.modifier.labels)
            have = output_labels(node.expr, series)
            where = f"{node.op} {'by' if _is_by(node.modifier) else 'without'}"
            yield from _missing(wanted, have, where)
        elif kind == "BinaryExpr" and node.modifier is not None:
            matching = node.modifier.matching
            if matching is not None and _is_on(matching):
                for side in (node.lhs, node.rhs):
                    yield from _missing(list(matching.labels), output_labels(side, series), "on")


def _missing(wanted: list[str], have: frozenset[str] | None, where: str) -> Iterator[Finding]:
    if have is None:
        return
    for label in wanted:
        if label not in have:
            message = f'"{where} ({label})": no such label there; {available(label, have)}'
            yield Finding(message, "promql/unknown-grouping-label")


def _is_by(modifier: Any) -> bool:
    return str(modifier.type).endswith("By")


def _is_on(matching: Any) -> bool:
    return str(matching.type).endswith("Include")


def output_labels(node: Any, series: dict[str, Series]) -> frozenset[str] | None:
    """Return the labels that a node's result carries, or None when that is not known."""
    match type(node).__name__:
        case "VectorSelector":
            name = selector_name(node)
            if name in _SYNTHETIC:
                return AnyLabels
            return frozenset(series[name].labels) if name in series else AnyLabels
        case "MatrixSelector":
            return output_labels(node.vector_selector, series)
        case "SubqueryExpr" | "ParenExpr" | "UnaryExpr":
            return output_labels(node.expr, series)
        case "AggregateExpr":
            return _aggregate_labels(node, series)
        case "Call":
            return _call_labels(node, series)
        case "BinaryExpr":
            return _binary_labels(node, series)
    return frozenset()


def _aggregate_labels(node: Any, series: dict[str, Series]) -> frozenset[str] | None:
    inner = output_labels(node.expr, series)
    if str(node.op) in _KEEP_LABELS:
        return inner
    named = frozenset(node.modifier.labels) if node.modifier is not None else frozenset()
    if node.modifier is None or _is_by(node.modifier):
        return named
    return inner - named if inner is not None else None


def _call_labels(node: Any, series: dict[str, Series]) -> frozenset[str] | None:
    name = node.func.name
    if name in ("vector", "time", "scalar", "pi"):
        return frozenset()
    if name in ("label_replace", "label_join"):
        inner = output_labels(node.args[0], series)
        added = getattr(node.args[1], "val", None)
        return inner | {added} if inner is not None and added else None
    if name in ("absent", "absent_over_time"):
        matchers = [m for s in selectors(node) for m in s.matchers.matchers]
        return frozenset(
            m.name for m in matchers if str(m.op).endswith("Equal") and m.name != "__name__"
        )
    vectors = [
        arg for arg in node.args if type(arg).__name__ not in ("NumberLiteral", "StringLiteral")
    ]
    if not vectors:
        return frozenset()
    inner = output_labels(vectors[-1], series)
    return inner - {"le"} if name == "histogram_quantile" and inner is not None else inner


def _is_scalar(node: Any) -> bool:
    kind = type(node).__name__
    if kind in ("ParenExpr", "UnaryExpr"):
        return _is_scalar(node.expr)
    if kind == "BinaryExpr":
        return _is_scalar(node.lhs) and _is_scalar(node.rhs)
    return kind == "NumberLiteral" or (
        kind == "Call" and node.func.name in ("scalar", "time", "pi")
    )


def _binary_labels(node: Any, series: dict[str, Series]) -> frozenset[str] | None:
    left, right = output_labels(node.lhs, series), output_labels(node.rhs, series)
    if _is_scalar(node.lhs):
        return right
    if _is_scalar(node.rhs) or str(node.op) in ("and", "unless"):
        return left
    if left is None or right is None:
        return None
    if str(node.op) == "or":
        return left | right
    modifier = node.modifier
    if modifier is None or modifier.matching is None:
        return left
    if "ManyToOne" in str(modifier.card):
        return left | frozenset(modifier.group_labels or ())
    if "OneToMany" in str(modifier.card):
        return right | frozenset(modifier.group_labels or ())
    named = frozenset(modifier.matching.labels)
    return named if _is_on(modifier.matching) else left - named
