"""A run told to the Collector: one log record, which the pack ``drift`` counts."""

from __future__ import annotations

import os
from collections.abc import Sequence

import httpx

from imsobs.errors import ExitCode, ImsobsError
from imsobs.model import Model
from imsobs.runtime.drift.compare import Difference
from imsobs.runtime.drill import otlp
from imsobs.runtime.loopback import loopback_client
from imsobs.spec.schema.drills import Send

EVENT = "configuration_compared"
_SECONDS = 10.0
_LONGEST = 4_000


def report(found: Sequence[Difference], model: Model) -> None:
    """Send the number of differences, and what they are, as a record of the first service.

    Its environment is that of IMSOBS_ENVIRONMENT, as the service's own is. Raises ImsobsError
    (INPUT) when the spec has no such event, (OUTSIDE) when the Collector does not take it.
    """
    if EVENT not in model.spec.events:
        raise ImsobsError(
            f"the spec has no event {EVENT}, so nothing counts a report",
            remedy="add drift to use",
            exit_code=ExitCode.INPUT,
        )
    text = "\n".join(difference.line for difference in found) or "what runs is what is rendered"
    send = Send(event=EVENT, count=1, body=text[:_LONGEST], attributes={"differences": len(found)})
    environment = os.environ.get("IMSOBS_ENVIRONMENT") or model.spec.service.environments[0]
    path, body = otlp.body(send, model.spec.service.names[0], model.spec, 0, environment)
    url = f"http://127.0.0.1:{model.spec.stack.otelcol.ports.otlp_http}{path}"
    try:
        with loopback_client(_SECONDS) as client:
            client.post(url, json=body).raise_for_status()
    except httpx.HTTPError as error:
        raise ImsobsError(
            f"the Collector does not take the report at {url}: {error}", remedy="imsobs status"
        ) from error
