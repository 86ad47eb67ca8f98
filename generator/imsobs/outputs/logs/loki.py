"""Plan of stack/loki.yaml: one process, filesystem store, logs in by OTLP."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from typing import Any

from imsobs import artifacts
from imsobs.model import Model
from imsobs.outputs.collector.settings import LARGEST_BATCH_MIB
from imsobs.outputs.references import LOKI, Reference, join, written
from imsobs.pages import Page, YamlPage
from imsobs.spec.schema.base import seconds
from imsobs.spec.schema.stack import Loki

# Read by Loki itself with -config.expand-env=true.
_BIND = Reference("IMSOBS_BIND_ADDRESS", "127.0.0.1")
_DATA = Reference("IMSOBS_LOKI_DATA", ".imsobs/data/loki")
# A path that no page in a browser can guess: natively the state folder's own, in containers none,
# as the port is not published. GET /ingester/shutdown would end Loki, whoever asks.
_PATH = Reference("IMSOBS_LOKI_PREFIX", "")
# Resource attributes that become labels; every other field is structured metadata. A short
# list keeps streams few: one per service and environment.
INDEX_ATTRIBUTES = ("service.name", "deployment.environment.name")


def plan(model: Model) -> Iterator[Page]:
    """Yield loki.yaml when the stack has Loki."""
    if loki := model.spec.stack.loki:
        yield YamlPage(artifacts.LOKI, written(sections(model, loki), LOKI), "stack/loki.yaml.j2")


def sections(model: Model, loki: Loki) -> dict[str, Any]:
    """Return the sections of loki.yaml."""
    return {
        # One tenant; who may reach the port is decided outside (loopback, network).
        "auth_enabled": False,
        "analytics": {"reporting_enabled": False},
        "server": {
            "http_listen_address": _BIND,
            "http_listen_port": loki.ports.http,
            "http_path_prefix": _PATH,
            "grpc_listen_address": "127.0.0.1",
            "grpc_listen_port": loki.ports.grpc,
            "log_level": "warn",
        },
        "common": {
            "instance_addr": "127.0.0.1",
            "path_prefix": _DATA,
            "replication_factor": 1,
            "ring": {"instance_addr": "127.0.0.1", "kvstore": {"store": "inmemory"}},
            "storage": {
                "filesystem": {
                    "chunks_directory": join(_DATA, "/chunks"),
                    "rules_directory": join(_DATA, "/rules"),
                }
            },
        },
        # Alone in its ring, it has no neighbours to wait for (15 s by default).
        "ingester": {"lifecycler": {"min_ready_duration": "0s"}},
        "schema_config": {
            "configs": [
                {
                    "from": datetime.date(2024, 1, 1),
                    "store": "tsdb",
                    "object_store": "filesystem",
                    "schema": "v13",
                    "index": {"prefix": "index_", "period": "24h"},
                }
            ]
        },
        "compactor": {
            "working_directory": join(_DATA, "/compactor"),
            "retention_enabled": True,
            "delete_request_store": "filesystem",
        },
        "limits_config": limits(model, loki),
    }


def limits(model: Model, loki: Loki) -> dict[str, Any]:
    """Return the limits: retention, label list, longest line, oldest record."""
    return {
        "retention_period": f"{seconds(model.spec.retention.logs) // 3600}h",
        "reject_old_samples": True,
        "reject_old_samples_max_age": f"{seconds(loki.max_age) // 3600}h",
        "max_line_size": f"{loki.max_line_kib}KB",
        "max_line_size_truncate": True,
        "allow_structured_metadata": True,
        "max_structured_metadata_size": "128KB",
        # The level is found the same way whichever route a record took.
        "discover_log_levels": True,
        # Logs are deleted by retention alone, never by a request.
        "deletion_mode": "disabled",
        # Labels come from the list below only, also for records that Promtail pushes.
        "discover_service_name": [],
        # A service is one stream. After an outage the Collector sends what waited, by the MiB;
        # a batch beyond the burst would be refused again and again.
        "ingestion_rate_mb": LARGEST_BATCH_MIB,
        "ingestion_burst_size_mb": 2 * LARGEST_BATCH_MIB,
        "per_stream_rate_limit": f"{LARGEST_BATCH_MIB}MB",
        "per_stream_rate_limit_burst": f"{2 * LARGEST_BATCH_MIB}MB",
        "otlp_config": {
            "resource_attributes": {
                "ignore_defaults": True,
                "attributes_config": [
                    {"action": "index_label", "attributes": list(INDEX_ATTRIBUTES)}
                ],
            }
        },
    }
