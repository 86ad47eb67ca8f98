"""The manifest of the Collector's build: exactly the components that the configuration uses.

The versions are those that compile together; the official contrib image carries all of the
components too.
"""

from __future__ import annotations

from typing import Any

from imsobs.model import conventions

CORE = "go.opentelemetry.io/collector"
CONTRIB = "github.com/open-telemetry/opentelemetry-collector-contrib"
VERSION = f"v{conventions.COLLECTOR_VERSION}"
PROVIDER_VERSION = "v1.66.0"

# Component type -> Go module. A version of its own where v0.160.0 is not on the module proxy.
# Not every such mixture works although it compiles: settings of prometheusexporter v0.155.0
# are silently ignored here, because it embeds an HTTP configuration that since unmarshals
# itself and with it the whole; tests/golden would fail.
_MODULES = {
    "extensions": {
        "health_check": f"{CONTRIB}/extension/healthcheckextension {VERSION}",
        "file_storage": f"{CONTRIB}/extension/storage/filestorage {VERSION}",
        "bearertokenauth": f"{CONTRIB}/extension/bearertokenauthextension {VERSION}",
    },
    "receivers": {
        "otlp": f"{CORE}/receiver/otlpreceiver {VERSION}",
        "http_check": f"{CONTRIB}/receiver/httpcheckreceiver v0.152.0",
    },
    "processors": {
        "memory_limiter": f"{CORE}/processor/memorylimiterprocessor {VERSION}",
        "batch": f"{CORE}/processor/batchprocessor {VERSION}",
        "transform": f"{CONTRIB}/processor/transformprocessor {VERSION}",
        "filter": f"{CONTRIB}/processor/filterprocessor {VERSION}",
        "redaction": f"{CONTRIB}/processor/redactionprocessor {VERSION}",
        "tail_sampling": f"{CONTRIB}/processor/tailsamplingprocessor {VERSION}",
        "delta_to_cumulative": f"{CONTRIB}/processor/deltatocumulativeprocessor {VERSION}",
    },
    "exporters": {
        "prometheus": f"{CONTRIB}/exporter/prometheusexporter v0.159.0",
        "otlp_grpc": f"{CORE}/exporter/otlpexporter {VERSION}",
        "otlp_http": f"{CORE}/exporter/otlphttpexporter {VERSION}",
        "file": f"{CONTRIB}/exporter/fileexporter {VERSION}",
        "nop": f"{CORE}/exporter/nopexporter {VERSION}",
    },
    "connectors": {
        "signal_to_metrics": f"{CONTRIB}/connector/signaltometricsconnector {VERSION}",
        "span_metrics": f"{CONTRIB}/connector/spanmetricsconnector {VERSION}",
        "forward": f"{CORE}/connector/forwardconnector v0.161.0",
    },
}
# Built in although the configuration does not name them: the benchmarks' pass-through, and
# the token check that an exposed Collector turns on.
_ALWAYS = {"exporters": ["nop"], "extensions": ["bearertokenauth"]}


def builder_sections(config: dict[str, Any]) -> dict[str, Any]:
    """Return the builder's manifest for a configuration's sections."""
    sections: dict[str, Any] = {
        "dist": {
            "name": "otelcol-ims",
            "description": "OpenTelemetry Collector with the components that the spec needs",
            "version": VERSION.removeprefix("v"),
            "output_path": "./build",
        }
    }
    for kind, modules in _MODULES.items():
        used = {name.split("/")[0] for name in config[kind]} | set(_ALWAYS.get(kind, ()))
        sections[kind] = [{"gomod": modules[name]} for name in sorted(used)]
    sections["providers"] = [
        {"gomod": f"{CORE}/confmap/provider/{name}provider {PROVIDER_VERSION}"}
        # http: the container's health check reads its own health endpoint with it.
        for name in ("env", "file", "http", "yaml")
    ]
    return sections
