"""Small specs of a cluster: each variant, to be laid over small_specs.BASE."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import small_specs
import yaml

STORES = """
kubernetes:
  jaeger: {cassandra: {servers: [cassandra.cassandra.svc], secret: cassandra}}
  loki: {s3: {bucket: shop-logs, secret: loki-bucket}}
"""
ELSEWHERE = """
kubernetes:
  jaeger: {otlp: "jaeger.tracing.svc:4317"}
  loki: {otlp: "http://loki.logs.svc:3100"}
"""
# The variant with most keys.
FULLEST = "OpenSearch, tenants, Thanos, regions, grafana-operator"
VARIANTS = {
    "stores that are rendered": (STORES,),
    "stores that run already": (ELSEWHERE,),
    "no stores": ("stack: {jaeger: null, loki: null}\nkubernetes: {}",),
    FULLEST: (
        """
kubernetes:
  namespace: shop-seen
  senders: [shop, shop-jobs]
  jaeger: {opensearch: {urls: ["https://search:9200"], index_prefix: shop, secret: search}}
  loki: {tenant: shop, s3: {bucket: shop-logs, endpoint: "http://minio:9000"}}
  prometheus:
    rules: objects
    storage_class: fast
    remote_write: {url: "https://mimir/api/v1/push", tenant: shop, bearer: {name: mimir}}
    thanos: {version: 0.42.5, secret: thanos}
  regions: {eu: {}, us: {remote_write: "https://mimir.us/api/v1/push"}}
  grafana: {by: operator, namespaces: [grafana]}
  instrumentation: {image: "registry/shop:1", deployments: {orders-api: app}}
  derive: {replicas: 2, most: 2}
""",
    ),
    "protected ports": (STORES, "stack: {ingest: {auth: bearer, tls: true}}"),
}
EVERYTHING = [
    text
    for name, text in small_specs.PARTS.items()
    if name not in ("nothing", "model calls that are priced")
]
AS_OBJECTS = "kubernetes: {prometheus: {rules: objects}}"
_FOLDER = "stack/kubernetes/"
_NO_OBJECTS = ("kustomization.yaml", "global/rules.yaml")


def manifests(files: dict[str, bytes]) -> dict[str, bytes]:
    """Return the files of stack/kubernetes/ by their path below it."""
    return {
        path.removeprefix(_FOLDER): content
        for path, content in files.items()
        if path.startswith(_FOLDER)
    }


def objects(files: dict[str, bytes]) -> Iterator[dict[str, Any]]:
    """Yield every object among rendered files, kustomizations and patches left out."""
    found = manifests(files)
    # A namespace comes before what is in it.
    for path in sorted(found, key=lambda path: (path != "base/namespace.yaml", path)):
        # Neither kustomizations, nor patches, nor the rules for a ruler.
        if not path.endswith(_NO_OBJECTS) and "service/deployment-" not in path:
            yield from filter(None, yaml.safe_load_all(found[path]))
