"""Plan of stack/: what Prometheus, Jaeger, Loki, Promtail, Grafana, compose and the native
runtime are started with.

The same files serve both ways of running. What differs between them (addresses, folders)
comes from the environment, from flags, or, for Prometheus, which reads neither, from
target files of which there is one set for each (docs/adr/0005-one-configuration.md).
"""

from __future__ import annotations

from collections.abc import Iterator

from generator.model import Model
from generator.outputs.stack import (
    compose,
    env_example,
    grafana,
    ingest,
    jaeger,
    loki,
    native,
    prometheus,
    promtail,
)
from generator.render import Page


def plan(model: Model) -> Iterator[Page]:
    """Yield every page of the stack."""
    for product in (prometheus, jaeger, loki, promtail, grafana, ingest, compose, native):
        yield from product.plan(model)
    yield env_example.page(model)
