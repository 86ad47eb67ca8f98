"""Expressions whose every name is right and that can never have the result they look for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from promql_parser import BinaryExpr, Call, Expr, MatrixSelector, NumberLiteral, VectorSelector

from imsobs import promql
from imsobs.promql.labels import Finding, is_scalar, output_labels
from imsobs.promql.places import placed
from imsobs.promql.series import Series

_QUANTILE = "promql/histogram-quantile"


def senseless(expression: str, series: dict[str, Series]) -> Iterator[Finding]:
    """Yield quantiles of what is no histogram, and operations whose sides never match."""
    for node, place in placed(expression):
        found: Iterator[Finding] = iter(())
        if isinstance(node, Call) and node.func.name == "histogram_quantile":
            found = _quantile(node, series)
        elif isinstance(node, BinaryExpr) and node.modifier is None:
            found = _apart(node, series)
        for finding in found:
            yield replace(finding, at=place.at if place else None)


def _quantile(node: Call, series: dict[str, Series]) -> Iterator[Finding]:
    share, inner = node.args
    if isinstance(share, NumberLiteral) and not 0 <= share.val <= 1:
        message = f"the quantile {share.val:g} is outside 0 to 1"
        remedy = f"; for {share.val:g} % write {share.val / 100:g}" if 1 < share.val < 100 else ""
        yield Finding(message + remedy, _QUANTILE)
        return
    names = [promql.selector_name(selector) for selector in promql.selectors(inner)]
    known = [n for n in names if n in series and not series[n].unsure]
    foreign = [n for n in known if "le" not in series[n].labels]
    have = output_labels(inner, series)
    if foreign:
        message = f'histogram_quantile needs the buckets of a histogram; "{foreign[0]}" has none'
        yield Finding(message, _QUANTILE)
    elif have is not None and "le" not in have:
        message = "histogram_quantile needs the label le, which is lost here; sum by (le, ...)"
        yield Finding(message, _QUANTILE)
    elif _counts_since_the_start(inner):
        message = "buckets count since the process began; take rate(..._bucket[5m]) of them"
        yield Finding(message, _QUANTILE)


def _counts_since_the_start(inner: Expr) -> bool:
    nodes = list(promql.walk(inner))
    ranged = any(isinstance(node, MatrixSelector) for node in nodes)
    named = any(
        isinstance(node, VectorSelector) and promql.selector_name(node).endswith("_bucket")
        for node in nodes
    )
    return named and not ranged


def _apart(node: BinaryExpr, series: dict[str, Series]) -> Iterator[Finding]:
    if str(node.op) == "or" or is_scalar(node.lhs) or is_scalar(node.rhs):
        return
    left, right = output_labels(node.lhs, series), output_labels(node.rhs, series)
    if left is None or right is None or left & right or not left | right:
        return
    sides = " and ".join(", ".join(sorted(side)) or "none" for side in (left, right))
    message = (
        f"the sides of {node.op} have no label in common ({sides}), so no series ever match;"
        " sum both by the same labels"
    )
    yield Finding(message, "promql/no-common-label")
