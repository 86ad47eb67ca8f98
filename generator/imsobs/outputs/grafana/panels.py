"""Panels in Grafana's terms: what all have, and then each as it is shown."""

from __future__ import annotations

import re
from typing import Any

from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models import dashboard as grafana
from grafana_foundation_sdk.models import loki, prometheus

from imsobs.markdown import prose
from imsobs.model import Model
from imsobs.model.dashboards import ResolvedPanel
from imsobs.model.dashboards.queries import Query
from imsobs.outputs.grafana.shapes import SHAPES, UNITS
from imsobs.outputs.grafana.sources import JAEGER, LOKI, PROMETHEUS, JaegerSearch, Kind, data_source
from imsobs.promql import metric_names

# As Grafana writes a reference: $name, ${name}, [[name]].
_VARIABLE = re.compile(r"\$(?=[\w{])|\[(?=\[)")
COLORS = {"ok": "green", "info": "blue", "warning": "orange", "critical": "red"}
NEUTRAL = "text"
# Values whose colour says what they mean, by label.
MEANINGS = {
    "severity": {
        "debug": "gray",
        "info": "blue",
        "warning": "orange",
        "error": "red",
        "critical": "purple",
    },
    "severity_text": {"DEBUG": "gray", "INFO": "blue", "WARN": "orange", "ERROR": "red"},
    "outcome": {"success": "green", "error": "red"},
    "decision": {"allow": "green", "redact": "orange", "deny": "red"},
    "status_class": {"2xx": "green", "3xx": "blue", "4xx": "orange", "5xx": "red"},
}
_SOURCES = {"promql": PROMETHEUS, "logql": LOKI, "logs": LOKI, "traces": JAEGER}


def data_source_kind(panel: ResolvedPanel) -> Kind:
    """Return the kind of data source that a panel asks."""
    return _SOURCES[panel.queries[0].language] if panel.queries else PROMETHEUS


def panel(entry: ResolvedPanel, model: Model) -> grafana.Panel:
    """Return one panel."""
    built = SHAPES[entry.show](entry)
    built.id_val = entry.id
    built.title = entry.title
    built.description = _described(entry.description)
    built.datasource = data_source(data_source_kind(entry))
    place = entry.place
    built.grid_pos = grafana.GridPos(h=place.height, w=place.width, x=place.x, y=place.y)
    built.targets = _targets(entry, model)
    config = built.field_config or grafana.FieldConfigSource()
    defaults = config.defaults or grafana.FieldConfig()
    defaults.unit = UNITS[entry.unit]
    defaults.thresholds = _thresholds(entry)
    if entry.unit == "ratio" and entry.purpose == "ratio":
        defaults.min_val = 0
    if entry.may_be_empty:
        defaults.no_value = entry.may_be_empty
    if entry.unit == "bool":
        defaults.mappings = [_states()]
    if entry.alerts and model.spec.alerting.runbooks:
        built.links = [
            grafana.DashboardLink(
                title=f"Runbook: {alert}",
                type_val=grafana.DashboardLinkType.LINK,
                url=model.alerts[alert].runbook_url,
                target_blank=True,
            )
            for alert in entry.alerts
            if alert in model.alerts
        ]
    config.defaults = defaults
    config.overrides = _meanings(entry)
    built.field_config = config
    return built


def _described(text: str) -> str:
    """Return a description as Grafana's Markdown, without pictures, HTML and variables.

    Grafana fills in variables before it reads the Markdown, those of the person who looks among
    them: a picture's address with ${__user.email} would tell it to anybody.
    """
    return _VARIABLE.sub(lambda found: f"&#{ord(found[0][0])};{found[0][1:]}", prose(text))


def _thresholds(entry: ResolvedPanel) -> grafana.ThresholdsConfig:
    steps = [
        grafana.Threshold(
            value=step.value, color=COLORS[step.level] if len(entry.steps) > 1 else NEUTRAL
        )
        for step in entry.steps
    ]
    return grafana.ThresholdsConfig(mode=grafana.ThresholdsMode.ABSOLUTE, steps=steps)


def _meanings(entry: ResolvedPanel) -> list[grafana.DashboardFieldConfigSourceOverrides]:
    legend = entry.queries[0].legend if len(entry.queries) == 1 else ""
    colors = MEANINGS.get(legend.removeprefix("{{").removesuffix("}}"), {})
    fixed = grafana.FieldColorModeId.FIXED
    return [
        grafana.DashboardFieldConfigSourceOverrides(
            matcher=grafana.MatcherConfig("byName", value),
            properties=[grafana.DynamicConfigValue("color", {"mode": fixed, "fixedColor": color})],
        )
        for value, color in colors.items()
    ]


def _states() -> grafana.ValueMap:
    return grafana.ValueMap(
        options={
            "0": grafana.ValueMappingResult(text="unhealthy", color=COLORS["critical"], index=0),
            "1": grafana.ValueMappingResult(text="healthy", color=COLORS["ok"], index=1),
        }
    )


def _targets(entry: ResolvedPanel, model: Model) -> list[Dataquery]:
    targets: list[Dataquery] = []
    for query in entry.queries:
        targets += _target(entry, query, model, len(targets))
    return targets


def _target(entry: ResolvedPanel, query: Query, model: Model, index: int) -> list[Dataquery]:
    ref_id = chr(ord("A") + index)
    if query.language == "promql":
        return [
            prometheus.Dataquery(
                ref_id=ref_id,
                datasource=data_source(PROMETHEUS),
                expr=query.text,
                legend_format=query.legend,
                instant=query.instant,
                range_val=not query.instant,
                exemplar=_has_exemplars(entry, query, model) or None,
                format_val=_format(entry, query),
                editor_mode=prometheus.QueryEditorMode.CODE,
            )
        ]
    if query.language in ("logql", "logs"):
        return [
            loki.Dataquery(
                ref_id=ref_id,
                datasource=data_source(LOKI),
                expr=query.text,
                legend_format=query.legend or None,
                query_type="instant" if query.instant else "range",
                max_lines=200 if query.language == "logs" else None,
            )
        ]
    words: dict[str, Any] = dict(word.split("=", 1) for word in query.text.split())
    slow = words.pop("minDuration", "")
    tags = " ".join(f"{key}={value}" for key, value in words.items())
    return [
        JaegerSearch(chr(ord("A") + index + offset), service, tags, slow)
        for offset, service in enumerate(model.spec.service.names)
    ]


def _format(entry: ResolvedPanel, query: Query) -> prometheus.PromQueryFormat:
    if query.heatmap:
        return prometheus.PromQueryFormat.HEATMAP
    if entry.show == "table":
        return prometheus.PromQueryFormat.TABLE
    return prometheus.PromQueryFormat.TIME_SERIES


def _has_exemplars(entry: ResolvedPanel, query: Query, model: Model) -> bool:
    """Only histograms of kept traces carry exemplars; others have none to ask for."""
    if query.instant or entry.purpose not in ("percentiles", "heatmap"):
        return False
    series = [model.series[name] for name in metric_names(query.text) if name in model.series]
    metrics = [model.metrics[one.metric] for one in series if one.metric in model.metrics]
    return any(metric.exemplars for metric in metrics)
