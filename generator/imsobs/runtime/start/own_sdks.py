"""SDKs that a program makes by itself: the same settings, as variables of the environment.

The rendered file configures the SDK of the auto-instrumentation only. LiteLLM's newer spans
(LITELLM_OTEL_V2) come from one of its own, which must say who it is, and send to the same place.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

from imsobs import yamlio

_DEFAULTED = re.compile(r"\$\{(\w+)(?::-([^}]*))?\}")
_DESCRIPTION = "OTEL_RESOURCE_ATTRIBUTES"
# With the newer spans the proxy tells the time to the first token and no prompts, and no call where
# none was made. They leave out calls of the library that are not asynchronous.
_OF_PROGRAM = {"litellm": {"LITELLM_OTEL_V2": "true"}}
# The library has a span for each call of a model, also within a request that has one.
_OF_DISTRIBUTION = {"litellm": {"USE_OTEL_LITELLM_REQUEST_SPAN": "true"}}


def variables(
    text: str, program: str, installed: dict[str, str], environment: dict[str, str]
) -> dict[str, str]:
    """Return the variables to add; nothing that is set is replaced.

    text: of the rendered otel-sdk.yaml. installed: distributions beside the service.
    """
    settings: Any = yamlio.parse(text)
    batch = settings["tracer_provider"]["processors"][0]["batch"]
    (exporter,) = batch["exporter"].values()
    found = {
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_BSP_SCHEDULE_DELAY": str(batch["schedule_delay"]),
        "OTEL_BSP_MAX_QUEUE_SIZE": str(batch["max_queue_size"]),
    }
    if headers := exporter.get("headers"):
        sent = (f"{one['name']}={quote(_read(one['value'], environment))}" for one in headers)
        found["OTEL_EXPORTER_OTLP_HEADERS"] = ",".join(sent)
    if tls := exporter.get("tls"):
        found["OTEL_EXPORTER_OTLP_CERTIFICATE"] = _read(tls["ca_file"], environment)
    found |= _OF_PROGRAM.get(program, {})
    for name, more in _OF_DISTRIBUTION.items():
        if name in installed:
            found |= more
    missing = {name: value for name, value in found.items() if not environment.get(name)}
    said = environment.get(_DESCRIPTION, "")
    told = {part.partition("=")[0].strip() for part in said.split(",")}
    own = [
        f"{one['name']}={quote(_read(one['value'], environment))}"
        for one in settings["resource"]["attributes"]
        if one["name"] not in told
    ]
    return {**missing, _DESCRIPTION: ",".join([*own, said] if said else own)}


def _read(value: str, environment: dict[str, str]) -> str:
    """Return a value of the file, in which ``${NAME:-default}`` asks the environment."""
    return _DEFAULTED.sub(
        lambda found: environment.get(found.group(1)) or found.group(2) or "", str(value)
    )
