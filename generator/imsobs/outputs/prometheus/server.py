"""Plan of stack/prometheus.yaml and its target files."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from imsobs import artifacts
from imsobs.model import Model, conventions
from imsobs.model.reporters import owners
from imsobs.model.series_budget import series_budget
from imsobs.outputs.collector import branches, probe
from imsobs.outputs.network import COMPOSE, NATIVE, Network
from imsobs.pages import JsonPage, Page, YamlPage
from imsobs.shipped import shipped

# Created timestamps travel in this format only.
PROTOCOLS = [
    "PrometheusProto",
    "OpenMetricsText1.0.0",
    "OpenMetricsText0.0.1",
    "PrometheusText1.0.0",
    "PrometheusText0.0.4",
]
FEATURES = ("created-timestamp-zero-ingestion", "exemplar-storage")


def plan(model: Model) -> Iterator[Page]:
    """Yield the configuration, and per way of running one target file for each job."""
    yield YamlPage(artifacts.PROMETHEUS, sections(model), "stack/prometheus.yaml.j2")
    for network in (NATIVE, COMPOSE):
        for job, targets in scrape_targets(model, network).items():
            yield JsonPage(f"{network.targets}/{job}.json", [{"targets": targets}])


def sections(model: Model) -> dict[str, Any]:
    """Return the sections of prometheus.yaml."""
    scrape = model.spec.scrape
    return {
        "global": {
            "scrape_interval": scrape.interval,
            "scrape_timeout": scrape.timeout,
            "evaluation_interval": scrape.interval,
            "scrape_protocols": PROTOCOLS,
        },
        "rule_files": ["../alerts/rules/*.yaml"],
        "alerting": {**_owners(model), "alertmanagers": [_discovery("alertmanager")]},
        "scrape_configs": [_job(job, model) for job in scrape_targets(model, NATIVE)],
    }


def _owners(model: Model) -> dict[str, Any]:
    relabelled = owner_relabelings(model)
    return {"alert_relabel_configs": relabelled} if relabelled else {}


def owner_relabelings(model: Model) -> list[dict[str, Any]]:
    """Return what gives alerts on a service to its owner; empty where no service has one."""
    return [
        {
            "source_labels": [conventions.SERVICE_NAME],
            "regex": name,
            "target_label": "team",
            "replacement": owner,
        }
        for name, owner in owners(model.spec).items()
    ]


def _discovery(job: str) -> dict[str, Any]:
    return {"file_sd_configs": [{"files": [f"targets/{job}.json"]}]}


def _job(job: str, model: Model) -> dict[str, Any]:
    config: dict[str, Any] = {"job_name": job, **_discovery(job)}
    if job in _service_jobs(model):
        # A scraped label of the scrape's own name arrives under these; one job, one meaning.
        drop = {"regex": "|".join(conventions.RENAMED_LABELS), "action": "labeldrop"}
        config["metric_relabel_configs"] = [drop]
    # Ids of processes are open, so their series are scraped apart: too many of them harm no
    # counter of the service and no probe.
    if limit := series_budget(model.spec, model.metrics).limits.get(job):
        config["sample_limit"] = limit
    return config


def _service_jobs(model: Model) -> dict[str, list[int]]:
    """Return job -> ports of the Collector at which the series of the service are."""
    namespace, ports = model.spec.service.namespace, model.spec.stack.otelcol.ports
    at = {"processes": ports.processes, "state": ports.state}
    jobs = {conventions.scrape_job(namespace, what): [port] for what, port in at.items()}
    used = {job: jobs[job] for job in series_budget(model.spec, model.metrics).limits}
    # The Collector opens the port of an exporter that something is exposed by.
    own = [(ports.metrics, branches.is_on(model)), (ports.current, probe.is_on(model))]
    metrics = [port for port, opened in own if opened]
    return {conventions.scrape_job(namespace, "metrics"): metrics, **used}


def scrape_targets(model: Model, network: Network) -> dict[str, list[str]]:
    """Return job -> targets."""
    stack = model.spec.stack
    ports = stack.otelcol.ports
    return {
        **{
            job: [network.at("otelcol", port) for port in own]
            for job, own in _service_jobs(model).items()
        },
        "otelcol": [network.at("otelcol", ports.telemetry)],
        "prometheus": [network.at("prometheus", stack.prometheus.ports.http)],
        "alertmanager": [network.at("alertmanager", stack.alertmanager.ports.http)],
        **_target("jaeger", stack.jaeger.ports.telemetry if stack.jaeger else None, network),
        **_target("loki", stack.loki.ports.http if stack.loki else None, network),
        **_target("grafana", stack.grafana.ports.http if stack.grafana else None, network),
    }


def _target(component: str, port: int | None, network: Network) -> dict[str, list[str]]:
    """Return the job of a component that the stack may lack.

    Natively those that are not built here are not expected.
    """
    if port is None:
        return {}
    built_here = not shipped().components[component].optional
    return {component: [network.at(component, port)] if built_here or network is COMPOSE else []}


def flags(model: Model, address: str, config: str, data: str) -> list[str]:
    """Return Prometheus' command line.

    No --web.enable-lifecycle: a page in any browser of this machine could POST /-/quit.
    """
    limit = model.spec.stack.prometheus.size_limit_mib
    return [
        f"--config.file={config}",
        f"--storage.tsdb.path={data}",
        f"--storage.tsdb.retention.time={model.spec.retention.metrics}",
        *([f"--storage.tsdb.retention.size={limit}MB"] if limit else []),
        f"--enable-feature={','.join(FEATURES)}",
        # No page of another origin may read an answer; the default lets all.
        "--web.cors.origin=none",
        f"--web.listen-address={address}:{model.spec.stack.prometheus.ports.http}",
    ]
