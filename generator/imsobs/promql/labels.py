"""PromQL against the catalogue: which series, labels and label values an expression names.

Every one of them must exist before anything is written.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from promql_parser import (
    AggModifier,
    AggModifierType,
    AggregateExpr,
    BinaryExpr,
    Call,
    Expr,
    LabelModifier,
    LabelModifierType,
    Matcher,
    MatchOp,
    MatrixSelector,
    NumberLiteral,
    ParenExpr,
    StringLiteral,
    SubqueryExpr,
    UnaryExpr,
    VectorMatchCardinality,
    VectorSelector,
)

from imsobs import expressions, promql
from imsobs.problems import available
from imsobs.promql.places import Place, placed
from imsobs.promql.series import Series
from imsobs.promql.syntax import explain
from imsobs.promql.unknown import remedy

_KEEP_LABELS = {"topk", "bottomk", "limitk", "limit_ratio"}
SYNTHETIC = {
    "ALERTS": ("alertname", "alertstate", "severity"),
    "ALERTS_FOR_STATE": ("alertname", "severity"),
}


@dataclass(frozen=True)
class Finding:
    """A fault of an expression: message, check id, and its place in the text where it has one.

    at: characters from the start of the expression.
    """

    message: str
    check: str
    at: int | None = None


def once(found: Iterable[Finding]) -> list[Finding]:
    """Return the findings, of those that say the same only the first."""
    return list(
        {(finding.message, finding.check): finding for finding in reversed([*found])}.values()
    )[::-1]


def findings(expression: str, series: dict[str, Series]) -> list[Finding]:
    """Return every fault of an expression: syntax, unknown series, labels and values."""
    try:
        nodes = placed(expression)
    except ValueError as error:
        message, at = explain(error, expression)
        return [Finding(f"PromQL does not parse: {message}", "promql/syntax", at)]
    found: list[Finding] = []
    for node, place in nodes:
        if isinstance(node, VectorSelector):
            found += _selector_findings(node, place or Place(0), series)
    return once(found or _grouping_findings(nodes, series))


def _selector_findings(
    selector: VectorSelector, place: Place, series: dict[str, Series]
) -> Iterator[Finding]:
    name = promql.selector_name(selector)
    if not name:
        yield Finding("a selector must name a metric", "promql/unnamed-selector", place.at)
        return
    if name in SYNTHETIC:
        return
    if name not in series:
        message = f'metric "{name}" is not in the catalogue; {remedy(name, series)}'
        yield Finding(message, "promql/unknown-metric", place.values.get(name, place.at))
        return
    if series[name].unsure:
        return
    labels = series[name].labels
    for matcher in selector.matchers.matchers:
        if matcher.name == "__name__":
            continue
        if matcher.name not in labels:
            hint = available(matcher.name, labels)
            message = f'metric "{name}" has no label "{matcher.name}"; {hint}'
            at = place.labels.get(matcher.name, place.at)
            yield Finding(message, "promql/unknown-label", at)
        else:
            at = place.values.get(matcher.value, place.at)
            yield from _value_findings(name, matcher, labels[matcher.name], at)


def _value_findings(
    metric: str, matcher: Matcher, allowed: tuple[str, ...] | None, at: int
) -> Iterator[Finding]:
    value = matcher.value
    if allowed is None or "$" in value or value == "":
        return
    if matcher.op in (MatchOp.Re, MatchOp.NotRe):
        if fault := expressions.fault(value):
            message = f'label pattern "{value}" is not valid: {fault}'
            yield Finding(message, "promql/label-pattern", at)
            return
        if any(expressions.matches(value, candidate) for candidate in allowed):
            return
    elif value in allowed:
        return
    message = f'label {matcher.name} of "{metric}" never is "{value}"; {available(value, allowed)}'
    yield Finding(message, "promql/unknown-label-value", at)


def _grouping_findings(
    nodes: Iterable[tuple[Expr, Place | None]], series: dict[str, Series]
) -> Iterator[Finding]:
    """Labels named by ``by``, ``on`` and ``group_left`` must exist where they are used."""
    for node, place in nodes:
        if isinstance(node, AggregateExpr) and node.modifier is not None:
            have = output_labels(node.expr, series)
            where = f"{node.op} {'by' if _is_by(node.modifier) else 'without'}"
            yield from _missing(node.modifier.labels, have, where, place)
        elif isinstance(node, BinaryExpr) and node.modifier is not None:
            matching = node.modifier.matching
            if matching is not None and is_on(matching):
                for side in (node.lhs, node.rhs):
                    have = output_labels(side, series)
                    yield from _missing(matching.labels, have, "on", place)


def _missing(
    wanted: list[str], have: frozenset[str] | None, where: str, place: Place | None
) -> Iterator[Finding]:
    if have is None:
        return
    for label in wanted:
        if label not in have:
            message = f'"{where} ({label})": no such label there; {available(label, have)}'
            at = place.labels.get(label, place.at) if place else None
            yield Finding(message, "promql/unknown-grouping-label", at)


def _is_by(modifier: AggModifier) -> bool:
    return bool(modifier.type == AggModifierType.By)


def is_on(matching: LabelModifier) -> bool:
    """Return whether a binary operation matches on its labels, instead of ignoring them."""
    return bool(matching.type == LabelModifierType.Include)


def output_labels(node: Expr, series: dict[str, Series]) -> frozenset[str] | None:
    """Return the labels that a node's result carries, or None when that is not known."""
    match node:
        case VectorSelector():
            name = promql.selector_name(node)
            if name in SYNTHETIC:
                return None
            known = name in series and not series[name].unsure
            return frozenset(series[name].labels) if known else None
        case MatrixSelector():
            return output_labels(node.vector_selector, series)
        case SubqueryExpr() | ParenExpr() | UnaryExpr():
            return output_labels(node.expr, series)
        case AggregateExpr():
            return _aggregate_labels(node, series)
        case Call():
            return _call_labels(node, series)
        case BinaryExpr():
            return _binary_labels(node, series)
    return frozenset()


