"""Digests of what a container reads at its start, so that compose restarts it on a change.

Compose compares service definitions, not mounted files; the digest is a label of the
service. What a component can reload (rules, alert routes, dashboards) is not part of it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator

from imsobs import artifacts, yamlio
from imsobs.model import Model
from imsobs.model.conventions import CONFIG_LABEL
from imsobs.outputs import collector
from imsobs.outputs.grafana import provisioning as grafana
from imsobs.outputs.logs import loki, promtail
from imsobs.outputs.prometheus import server as prometheus
from imsobs.outputs.stack import ingest
from imsobs.outputs.traces import jaeger
from imsobs.pages import Page, YamlPage

_READERS: dict[str, tuple[Callable[[Model], Iterator[Page]], ...]] = {
    "otelcol": (collector.plan, ingest.plan),
    "prometheus": (prometheus.plan,),
    "jaeger": (jaeger.plan,),
    "loki": (loki.plan,),
    "promtail": (promtail.plan,),
    "grafana": (grafana.plan,),
}
# Read by the build, not by the container.
_NOT_MOUNTED = {artifacts.COLLECTOR_BUILDER}


def label(name: str, model: Model) -> dict[str, str]:
    """Return the label of a service, empty when it reads nothing that needs a restart."""
    pages = [page for plan in _READERS.get(name, ()) for page in plan(model)]
    texts = [
        yamlio.dump(page.sections)
        for page in pages
        if isinstance(page, YamlPage) and page.path not in _NOT_MOUNTED
    ]
    if not texts:
        return {}
    return {CONFIG_LABEL: hashlib.sha256("\n".join(texts).encode()).hexdigest()[:16]}
