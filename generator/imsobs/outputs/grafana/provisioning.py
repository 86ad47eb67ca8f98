"""Plan of stack/grafana/provisioning: data sources joined by trace id, and dashboards.

Grafana expands ``$NAME`` in these files itself; its own ``${__value.raw}`` is text here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from imsobs import artifacts
from imsobs.model import Model
from imsobs.outputs.network import Network, grafana_environment
from imsobs.outputs.references import GRAFANA, Reference, Value, written
from imsobs.pages import Page, YamlPage
from imsobs.spec.schema.stack import Grafana

_FOLDER = artifacts.GRAFANA_PROVISIONING


def plan(model: Model) -> Iterator[Page]:
    """Yield the data sources and the dashboard provider when the stack has Grafana."""
    if not model.spec.stack.grafana:
        return
    datasources = {"apiVersion": 1, "prune": True, "datasources": data_sources(model)}
    yield YamlPage(f"{_FOLDER}/datasources/datasources.yaml", written(datasources, GRAFANA))
    yield YamlPage(f"{_FOLDER}/dashboards/dashboards.yaml", written(_provider(model), GRAFANA))


def data_sources(model: Model) -> list[dict[str, Any]]:
    """Return the data sources; their addresses are references (``outputs.network``)."""
    stack = model.spec.stack
    stores = [*([_loki(model)] if stack.loki else []), *([_jaeger(model)] if stack.jaeger else [])]
    return [_prometheus(model), *stores, _alertmanager()]


def _source(name: str, kind: str, url: Value, json: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "uid": kind,
        "type": kind,
        "access": "proxy",
        "url": url,
        "editable": False,
        **more,
        "jsonData": json,
    }


def _prometheus(model: Model) -> dict[str, Any]:
    json: dict[str, Any] = {
        "httpMethod": "POST",
        "prometheusType": "Prometheus",
        "timeInterval": model.spec.scrape.interval,
        "manageAlerts": False,
    }
    if model.spec.stack.jaeger:
        json["exemplarTraceIdDestinations"] = [{"name": "trace_id", "datasourceUid": "jaeger"}]
    return _source(
        "Prometheus", "prometheus", Reference("IMSOBS_PROMETHEUS_URL"), json, isDefault=True
    )


def _loki(model: Model) -> dict[str, Any]:
    json: dict[str, Any] = {"manageAlerts": False}
    if model.spec.stack.jaeger:
        json["derivedFields"] = [
            {
                "name": "trace_id",
                # Structured metadata is matched as a label, not inside the line.
                "matcherType": "label",
                "matcherRegex": "trace_id",
                "datasourceUid": "jaeger",
                "url": "${__value.raw}",
                "urlDisplayLabel": "Show the trace",
            }
        ]
    return _source("Loki", "loki", Reference("IMSOBS_LOKI_URL"), json)


def _jaeger(model: Model) -> dict[str, Any]:
    json: dict[str, Any] = {
        "nodeGraph": {"enabled": True},
        "traceIdTimeParams": {"enabled": True},
    }
    if model.spec.stack.loki:
        json["tracesToLogsV2"] = {
            "datasourceUid": "loki",
            "spanStartTimeShift": "-5m",
            "spanEndTimeShift": "5m",
            "customQuery": True,
            "tags": [{"key": "service.name", "value": "service_name"}],
            "query": _trace_logs_query(),
        }
    return _source("Jaeger", "jaeger", Reference("IMSOBS_JAEGER_URL"), json)


def _trace_logs_query() -> str:
    # ${__tags} becomes the label matchers of ``tags``.
    return '{${__tags}} | trace_id="${__trace.traceId}"'


def _alertmanager() -> dict[str, Any]:
    json = {"implementation": "prometheus", "handleGrafanaManagedAlerts": False}
    return _source("Alertmanager", "alertmanager", Reference("IMSOBS_ALERTMANAGER_URL"), json)


def _provider(model: Model) -> dict[str, Any]:
    return {
        "apiVersion": 1,
        "providers": [
            {
                "name": model.spec.service.namespace,
                "type": "file",
                "folder": model.spec.service.namespace.upper(),
                # What the spec says is what is shown; an edit in the browser would be lost.
                "allowUiUpdates": False,
                "disableDeletion": True,
                "updateIntervalSeconds": 30,
                "options": {"path": Reference("IMSOBS_DASHBOARDS")},
            }
        ],
    }


def settings(
    model: Model, grafana: Grafana, network: Network, dashboards: str, provisioning: str
) -> dict[str, str]:
    """Return Grafana's environment but for password and folders of its data."""
    return {
        "GF_SERVER_HTTP_ADDR": network.bind,
        "GF_SERVER_HTTP_PORT": str(grafana.ports.http),
        "GF_PATHS_PROVISIONING": provisioning,
        "GF_LOG_MODE": "console",
        "GF_AUTH_ANONYMOUS_ENABLED": "false",
        "GF_USERS_ALLOW_SIGN_UP": "false",
        "GF_SECURITY_COOKIE_SAMESITE": "strict",
        "GF_SECURITY_DISABLE_GRAVATAR": "true",
        "GF_ANALYTICS_REPORTING_ENABLED": "false",
        "GF_ANALYTICS_CHECK_FOR_UPDATES": "false",
        "GF_ANALYTICS_CHECK_FOR_PLUGIN_UPDATES": "false",
        "GF_NEWS_NEWS_FEED_ENABLED": "false",
        "GF_PLUGINS_PREINSTALL_DISABLED": "true",
        "GF_PLUGINS_PLUGIN_ADMIN_ENABLED": "false",
        "GF_UNIFIED_ALERTING_ENABLED": "false",
        **grafana_environment(model, network, dashboards),
    }
