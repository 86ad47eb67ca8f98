"""Data sources: chosen by a variable, so that a dashboard works in any Grafana."""

from __future__ import annotations

from dataclasses import dataclass

from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models.common import DataSourceRef

from imsobs.model import conventions


@dataclass(frozen=True)
class Kind:
    """A kind of data source: Grafana's plugin, and the variable that chooses one."""

    plugin: str
    uid: str
    variable: str
    label: str


PROMETHEUS = Kind("prometheus", conventions.DATASOURCES["prometheus"], "datasource", "Metrics")
LOKI = Kind("loki", conventions.DATASOURCES["loki"], "logs", "Logs")
JAEGER = Kind("jaeger", conventions.DATASOURCES["jaeger"], "traces", "Traces")
KINDS = (PROMETHEUS, LOKI, JAEGER)


def data_source(kind: Kind) -> DataSourceRef:
    """Return the reference to the data source that the variable chooses."""
    return DataSourceRef(type_val=kind.plugin, uid=f"${{{kind.variable}}}")


@dataclass(frozen=True)
class JaegerSearch(Dataquery):
    """A trace search; the SDK has no type for Jaeger's queries."""

    ref_id: str
    service: str
    tags: str
    min_duration: str
    limit: int = 20

    def to_json(self) -> dict[str, object]:
        """Return the query as Grafana stores it."""
        payload: dict[str, object] = {
            "refId": self.ref_id,
            "datasource": data_source(JAEGER).to_json(),
            "queryType": "search",
            "service": self.service,
            "limit": self.limit,
        }
        if self.tags:
            payload["tags"] = self.tags
        if self.min_duration:
            payload["minDuration"] = self.min_duration
        return payload
