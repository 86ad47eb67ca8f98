"""With which versions all this was tested."""

from __future__ import annotations

from opentelemetry.exporter.otlp.proto.common.version import __version__ as _encoder
from opentelemetry.exporter.otlp.proto.http.version import __version__ as _exporter
from opentelemetry.sdk.version import __version__ as _sdk

# Minor versions, by distribution. A new one: run tests/unit/test_exporter*.py with it.
TESTED = {
    "opentelemetry-sdk": ("1.45",),
    "opentelemetry-exporter-otlp-proto-common": ("1.45",),
    "opentelemetry-exporter-otlp-proto-http": ("1.45",),
}


def installed() -> dict[str, str]:
    """Return the versions that are installed, by distribution."""
    return dict(zip(TESTED, (_sdk, _encoder, _exporter), strict=True))


def untested() -> str:
    """Return what is installed and was not tested with, in words; empty when all was."""
    found = [
        f"{name} {version}"
        for name, version in installed().items()
        if ".".join(version.split(".")[:2]) not in TESTED[name]
    ]
    return ", ".join(found)
