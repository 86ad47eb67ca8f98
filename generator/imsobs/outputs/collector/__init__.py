"""Plan of collector/config.yaml and collector/builder.yaml.

Traces and logs fan out twice: ``derive`` labels its own copy and counts metrics from every
signal; ``store`` samples and redacts what is kept. Metrics are exposed for Prometheus to
scrape, because a pushed counter that does not change disappears from queries.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from imsobs import artifacts
from imsobs.model import Model
from imsobs.outputs.collector import branches, exemplars, probe, scopes, sdk, state
from imsobs.outputs.collector.builder import builder_sections
from imsobs.outputs.collector.parts import ACCEPTED, Parts, together
from imsobs.outputs.collector.pruned import pruned
from imsobs.outputs.collector.settings import (
    exporters,
    extensions,
    memory_limiter,
    receivers,
    telemetry,
)
from imsobs.outputs.references import COLLECTOR, written
from imsobs.pages import YamlPage

# Kind of source -> its parts, of the kinds that are not counted from spans or log records.
OWN_PARTS: Mapping[str, Callable[[Model], Parts]] = {
    "sdk": sdk.parts,
    "probe": probe.parts,
    # Of this kind, the spans that came in.
    "pipeline": scopes.parts,
}


@dataclass(frozen=True)
class CollectorPlan:
    """The Collector's files, for those who also start it.

    sections: of config.yaml, references not written yet. config: the file. builder: the
    manifest that the Collector is built from.
    """

    sections: dict[str, Any]
    config: YamlPage
    builder: YamlPage

    @property
    def pipelines(self) -> dict[str, Any]:
        """The pipelines of config.yaml by name."""
        found: dict[str, Any] = self.sections["service"]["pipelines"]
        return found


def plan(model: Model) -> CollectorPlan:
    """Return the Collector's configuration and the manifest it is built from."""
    planned = pruned(sections(model))
    return CollectorPlan(
        planned,
        YamlPage(artifacts.COLLECTOR, written(planned, COLLECTOR), "collector/config.yaml.j2"),
        YamlPage(
            artifacts.COLLECTOR_BUILDER, builder_sections(planned), "collector/builder.yaml.j2"
        ),
    )


def sections(model: Model) -> dict[str, Any]:
    """Return the sections of config.yaml, what has nothing to do not left out yet."""
    planned = extensions(model)
    own = together(parts(model) for parts in OWN_PARTS.values())
    return {
        "extensions": planned,
        "receivers": {**receivers(model), **own.receivers},
        "processors": _processors(model, own),
        "connectors": _connectors(model, own),
        "exporters": exporters(model),
        "service": {
            "extensions": list(planned),
            "telemetry": telemetry(model),
            "pipelines": _pipelines(model, own),
        },
    }


def _processors(model: Model, own: Parts) -> dict[str, Any]:
    return {
        "memory_limiter": memory_limiter(model),
        **branches.derive_processors(model),
        **own.processors,
        **branches.store_processors(model),
        **state.processors(model),
        **exemplars.processors(model),
    }


def _connectors(model: Model, own: Parts) -> dict[str, Any]:
    return {
        ACCEPTED: {},
        **branches.connectors(model),
        **own.connectors,
        **state.connectors(model),
        **exemplars.connectors(model),
    }


def _pipelines(model: Model, own: Parts) -> dict[str, Any]:
    """Return the pipelines: each signal is taken in once, and then derived from and stored.

    A request is refused on its way in or not at all: one that is counted and then refused by
    the store's branch would be sent again, and counted again.
    """
    taken_in = {"receivers": ["otlp"], "processors": ["memory_limiter"], "exporters": [ACCEPTED]}
    planned = {
        "traces/in": taken_in,
        "logs/in": taken_in,
        "metrics/in": taken_in,
        **branches.derive_pipelines(model),
        **own.pipelines,
        **state.pipelines(model, sdk=ACCEPTED),
        **branches.store_pipelines(model),
        **exemplars.pipelines(model),
    }
    if model.uses_spans:
        return planned
    return {name: one for name, one in planned.items() if not name.startswith("traces/")}
