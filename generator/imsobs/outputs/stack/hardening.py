"""What every container has: no root, no capabilities, nothing writable but its volume."""

from __future__ import annotations

from typing import Any

from imsobs import artifacts
from imsobs.outputs.references import Reference
from imsobs.shipped import shipped
from imsobs.spec.schema.stack import Component

# Users of the official images.
USERS = {
    "otelcol": "10001:10001",
    "prometheus": "65534:65534",
    "alertmanager": "65534:65534",
    "jaeger": "10001:10001",
    "loki": "10001:10001",
    "promtail": "10001:10001",
    "grafana": "472:0",
    "gateway": "10001:10001",
}
# Folders that hold data, by volume.
VOLUMES = {
    "otelcol": "/var/lib/otelcol",
    "prometheus": "/prometheus",
    "alertmanager": "/alertmanager",
    "jaeger": "/var/lib/jaeger",
    "loki": "/loki",
    "promtail": "/var/lib/promtail",
    "grafana": "/var/lib/grafana",
}
_LOGGING = {"driver": "json-file", "options": {"max-size": "10m", "max-file": "3"}}


def image(name: str, component: Component) -> Reference:
    """Return the image; the environment may name another (a mirror, a local build)."""
    return Reference(f"IMSOBS_IMAGE_{name.upper()}", image_of(name, component))


def image_of(name: str, component: Component) -> str:
    """Return the image that the spec names, with its tag and, where it is known, its digest."""
    digest = component.digest or _shipped_digest(name, component)
    tag = shipped().image_tag(name, component.version)
    return f"{component.image}:{tag}" + (f"@{digest}" if digest else "")


def _shipped_digest(name: str, component: Component) -> str | None:
    """Return the digest of the image as shipped; of another image or version there is none."""
    entry = shipped().components[name]
    same = (entry.image, entry.version) == (component.image, component.version)
    return entry.digest if same else None


def go_runtime(memory_mib: int) -> dict[str, str]:
    """Return the Go runtime's memory limit, 80 % of the container's."""
    return {"GOMEMLIMIT": f"{memory_mib * 80 // 100}MiB"}


def service(name: str, component: Component, user: str) -> dict[str, Any]:
    """Return the part of a service that no service may be without."""
    return {
        "image": image(name, component),
        "user": user,
        "read_only": True,
        "tmpfs": ["/tmp:rw,noexec,nosuid,nodev,size=64m"],  # noqa: S108 - inside the container
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges:true"],
        "mem_limit": f"{component.memory_mib}m",
        # Equal to the limit: no swapping, a component over its limit is restarted.
        "memswap_limit": f"{component.memory_mib}m",
        "cpus": component.cpus,
        "pids_limit": 256,
        "restart": "unless-stopped",
        "stop_grace_period": "30s",
        "logging": _LOGGING,
    }


def mount(source: str, target: str | None = None) -> dict[str, Any]:
    """Return a read-only mount of a file or folder that must exist."""
    inside = target or source.removeprefix("../").removeprefix("./")
    return {
        "type": "bind",
        "source": source,
        "target": f"{artifacts.CONTAINER_ROOT}/{inside}",
        "read_only": True,
        "bind": {"create_host_path": False},
    }


def volume(name: str, target: str) -> dict[str, Any]:
    """Return a named volume, not filled from the image."""
    return {"type": "volume", "source": name, "target": target, "volume": {"nocopy": True}}
