"""From a panel's purpose to its queries.

Every selector is narrowed by the dashboard's variables as far as the metric has their
labels, and rates use ``$__rate_interval``, which Grafana keeps at four scrapes or more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from imsobs.model import conventions
from imsobs.model.ratios import ratio
from imsobs.promql.matchers import excluding, matcher
from imsobs.promql.series import Series
from imsobs.spec.schema.dashboards import Panel, Show

RATE = "$__rate_interval"
RANGE = "$__range"
# Panels that show one number per series: instant queries at the end of the range.
INSTANT: frozenset[Show] = frozenset({"bars", "pie", "table"})

Where = Mapping[str, str | list[str]]
Language = Literal["promql", "logql", "logs", "traces"]


@dataclass(frozen=True)
class Scope:
    """What a query may use: its dashboard's variables, and the series of the catalogue."""

    variables: tuple[str, ...]
    series: dict[str, Series]


@dataclass(frozen=True)
class Query:
    """One query of a panel.

    legend: text with ``{{label}}``; instant: one value at the end of the range instead of a
    series; heatmap: buckets by ``le``. For traces, text is the search as ``key=value`` words.
    key: the panel's key that the text comes from, where a fault is reported.
    """

    language: Language
    text: str
    legend: str
    instant: bool = False
    heatmap: bool = False
    key: tuple[str | int, ...] = ()


def queries(title: str, panel: Panel, purpose: str, show: Show, scope: Scope) -> tuple[Query, ...]:
    """Return the queries of a panel, in the order of their legend."""
    given = getattr(panel, purpose)
    if given is None:
        return ()
    if purpose in ("promql", "logql"):
        named = given if isinstance(given, dict) else {panel.legend or title: given or ""}
        language: Language = "promql" if purpose == "promql" else "logql"
        keys = [(purpose, legend) if isinstance(given, dict) else (purpose,) for legend in named]
        return tuple(
            Query(language, text.strip(), legend, instant=show in INSTANT, key=key)
            for key, (legend, text) in zip(keys, named.items(), strict=True)
        )
    if purpose == "logs":
        return (Query("logs", given.strip(), "", key=("logs",)),)
    if purpose == "traces":
        words = ["error=true"] * given.errors
        words += [f"minDuration={given.slower_than}"] * bool(given.slower_than)
        return (Query("traces", " ".join(words), "", instant=True, key=("traces",)),)
    if purpose == "percentiles":
        return tuple(_percentiles(panel, given, show, scope))
    text = _expression(panel, purpose, given, show, scope)
    instant = show in INSTANT or (purpose == "increase" and show == "stat")
    if purpose == "heatmap":
        return (Query("promql", text, "{{le}}", heatmap=True, key=(purpose,)),)
    legend = panel.legend or _legend(panel.by) or title
    return (Query("promql", text, legend, instant=instant, key=(purpose,)),)


def _expression(panel: Panel, purpose: str, metric: str, show: Show, scope: Scope) -> str:
    window = RANGE if show in INSTANT else RATE
    selector = _selector(metric, panel, scope)
    match purpose:
        case "rate":
            return _scaled(_fold(panel, f"rate({selector}[{panel.over or window}])"), panel)
        case "increase" | "share":
            return _fold(panel, f"increase({selector}[{panel.over or RANGE}] anchored)")
        case "top":
            summed = _fold(panel, f"increase({selector}[{panel.over or RANGE}] anchored)")
            return f"sort_desc(topk({panel.limit}, {summed} > 0))"
        case "mean":
            _, total, count = conventions.histogram_series(metric)
            parts = [f"rate({_selector(s, panel, scope)}[{window}])" for s in (total, count)]
            return f"{_fold(panel, parts[0])}\n  / ({_fold(panel, parts[1])} > 0)"
        case "heatmap":
            bucket, _, _ = conventions.histogram_series(metric)
            selector = _selector(bucket, panel, scope)
            return f"sum by (le) (increase({selector}[{RATE}] anchored))"
        case "ratio":
            return _ratio(panel, metric, panel.over or window, scope)
    return _fold(panel, selector)


def _ratio(panel: Panel, metric: str, window: str, scope: Scope) -> str:
    """Return the share of the part in the whole, as the rules' ratios are counted."""

    def counted(name: str, where: Where) -> str:
        selected = _narrowed(name, where, panel, scope)
        return _fold(panel, f"increase({selected}[{window}] anchored)")

    of = [panel.of] if isinstance(panel.of, str) else panel.of or [metric]
    part = counted(metric, {**panel.among, **panel.where})
    return ratio(part, [counted(name, panel.among) for name in of])


def _percentiles(panel: Panel, metric: str, show: Show, scope: Scope) -> list[Query]:
    bucket, _, _ = conventions.histogram_series(metric)
    window = panel.over or (RANGE if show in INSTANT else RATE)
    by = ", ".join([*panel.by, "le"])
    inner = f"sum by ({by}) (rate({_selector(bucket, panel, scope)}[{window}]))"
    made = []
    for quantile in panel.quantiles:
        name = f"p{quantile * 100:g}"
        legend = " ".join([*([_legend(panel.by)] if panel.by else []), name])
        text = f"histogram_quantile({quantile:g}, {inner})"
        made.append(
            Query("promql", text, panel.legend or legend, show in INSTANT, key=("percentiles",))
        )
    return made


def _fold(panel: Panel, vector: str) -> str:
    by = f" by ({', '.join(panel.by)}) " if panel.by else ""
    return f"{panel.fold}{by}({vector})"


def _scaled(text: str, panel: Panel) -> str:
    factor = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}[panel.per]
    return text if factor == 1 else f"{text} * {factor}"


def _without_variables(text: str) -> str:
    """Return a matcher in whose value Grafana sees no variable, and Prometheus the same text."""
    return text.replace("$", r"\x24").replace("[[", r"\x5b[")


def _legend(labels: list[str]) -> str:
    return " / ".join(f"{{{{{label}}}}}" for label in labels)


def _selector(name: str, panel: Panel, scope: Scope) -> str:
    return _narrowed(name, panel.where, panel, scope)


def _narrowed(name: str, where: Where, panel: Panel, scope: Scope) -> str:
    """Return ``name{...}`` narrowed by the variables whose labels the series has.

    Values set apart are left out, unless their label is selected or kept.
    """
    entry = scope.series.get(name)
    labels = entry.labels if entry else {}
    matchers = [
        f'{label}=~"${variable}"'
        for variable, label in conventions.VARIABLE_LABELS.items()
        if variable in scope.variables and label in labels
    ]
    matchers += [_without_variables(matcher(*item)) for item in where.items()]
    matchers += [
        _without_variables(excluding(label, values))
        for label, values in (entry.apart.items() if entry else ())
        if label not in panel.by and label not in where
    ]
    return f"{name}{{{', '.join(matchers)}}}" if matchers else name
