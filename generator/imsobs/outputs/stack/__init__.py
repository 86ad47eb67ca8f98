"""Plan of stack/: what the components are started with, in containers and natively.

The same files serve both ways of running. What differs between them (addresses, folders)
comes from the environment, from flags, or, for Prometheus, which reads neither, from
target files of which there is one set for each (docs/adr/0005-one-configuration.md).
"""

from __future__ import annotations

from collections.abc import Iterator

from imsobs.model import Model
from imsobs.outputs.grafana import provisioning as grafana
from imsobs.outputs.logs import loki, promtail
from imsobs.outputs.prometheus import server as prometheus
from imsobs.outputs.stack import compose, env_example, ingest, native
from imsobs.outputs.traces import jaeger
from imsobs.pages import Page


def plan(model: Model) -> Iterator[Page]:
    """Yield every page of the stack."""
    for product in (prometheus, jaeger, loki, promtail, grafana, ingest, compose, native):
        yield from product.plan(model)
    yield env_example.page(model)
