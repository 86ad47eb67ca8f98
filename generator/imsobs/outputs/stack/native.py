"""Plan of stack/native.yaml: what the native runtime finds, builds and starts.

Its model is imsobs.runtime.process.plan.Plan, which the tests hold this output against.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from imsobs import artifacts
from imsobs.model import Model, conventions, ingest
from imsobs.model.expected import cause, expectations
from imsobs.outputs import references
from imsobs.outputs.collector import CollectorPlan
from imsobs.outputs.collector.settings import LOGS, runtime
from imsobs.outputs.grafana import provisioning as grafana
from imsobs.outputs.network import LOKI_PATH, NATIVE, collector_environment
from imsobs.outputs.prometheus import server as prometheus
from imsobs.outputs.stack import ingest as ingest_plan
from imsobs.pages import Page, YamlPage
from imsobs.shipped import shipped
from imsobs.spec.schema.stack import Grafana, Jaeger, Loki

_STATE = "${IMSOBS_STATE}"
# Certificates and proxies, as Go reads them.
_OUTSIDE = ("SSL_CERT_FILE", "SSL_CERT_DIR", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
_LOG_PIPELINE = "logs/store"
# Where Grafana's packages install it; its front end and defaults are found from there.
_GRAFANA_HOME = "/usr/share/grafana"


def plan(model: Model, collected: CollectorPlan) -> Iterator[Page]:
    """Yield native.yaml."""
    stack = model.spec.stack
    api = {
        "prometheus": _url(stack.prometheus.ports.http),
        "jaeger": _url(stack.jaeger.ports.http) if stack.jaeger else None,
    }
    sections = {
        "versions": versions(model),
        "processes": _processes(model, collected),
        "api": api,
        "queries": _queries(),
    }
    if expected := _expected(model):
        sections["expected"] = expected
    yield YamlPage(artifacts.NATIVE, sections)


def _url(port: int, path: str = "") -> str:
    return f"http://127.0.0.1:{port}{path}"


def _queries() -> dict[str, str]:
    # Jaeger counts under the same names: only the Collector's job is asked.
    names = {
        "spans_received": "otelcol_receiver_accepted_spans_total",
        "logs_received": "otelcol_receiver_accepted_log_records_total",
        "metric_points_received": "otelcol_receiver_accepted_metric_points_total",
    }
    return {key: f'sum({name}{{job="otelcol"}})' for key, name in names.items()}


def _expected(model: Model) -> dict[str, Any]:
    """Return what ``status`` asks about sources that are expected; empty without any."""
    spec = model.spec
    of = {
        name: {"cause": cause(given, spec), "within": given.within, "hint": given.hint}
        for name, given in expectations(spec).items()
    }
    if not of:
        return {}
    namespace = spec.service.namespace
    return {
        "causes": conventions.expected_causes(namespace),
        "seen": conventions.expected_seen(namespace),
        "of": of,
    }


def versions(model: Model) -> dict[str, str]:
    """Return component -> version; how each is found and built is not the spec's to say."""
    there = model.spec.stack.components()
    return {
        name: there[name].version
        for name in shipped().versions()
        if name in there and name != "gateway"
    }


def _processes(model: Model, collected: CollectorPlan) -> dict[str, Any]:
    """Return the processes in start order: stores first, then who sends to them."""
    stack = model.spec.stack
    return {
        **({"jaeger": _jaeger(stack.jaeger)} if stack.jaeger else {}),
        **({"loki": _loki(stack.loki)} if stack.loki else {}),
        "otelcol": _otelcol(model, collected),
        "alertmanager": _alertmanager(model),
        "prometheus": _prometheus(model),
        **({"grafana": _grafana(model, stack.grafana)} if stack.grafana else {}),
    }


def _loki(loki: Loki) -> dict[str, Any]:
    return {
        "component": "loki",
        "args": ["-config.file=stack/loki.yaml", "-config.expand-env=true"],
        "env": {
            "IMSOBS_BIND_ADDRESS": NATIVE.bind,
            "IMSOBS_LOKI_DATA": f"{_STATE}/data/loki",
            "IMSOBS_LOKI_PREFIX": LOKI_PATH,
        },
        "ports": {"http": loki.ports.http, "grpc": loki.ports.grpc},
        "ready": _url(loki.ports.http, f"{LOKI_PATH}/ready"),
        "files": [artifacts.LOKI],
        "dirs": [f"{_STATE}/data/loki"],
    }


