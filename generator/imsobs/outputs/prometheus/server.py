"""Plan of stack/prometheus.yaml and its target files."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from imsobs import artifacts
from imsobs.model import Model
from imsobs.outputs.places import COMPOSE, NATIVE, Place
from imsobs.pages import JsonPage, Page, YamlPage

# The job of the series that are derived from the service's signals.
DERIVED_JOB = "ims-metrics"
# Created timestamps travel in this format only.
_PROTOCOLS = [
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
    for place in (NATIVE, COMPOSE):
        for job, targets in place_targets(model, place).items():
            yield JsonPage(f"{place.targets}/{job}.json", [{"targets": targets}])


def sections(model: Model) -> dict[str, Any]:
    """Return the sections of prometheus.yaml."""
    scrape = model.spec.scrape
    return {
        "global": {
            "scrape_interval": scrape.interval,
            "scrape_timeout": scrape.timeout,
            "evaluation_interval": scrape.interval,
            "scrape_protocols": _PROTOCOLS,
        },
        "rule_files": ["../alerts/rules/*.yaml"],
        "alerting": {"alertmanagers": [_discovery("alertmanager")]},
        "scrape_configs": [_job(job) for job in place_targets(model, NATIVE)],
    }


def _discovery(job: str) -> dict[str, Any]:
    return {"file_sd_configs": [{"files": [f"targets/{job}.json"]}]}


def _job(job: str) -> dict[str, Any]:
    config: dict[str, Any] = {"job_name": job, **_discovery(job)}
    if job == DERIVED_JOB:
        # A scraped label of the scrape's own name arrives under these; one job, one meaning.
        drop = {"regex": "exported_(job|instance)", "action": "labeldrop"}
        config["metric_relabel_configs"] = [drop]
    return config


def place_targets(model: Model, place: Place) -> dict[str, list[str]]:
    """Return job -> targets. Natively the optional components are not expected."""
    stack = model.spec.stack
    ports = stack.otelcol.ports
    optional = place is COMPOSE
    return {
        DERIVED_JOB: [place.at("otelcol", ports.metrics), place.at("otelcol", ports.current)],
        "otelcol": [place.at("otelcol", ports.telemetry)],
        "prometheus": [place.at("prometheus", stack.prometheus.ports.http)],
        "alertmanager": [place.at("alertmanager", stack.alertmanager.ports.http)],
        "jaeger": [place.at("jaeger", stack.jaeger.ports.telemetry)],
        "loki": [place.at("loki", stack.loki.ports.http)] if optional else [],
        "grafana": [place.at("grafana", stack.grafana.ports.http)] if optional else [],
    }


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
