"""Plan of stack/: what the components are started with, in containers and natively.

The same files serve both ways of running. What differs between them (addresses, folders)
comes from the environment, from flags, or, for Prometheus, which reads neither, from
target files of which there is one set for each (docs/adr/0005-one-configuration.md).
"""

from __future__ import annotations

from collections.abc import Iterator

from imsobs.model import Model
from imsobs.outputs.collector import CollectorPlan
from imsobs.outputs.grafana import provisioning as grafana
from imsobs.outputs.logs import loki, promtail
from imsobs.outputs.prometheus import server as prometheus
from imsobs.outputs.stack import compose, env_example, ingest, native
from imsobs.outputs.traces import jaeger
from imsobs.pages import Page


def plan(model: Model, collected: CollectorPlan) -> Iterator[Page]:
    """Yield every page of the stack."""
    components = model.spec.stack.components()
    products = {
        "prometheus": list(prometheus.plan(model)),
        "jaeger": list(jaeger.plan(model)),
        "loki": list(loki.plan(model)),
        "promtail": list(promtail.plan(model)),
        "grafana": list(grafana.plan(model)),
        "otelcol": list(ingest.plan(model)),
    }
    products = {name: pages for name, pages in products.items() if name in components}
    for pages in products.values():
        yield from pages
    read = {**products, "otelcol": [collected.config, *products["otelcol"]]}
    yield from compose.plan(model, read)
    yield from native.plan(model, collected)
    yield env_example.page(model)
