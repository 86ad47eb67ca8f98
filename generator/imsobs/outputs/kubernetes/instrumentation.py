"""What opentelemetry-operator puts into the service's pods, and what its Deployments say.

In the namespace of the service: these files name none (``kubectl apply -n``).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from imsobs import yamlio
from imsobs.outputs.app import logging_config, sdk
from imsobs.outputs.kubernetes import collectors
from imsobs.outputs.kubernetes.objects import API, Cluster, Object, from_secret, variables
from imsobs.outputs.references import SDK, Reference, Value, written
from imsobs.spec.schema.kubernetes import Instrumentation

_FOLDER = "/etc/imsobs/app"
_SDK_FILE, _LOGGING_FILE = "otel-sdk.yaml", "logging.json"
# The operator says by these who a pod is.
_POD = {
    "k8s.pod.name": "OTEL_RESOURCE_ATTRIBUTES_POD_NAME",
    "k8s.node.name": "OTEL_RESOURCE_ATTRIBUTES_NODE_NAME",
}
# The operator's own attributes give all processes of a pod one service.instance.id; those of the
# SDK's configuration come from another variable.
_ATTRIBUTES = "IMSOBS_RESOURCE_ATTRIBUTES"
_TOKEN, _CA = "IMSOBS_OTLP_TOKEN", "IMSOBS_OTLP_CA_FILE"
_CERTIFICATE, _CERTIFICATE_FILE = "/etc/imsobs/otlp", "otlp_cert.pem"
_INJECT = "instrumentation.opentelemetry.io"


def objects(cluster: Cluster, given: Instrumentation) -> Iterator[Object]:
    """Yield the Instrumentation and the files that it names."""
    name = cluster.model.spec.service.namespace
    files = {
        _SDK_FILE: yamlio.dump(_sdk_configuration(cluster)),
        _LOGGING_FILE: json.dumps(logging_config.configuration(), indent=2),
    }
    yield _unplaced(cluster.object("ConfigMap", f"{name}-instrumentation", name, data=files))
    spec = {
        "exporter": {"endpoint": _endpoint(cluster)},
        "propagators": ["tracecontext", "baggage"],
        "sampler": {"type": cluster.model.spec.sampling.sdk_sampler},
        "python": {"image": given.image, "env": _environment(cluster)},
    }
    yield _unplaced(cluster.object("Instrumentation", name, name, spec=spec))


def patches(cluster: Cluster, given: Instrumentation) -> dict[str, Object]:
    """Return Deployment -> what is laid over it: the annotation, and the files."""
    name = cluster.model.spec.service.namespace
    tls = cluster.model.spec.stack.ingest.tls
    found = {}
    for deployment, container in given.deployments.items():
        mounts = {"imsobs": _FOLDER, **({"otlp": _CERTIFICATE} if tls else {})}
        patched: Object = {
            "name": container,
            "volumeMounts": [
                {"name": each, "mountPath": path, "readOnly": True} for each, path in mounts.items()
            ],
        }
        if deployment in cluster.model.spec.service.names:
            patched["env"] = variables({"OTEL_SERVICE_NAME": deployment})
        annotations = {f"{_INJECT}/inject-python": name, f"{_INJECT}/container-names": container}
        volumes = [{"name": "imsobs", "configMap": {"name": f"{name}-instrumentation"}}]
        if tls:
            items = [{"key": _CERTIFICATE_FILE, "path": _CERTIFICATE_FILE}]
            secret = {"secretName": collectors.OTLP_SECRET, "items": items}
            volumes.append({"name": "otlp", "secret": secret})
        found[deployment] = {
            "apiVersion": API["Deployment"],
            "kind": "Deployment",
            "metadata": {"name": deployment},
            "spec": {
                "template": {
                    "metadata": {"annotations": annotations},
                    "spec": {"containers": [patched], "volumes": volumes},
                }
            },
        }
    return found


def _unplaced(found: Object) -> Object:
    metadata = {key: value for key, value in found["metadata"].items() if key != "namespace"}
    return {**found, "metadata": metadata}


def _endpoint(cluster: Cluster) -> str:
    stack = cluster.model.spec.stack
    scheme = "https" if stack.ingest.tls else "http"
    host = cluster.host(collectors.service("derive"))
    return f"{scheme}://{host}:{stack.otelcol.ports.otlp_http}"


def _environment(cluster: Cluster) -> list[Object]:
    """Return the variables of app/otel.env with their defaults, but for what a pod knows itself."""
    ingest = cluster.model.spec.stack.ingest
    # As `imsobs run` sets them: servers read the first two, any other program the third.
    logging = f"{_FOLDER}/{_LOGGING_FILE}"
    servers = {
        "UVICORN_LOG_CONFIG": logging,
        "GUNICORN_CMD_ARGS": f"--log-config-json={logging}",
        "IMSOBS_LOG_CONFIG": logging,
    }
    known = {
        "OTEL_CONFIG_FILE": f"{_FOLDER}/{_SDK_FILE}",
        "IMSOBS_ENVIRONMENT": cluster.environment,
    }
    left_out = {"OTEL_SERVICE_NAME", "OTEL_EXPORTER_OTLP_ENDPOINT"}
    values = {
        name: known.get(name) or _default(value)
        for name, value in sdk.settings(cluster.model).items()
        if name not in left_out
    } | servers
    if ingest.tls:
        values[_CA] = f"{_CERTIFICATE}/{_CERTIFICATE_FILE}"
    found = variables(values)
    if ingest.auth == "bearer":
        found.append(from_secret(_TOKEN, collectors.OTLP_SECRET, "otlp_token"))
    return found


def _default(value: Value) -> str:
    match value:
        case Reference():
            return value.default or ""
        case str():
            return value
    raise TypeError("a variable is one text or one reference")


def _sdk_configuration(cluster: Cluster) -> dict[str, Any]:
    planned = sdk.configuration(cluster.model)
    resource = planned["resource"]
    pod = [{"name": name, "value": Reference(variable)} for name, variable in _POD.items()]
    resource = {
        **resource,
        "attributes_list": Reference(_ATTRIBUTES),
        "attributes": [*resource["attributes"], *pod],
    }
    found: dict[str, Any] = written({**planned, "resource": resource}, SDK)
    return found
