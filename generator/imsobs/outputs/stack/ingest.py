"""Plan of collector/ingest.yaml: token and TLS on the OTLP ports, when the spec asks for it.

A second file that the Collector lays over collector/config.yaml; lists replace, so the
extensions of the first are repeated here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from imsobs import artifacts
from imsobs.model import Model, ingest
from imsobs.outputs.collector.settings import extensions
from imsobs.outputs.references import COLLECTOR, Reference, written
from imsobs.pages import Page, YamlPage

_AUTH = "bearertokenauth"
# Secret -> variable that names its file.
VARIABLES = {
    "otlp_token": "IMSOBS_OTLP_TOKEN_FILE",
    "otlp_cert": "IMSOBS_OTLP_CERT_FILE",
    "otlp_key": "IMSOBS_OTLP_KEY_FILE",
}


def plan(model: Model) -> Iterator[Page]:
    """Yield the page when there is anything to protect with."""
    if ingest.secrets(model.spec.stack.ingest):
        yield YamlPage(
            artifacts.COLLECTOR_INGEST, written(sections(model), COLLECTOR), "stack/ingest.yaml.j2"
        )


def sections(model: Model) -> dict[str, Any]:
    """Return the sections laid over the Collector's configuration."""
    chosen = model.spec.stack.ingest
    protocol: dict[str, Any] = {}
    if chosen.auth == "bearer":
        protocol["auth"] = {"authenticator": _AUTH}
    if chosen.tls:
        protocol["tls"] = {
            "cert_file": _file("otlp_cert"),
            "key_file": _file("otlp_key"),
            "min_version": "1.2",
            "reload_interval": "1h",
        }
    added = {_AUTH: {"filename": _file("otlp_token")}} if chosen.auth == "bearer" else {}
    return {
        "extensions": added,
        "receivers": {"otlp": {"protocols": {"grpc": protocol, "http": protocol}}},
        "service": {
            "extensions": [*extensions(model), *added],
            # Refused requests are counted by status code at this level only.
            "telemetry": {"metrics": {"level": "detailed"}},
        },
    }


def _file(secret: str) -> Reference:
    return Reference(VARIABLES[secret], f"secrets/{ingest.FILES[secret]}")
