"""Secrets that protect the OTLP ports: which the spec asks for, and the files that hold them."""

from __future__ import annotations

from imsobs.spec.schema.stack import Ingest

# Secret -> file below the folder of secrets.
FILES = {"otlp_token": "otlp_token", "otlp_cert": "otlp_cert.pem", "otlp_key": "otlp_key.pem"}


def secrets(ingest: Ingest) -> list[str]:
    """Return the names of the secrets that the Collector reads."""
    token = ["otlp_token"] if ingest.auth == "bearer" else []
    return [*token, *(["otlp_cert", "otlp_key"] if ingest.tls else [])]
