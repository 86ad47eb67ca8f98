"""Grafana's provisioning files, as far as the rendered ones may use them."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from imsobs.runtime.verify.models import Documented


class ExemplarDestination(Documented):
    name: str
    datasourceUid: str


class PrometheusJson(Documented):
    httpMethod: Literal["POST", "GET"]
    prometheusType: Literal["Prometheus", "Cortex", "Mimir", "Thanos"]
    timeInterval: str
    manageAlerts: bool
    exemplarTraceIdDestinations: list[ExemplarDestination]


class DerivedField(Documented):
    name: str
    matcherType: Literal["regex", "label"]
    matcherRegex: str
    datasourceUid: str
    url: str
    urlDisplayLabel: str


class LokiJson(Documented):
    manageAlerts: bool
    derivedFields: list[DerivedField]


class Tag(Documented):
    key: str
    value: str


class TracesToLogs(Documented):
    datasourceUid: str
    spanStartTimeShift: str
    spanEndTimeShift: str
    tags: list[Tag]
    customQuery: bool
    query: str


class Switch(Documented):
    enabled: bool


class JaegerJson(Documented):
    nodeGraph: Switch
    traceIdTimeParams: Switch
    tracesToLogsV2: TracesToLogs


class AlertmanagerJson(Documented):
    implementation: Literal["prometheus", "cortex", "mimir"]
    handleGrafanaManagedAlerts: bool


class Datasource(Documented):
    name: str
    uid: str
    type: Literal["prometheus", "loki", "jaeger", "alertmanager"]
    access: Literal["proxy"]
    url: str
    isDefault: bool = False
    editable: bool
    jsonData: PrometheusJson | LokiJson | JaegerJson | AlertmanagerJson


class DatasourcesFile(Documented):
    """provisioning/datasources/*.yaml."""

    apiVersion: Literal[1]
    prune: bool = False
    datasources: list[Datasource]


class ProviderOptions(Documented):
    path: str
    foldersFromFilesStructure: bool = False


class Provider(Documented):
    name: str
    type: Literal["file"]
    folder: str
    allowUiUpdates: bool
    disableDeletion: bool
    updateIntervalSeconds: int = Field(ge=1)
    options: ProviderOptions


class DashboardsFile(Documented):
    """provisioning/dashboards/*.yaml."""

    apiVersion: Literal[1]
    providers: list[Provider]