def _aggregate_labels(node: AggregateExpr, series: dict[str, Series]) -> frozenset[str] | None:
    inner = output_labels(node.expr, series)
    if str(node.op) in _KEEP_LABELS:
        return inner
    named = frozenset(node.modifier.labels) if node.modifier is not None else frozenset()
    # count_values("version", ...) writes the counted value into a label.
    added = frozenset([node.param.val]) if isinstance(node.param, StringLiteral) else frozenset()
    if node.modifier is None or _is_by(node.modifier):
        return named | added
    return (inner - named) | added if inner is not None else None


def _call_labels(node: Call, series: dict[str, Series]) -> frozenset[str] | None:
    name = node.func.name
    if name in ("vector", "time", "scalar", "pi"):
        return frozenset()
    if name in ("label_replace", "label_join"):
        inner = output_labels(node.args[0], series)
        added = getattr(node.args[1], "val", None)
        return inner | {added} if inner is not None and added else None
    if name in ("absent", "absent_over_time"):
        return _absent_labels(node.args[0])
    vectors = [arg for arg in node.args if not isinstance(arg, (NumberLiteral, StringLiteral))]
    if not vectors:
        return frozenset()
    inner = output_labels(vectors[-1], series)
    return inner - {"le"} if name == "histogram_quantile" and inner is not None else inner


def _absent_labels(node: Expr) -> frozenset[str]:
    """Return the labels that ``absent`` of a selector carries: those matched by equality.

    A label that is matched again after that is dropped, as in Prometheus'
    ``createLabelsForAbsentFunction`` (promql/functions.go).
    """
    if isinstance(node, MatrixSelector):
        node = node.vector_selector
    matchers = node.matchers.matchers if isinstance(node, VectorSelector) else []
    equal: set[str] = set()
    carried: set[str] = set()
    for matcher in matchers:
        if matcher.op == MatchOp.Equal and matcher.name not in equal:
            equal.add(matcher.name)
            carried.add(matcher.name)
        else:
            carried.discard(matcher.name)
    return frozenset(carried - {"__name__"})


def is_scalar(node: Expr) -> bool:
    """Return whether an expression is a number without labels."""
    match node:
        case NumberLiteral():
            return True
        case ParenExpr() | UnaryExpr():
            return is_scalar(node.expr)
        case BinaryExpr():
            # a + b + c is (a + b) + c: the short side first.
            return is_scalar(node.rhs) and is_scalar(node.lhs)
        case Call():
            return node.func.name in ("scalar", "time", "pi")
    return False


def _binary_labels(node: BinaryExpr, series: dict[str, Series]) -> frozenset[str] | None:
    left, right = output_labels(node.lhs, series), output_labels(node.rhs, series)
    if is_scalar(node.lhs):
        return right
    if is_scalar(node.rhs) or str(node.op) in ("and", "unless"):
        return left
    if left is None or right is None:
        return None
    if str(node.op) == "or":
        return left | right
    modifier = node.modifier
    if modifier is None or modifier.matching is None:
        return left
    if modifier.card == VectorMatchCardinality.ManyToOne:
        return left | frozenset(modifier.group_labels or ())
    if modifier.card == VectorMatchCardinality.OneToMany:
        return right | frozenset(modifier.group_labels or ())
    named = frozenset(modifier.matching.labels)
    return named if is_on(modifier.matching) else left - named
