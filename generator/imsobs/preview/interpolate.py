"""The queries of a rendered dashboard, variables substituted as Grafana does.

Sources: Grafana's packages/grafana-data/src/datetime/rangeutil.ts (rounding of intervals)
and packages/grafana-prometheus/src (``$__rate_interval``, escaping of values).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from imsobs.spec.schema.base import seconds as duration_seconds

# Below the first number (ms) an interval is rounded to the second.
_ROUNDING = (
    (15, 10), (35, 20), (75, 50), (150, 100), (350, 200), (750, 500), (1500, 1000),
    (3500, 2000), (7500, 5000), (12500, 10000), (17500, 15000), (25000, 20000),
    (45000, 30000), (90000, 60000), (210000, 120000), (450000, 300000), (750000, 600000),
    (1050000, 900000), (1500000, 1200000), (2700000, 1800000), (5400000, 3600000),
    (9000000, 7200000), (16200000, 10800000), (32400000, 21600000), (86400000, 43200000),
    (604800000, 86400000), (1814400000, 604800000), (3628800000, 2592000000),
)  # fmt: skip
_YEAR_MS = 31_536_000_000
_COLUMN_PX = 58
_NAME = r"\w+"
_REFERENCE = re.compile(rf"\$\{{({_NAME})(?::{_NAME})?\}}|\$({_NAME})|\[\[({_NAME})\]\]")
_REGEX_SPECIAL = re.compile(r"[$^*{}\[\]'+?.()|]")


@dataclass(frozen=True)
class PanelQuery:
    """One query of a panel, ready to be sent.

    source: prometheus, loki or jaeger. expr: the text without variables. legend: Grafana's
    legend format. step: seconds between points of a range query. seconds: length of the
    range. may_be_empty: why no data is fine, empty when it is not. exemplars: whether its
    series have some.
    """

    dashboard: str
    panel_id: int
    title: str
    ref_id: str
    source: str
    expr: str
    legend: str
    instant: bool
    step: float
    seconds: int
    may_be_empty: str
    exemplars: bool = False


def panels(dashboard: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the panels of a rendered dashboard, rows left out, those in rows included."""
    found: list[dict[str, Any]] = []
    for panel in dashboard.get("panels", []):
        found += panel.get("panels", []) if panel["type"] == "row" else [panel]
    return found


def shown_seconds(dashboard: Mapping[str, Any]) -> int:
    """Return the length of the time range that a dashboard shows at first, in seconds."""
    return duration_seconds(dashboard["time"]["from"].removeprefix("now-"))


def panel_queries(
    dashboard: Mapping[str, Any],
    *,
    seconds: int | None = None,
    drawn: int | None = None,
    values: Mapping[str, Sequence[str]] | None = None,
    scrape_interval: float = 15,
) -> Iterator[PanelQuery]:
    """Yield every query of a rendered dashboard as Grafana would send it.

    seconds: length of the range chosen, the dashboard's own when left out. drawn: length of its
    end that is drawn, all of it when left out; what counts over the range still counts over all.
    values: chosen the values of the variables; a variable without one is All. scrape_interval:
    as the data source is provisioned, in seconds.
    """
    shown = seconds or shown_seconds(dashboard)
    texts = variable_texts(dashboard, values or {})
    for panel in panels(dashboard):
        width = panel["gridPos"]["w"] * _COLUMN_PX
        step = interval(drawn or shown, panel.get("maxDataPoints") or width, scrape_interval)
        built_in = {
            "__interval": duration(step),
            "__interval_ms": f"{step * 1000:g}",
            "__rate_interval": duration(max(step + scrape_interval, 4 * scrape_interval)),
            "__range": f"{shown}s",
            "__range_s": str(shown),
            "__auto": duration(step),
        }
        for target in panel.get("targets", []):
            yield PanelQuery(
                dashboard=str(dashboard["uid"]),
                panel_id=panel["id"],
                title=panel["title"],
                ref_id=target["refId"],
                source=panel["datasource"]["type"],
                expr=substitute(_text(target), {**texts, **built_in}),
                legend=target.get("legendFormat", ""),
                instant=bool(target.get("instant")) or target.get("queryType") == "instant",
                step=step,
                seconds=drawn or shown,
                may_be_empty=panel["fieldConfig"]["defaults"].get("noValue", ""),
                exemplars=bool(target.get("exemplar")),
            )


def _text(target: Mapping[str, Any]) -> str:
    if "expr" in target:
        return str(target["expr"])
    words = [f"service={target.get('service', '')}", str(target.get("tags", ""))]
    words += [f"minDuration={target['minDuration']}"] if target.get("minDuration") else []
    return " ".join(word for word in words if word)


def variable_texts(
    dashboard: Mapping[str, Any], values: Mapping[str, Sequence[str]]
) -> dict[str, str]:
    """Return the text that each variable stands for in a query."""
    texts = {}
    for variable in dashboard.get("templating", {}).get("list", []):
        name = variable["name"]
        if variable["type"] == "query":
            texts[name] = chosen(values.get(name, ()), variable.get("allValue") or ".*")
    return texts


def chosen(values: Sequence[str], all_value: str) -> str:
    """Return a regular expression for the chosen values; none chosen means All."""
    # Grafana leaves quotes as they are, so that such a value ends the text that it stands in.
    escaped = [
        _REGEX_SPECIAL.sub(lambda m: "\\\\" + m.group(), value.replace("\\", "\\\\\\\\"))
        .replace('"', '\\"')
        .replace("\n", "\\n")
        for value in values
    ]
    if not escaped:
        return all_value
    return escaped[0] if len(escaped) == 1 else f"({'|'.join(escaped)})"


def substitute(text: str, variables: Mapping[str, str]) -> str:
    """Return the text with its variables; unknown ones stay, as in Grafana."""
    return _REFERENCE.sub(
        lambda match: variables.get(
            match.group(1) or match.group(2) or match.group(3), match.group()
        ),
        text,
    )


def interval(seconds: float, max_points: int, minimum: float) -> float:
    """Return ``$__interval`` in seconds: the range over the points, rounded, at least minimum."""
    raw = seconds * 1000 / max(1, max_points)
    rounded = next((to for below, to in _ROUNDING if raw < below), _YEAR_MS)
    return max(rounded / 1000, minimum)


def duration(seconds: float) -> str:
    """Return seconds as a PromQL duration: 60 -> ``1m``, 75 -> ``1m15s``, 0.5 -> ``500ms``."""
    milliseconds = round(seconds * 1000)
    if milliseconds % 1000:
        return f"{milliseconds}ms"
    left, text = milliseconds // 1000, ""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m"), (1, "s")):
        count, left = divmod(left, size)
        text += f"{count}{unit}" if count else ""
    return text or "0s"