def _jaeger(jaeger: Jaeger) -> dict[str, Any]:
    ports = jaeger.ports
    return {
        "component": "jaeger",
        "args": ["--config", artifacts.JAEGER],
        "env": {"IMSOBS_BIND_ADDRESS": NATIVE.bind, "IMSOBS_JAEGER_DATA": f"{_STATE}/data/jaeger"},
        "ports": ports.model_dump(),
        "ready": _url(ports.health, "/"),
        "url": _url(ports.http),
        "files": [artifacts.JAEGER],
        "dirs": [f"{_STATE}/data/jaeger"],
    }


def _otelcol(model: Model, collected: CollectorPlan) -> dict[str, Any]:
    ports = model.spec.stack.otelcol.ports
    extra = [artifacts.COLLECTOR_INGEST] if ingest.secrets(model.spec.stack.ingest) else []
    files = [artifacts.COLLECTOR, *extra]
    settings = {**runtime(model), **collector_environment(model, NATIVE)}
    to_loki = {"loki": ["--config", _logs_to_loki(collected)]}
    with_loki = {"args_with": to_loki} if model.spec.stack.loki else {}
    refers = references.names(collected.sections)
    if extra:
        refers |= references.names(ingest_plan.sections(model))
    return {
        "component": "otelcol",
        "args": [part for file in files for part in ("--config", file)],
        **with_loki,
        "env": settings,
        "reads": sorted(refers - set(settings) - {"IMSOBS_STATE"}),
        "ports": ports.model_dump(),
        "ready": _url(ports.health, "/"),
        "files": files,
        "dirs": [f"{_STATE}/queue"],
        "queues": [f"{_STATE}/queue"],
    }


def _logs_to_loki(collected: CollectorPlan) -> str:
    """Return a configuration in one argument that sends logs to Loki instead of the file."""
    exporters = collected.pipelines[_LOG_PIPELINE]["exporters"]
    others = [name for name in exporters if isinstance(name, str)]
    listing = ", ".join([LOGS, *others])
    return f"yaml:service::pipelines::{_LOG_PIPELINE}::exporters: [{listing}]"


def _alertmanager(model: Model) -> dict[str, Any]:
    port = model.spec.stack.alertmanager.ports.http
    data = f"{_STATE}/data/alertmanager"
    return {
        "component": "alertmanager",
        "args": alertmanager_flags(NATIVE.bind, port, artifacts.ALERTMANAGER, data),
        # The one that calls out: chat, pager, mail.
        "reads": list(_OUTSIDE),
        "ports": {"http": port},
        "ready": _url(port, "/-/ready"),
        "url": _url(port),
        "files": [artifacts.ALERTMANAGER, artifacts.NOTIFICATION_TEMPLATES],
        "reload": _url(port, "/-/reload"),
        "dirs": [data],
    }


def alertmanager_flags(address: str, port: int, config: str, data: str) -> list[str]:
    """Return Alertmanager's command line: alone, without its gossip port."""
    return [
        f"--config.file={config}",
        f"--storage.path={data}",
        f"--web.listen-address={address}:{port}",
        "--cluster.listen-address=",
    ]


def _prometheus(model: Model) -> dict[str, Any]:
    port = model.spec.stack.prometheus.ports.http
    data = f"{_STATE}/data/prometheus"
    # Absolute: it works in the folder of its page.
    config = f"${{IMSOBS_ROOT}}/{artifacts.PROMETHEUS}"
    return {
        "component": "prometheus",
        "args": prometheus.flags(model, NATIVE.bind, config, data),
        "ports": {"http": port},
        "ready": _url(port, "/-/ready"),
        "url": _url(port),
        "files": [artifacts.PROMETHEUS, artifacts.RULES],
        "reload": "HUP",
        "page": "prometheus-page",
        "dirs": [data],
    }


def _grafana(model: Model, component: Grafana) -> dict[str, Any]:
    port = component.ports.http
    root = "${IMSOBS_ROOT}"
    environment = {
        **grafana.settings(
            model, component, NATIVE, f"{root}/dashboards", f"{root}/stack/grafana/provisioning"
        ),
        "GF_PATHS_DATA": f"{_STATE}/data/grafana",
        "GF_PATHS_LOGS": f"{_STATE}/data/grafana/log",
        "GF_PATHS_PLUGINS": f"{_STATE}/data/grafana/plugins",
        "GF_SECURITY_ADMIN_PASSWORD": "$__file{secrets/grafana_admin_password}",
    }
    return {
        "component": "grafana",
        "args": ["server", f"--homepath={_GRAFANA_HOME}"],
        "env": environment,
        "ports": {"http": port},
        "ready": _url(port, "/api/health"),
        "url": _url(port),
        "files": [artifacts.GRAFANA_PROVISIONING],
        "dirs": [f"{_STATE}/data/grafana"],
    }
