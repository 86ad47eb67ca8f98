"""The services of stack/compose.yaml, one function each."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from imsobs import artifacts
from imsobs.model import Model
from imsobs.model.conventions import PROFILES
from imsobs.model.ingest import secrets as ingest_secrets
from imsobs.outputs.collector import probe, settings
from imsobs.outputs.collector.ottl import decimal
from imsobs.outputs.grafana import provisioning as grafana_plan
from imsobs.outputs.network import COMPOSE, collector_environment
from imsobs.outputs.prometheus import server as prometheus_plan
from imsobs.outputs.references import Joined, Reference, join
from imsobs.outputs.stack import ingest, native
from imsobs.outputs.stack.hardening import USERS, VOLUMES, go_runtime, mount, service, volume
from imsobs.spec.schema.stack import Gateway, Grafana, Jaeger, Loki, Promtail

_LOOPBACK = ("127.0.0.1", "localhost", "::1")

Service = dict[str, Any]
PASSWORD_SECRET = "grafana_admin_password"  # noqa: S105 - a name, not a secret


def _running(name: str, model: Model) -> Service:
    """Return what every running service has."""
    return {
        **service(name, getattr(model.spec.stack, name), USERS[name]),
        # compose.py adds the digest of what the service reads.
        "labels": {},
        "depends_on": {"prepare": {"condition": "service_completed_successfully"}},
        "networks": {"stack": {"aliases": [COMPOSE.host(name)]}, "local": None},
    }


def _published(*ports: int, variable: str | None = None) -> list[Joined]:
    address = Reference(variable, "127.0.0.1") if variable else "127.0.0.1"
    return [join(address, f":{port}:{port}") for port in ports]


def _health(*test: str) -> dict[str, Any]:
    return {
        "test": ["CMD", *test],
        "interval": "10s",
        "timeout": "10s",
        "retries": 3,
        "start_period": "60s",
    }


def _binary_health(binary: str, port: int) -> dict[str, Any]:
    """Health check by the binary itself, which reads configurations by HTTP.

    The endpoint answers a minimal configuration when healthy, and 503 when not.
    """
    minimal = (
        "yaml:{receivers: {otlp: {protocols: {grpc: null}}}, exporters: {nop: null}, service:"
        " {pipelines: {logs: {receivers: [otlp], exporters: [nop]}}}}"
    )
    return _health(binary, "validate", f"--config={minimal}", f"--config=http://127.0.0.1:{port}/")


def _addresses(model: Model) -> dict[str, Reference]:
    """Return where the Collector reaches services besides the first: the host of the engine."""
    found = {}
    for one in probe.asked(model):
        if one.receiver != probe.RECEIVER:
            url = urlsplit(one.url.default or "")
            port = f":{url.port}" if url.port else ""
            host = "host.docker.internal" if url.hostname in _LOOPBACK else url.hostname
            found[one.url.name] = Reference(one.url.name, f"{url.scheme}://{host}{port}")
    return found


def otelcol(model: Model) -> Service:
    """Return the Collector."""
    ports = model.spec.stack.otelcol.ports
    secrets = ingest_secrets(model.spec.stack.ingest)
    configs = [artifacts.COLLECTOR, *([artifacts.COLLECTOR_INGEST] if secrets else [])]
    state = VOLUMES["otelcol"]
    # Without authentication the ports are published on loopback only.
    logs = settings.LOGS if model.spec.stack.loki else settings.FILE
    exposable = "IMSOBS_OTLP_BIND" if model.spec.stack.ingest.auth == "bearer" else None
    return {
        **_running("otelcol", model),
        "command": [f"--config={artifacts.CONTAINER_ROOT}/{config}" for config in configs],
        "environment": {
            **settings.runtime(model),
            **collector_environment(model, COMPOSE),
            **{ingest.VARIABLES[name]: f"/run/secrets/{name}" for name in secrets},
            "IMSOBS_STATE": state,
            "IMSOBS_LOG_EXPORTER": Reference("IMSOBS_LOG_EXPORTER", logs),
            "IMSOBS_SERVICE_URL": Reference(
                "IMSOBS_SERVICE_URL", "http://host.docker.internal:8080"
            ),
            **_addresses(model),
            "IMSOBS_ENVIRONMENT": _environment(model),
            **{name: Reference(name, "") for name in probe.variables(model)},
            "TRACE_SAMPLING_RATE": Reference(
                "TRACE_SAMPLING_RATE", decimal(model.spec.sampling.rate)
            ),
        },
        "extra_hosts": ["host.docker.internal:host-gateway"],
        "volumes": [mount("../collector"), volume("otelcol", state)],
        **({"secrets": secrets} if secrets else {}),
        "ports": [
            *_published(ports.otlp_grpc, ports.otlp_http, variable=exposable),
            *_published(ports.health, ports.metrics, ports.current, ports.telemetry),
            *_published(ports.processes, ports.state),
        ],
        "healthcheck": _binary_health("/otelcol-contrib", ports.health),
    }


def _environment(model: Model) -> Reference:
    return Reference("IMSOBS_ENVIRONMENT", model.spec.service.environments[0])


def prometheus(model: Model) -> Service:
    """Return Prometheus."""
    component = model.spec.stack.prometheus
    config, data = f"{artifacts.CONTAINER_ROOT}/{artifacts.PROMETHEUS}", VOLUMES["prometheus"]
    return {
        **_running("prometheus", model),
        "command": prometheus_plan.flags(model, COMPOSE.bind, config, data),
        "environment": go_runtime(component.memory_mib),
        "volumes": [
            mount("./prometheus.yaml", artifacts.PROMETHEUS),
            mount("./compose/targets", artifacts.NATIVE_TARGETS),
            mount("../alerts"),
            volume("prometheus", data),
        ],
        "ports": _published(component.ports.http),
        "healthcheck": _health(
            "/bin/promtool", "check", "ready", f"--url=http://127.0.0.1:{component.ports.http}"
        ),
    }


def alertmanager(model: Model) -> Service:
    """Return Alertmanager."""
    component = model.spec.stack.alertmanager
    config, data = f"{artifacts.CONTAINER_ROOT}/{artifacts.ALERTMANAGER}", VOLUMES["alertmanager"]
    running = _running("alertmanager", model)
    # The one component that calls out: chat, pager, mail.
    running["networks"]["outbound"] = None
    port = component.ports.http
    return {
        **running,
        # Secret files are named relative to the working folder.
        "working_dir": artifacts.CONTAINER_ROOT,
        "command": native.alertmanager_flags(COMPOSE.bind, port, config, data),
        "environment": go_runtime(component.memory_mib),
        "volumes": [
            mount("../alerts"),
            mount(f"../{model.spec.routing.secrets}"),
            volume("alertmanager", data),
        ],
        "ports": _published(port),
        "healthcheck": _health(
            "/bin/amtool", f"--alertmanager.url=http://127.0.0.1:{port}", "cluster", "show"
        ),
    }


def jaeger(model: Model, component: Jaeger) -> Service:
    """Return Jaeger."""
    return {
        **_running("jaeger", model),
        "command": [f"--config={artifacts.CONTAINER_ROOT}/{artifacts.JAEGER}"],
        "environment": {
            **go_runtime(component.memory_mib),
            "IMSOBS_BIND_ADDRESS": COMPOSE.bind,
            "IMSOBS_JAEGER_DATA": VOLUMES["jaeger"],
        },
        "volumes": [
            mount("./jaeger.yaml", artifacts.JAEGER),
            volume("jaeger", VOLUMES["jaeger"]),
        ],
        "ports": _published(component.ports.http, component.ports.health),
        "healthcheck": _binary_health("/cmd/jaeger/jaeger-linux", component.ports.health),
    }


def loki(model: Model, component: Loki) -> Service:
    """Return Loki."""
    return {
        **_running("loki", model),
        "command": [
            f"-config.file={artifacts.CONTAINER_ROOT}/{artifacts.LOKI}",
            "-config.expand-env=true",
        ],
        "environment": {
            **go_runtime(component.memory_mib),
            "IMSOBS_BIND_ADDRESS": COMPOSE.bind,
            "IMSOBS_LOKI_DATA": VOLUMES["loki"],
        },
        "volumes": [mount("./loki.yaml", artifacts.LOKI), volume("loki", VOLUMES["loki"])],
        # Not published: whatever reaches it can end it (GET /ingester/shutdown).
        "healthcheck": _health(
            "/usr/bin/loki", "-health", f"-health.url=http://127.0.0.1:{component.ports.http}/ready"
        ),
    }


def grafana(model: Model, component: Grafana) -> Service:
    """Return Grafana."""
    provisioning = f"{artifacts.CONTAINER_ROOT}/{artifacts.GRAFANA_PROVISIONING}"
    port = component.ports.http
    return {
        **_running("grafana", model),
        "environment": {
            **go_runtime(component.memory_mib),
            **grafana_plan.settings(
                model,
                component,
                COMPOSE,
                f"{artifacts.CONTAINER_ROOT}/{artifacts.DASHBOARDS}",
                provisioning,
            ),
            "GF_SECURITY_ADMIN_PASSWORD": f"$__file{{/run/secrets/{PASSWORD_SECRET}}}",
        },
        "volumes": [
            mount("./grafana", "stack/grafana"),
            mount("../dashboards"),
            volume("grafana", VOLUMES["grafana"]),
        ],
        "secrets": [PASSWORD_SECRET],
        "ports": _published(port),
        "healthcheck": _health("wget", "-q", "--spider", f"http://127.0.0.1:{port}/api/health"),
    }


def promtail(model: Model, component: Promtail) -> Service:
    """Return Promtail, with its profile only."""
    positions = f"{VOLUMES['promtail']}/positions.yaml"
    ready = f"exec 3<>/dev/tcp/127.0.0.1/{component.ports.http};"
    ask = r" printf 'GET /ready HTTP/1.0\r\n\r\n' >&3; grep -q '200 OK' <&3"
    running = _running("promtail", model)
    # In Loki's network namespace: its address is loopback there, as it is natively.
    del running["networks"]
    running["depends_on"]["loki"] = {"condition": "service_started"}
    return {
        **running,
        "profiles": [PROFILES["promtail"]],
        "network_mode": "service:loki",
        "working_dir": artifacts.CONTAINER_ROOT,
        "command": [
            f"-config.file={artifacts.CONTAINER_ROOT}/{artifacts.PROMTAIL}",
            f"-positions.file={positions}",
            join("-client.external-labels=deployment_environment_name=", _environment(model)),
        ],
        "environment": go_runtime(component.memory_mib),
        "volumes": [
            mount("./promtail.yaml", artifacts.PROMTAIL),
            mount("../logs"),
            volume("promtail", VOLUMES["promtail"]),
        ],
        "healthcheck": _health("/bin/bash", "-c", ready + ask),
    }


def gateway(model: Model, component: Gateway) -> Service:
    """Return the demo service, with its profile only."""
    port = component.ports.http
    ask = f"import urllib.request as u; u.urlopen('http://127.0.0.1:{port}/health')"
    collector = COMPOSE.at("otelcol", model.spec.stack.otelcol.ports.otlp_http)
    return {
        **_running("gateway", model),
        "profiles": [PROFILES["gateway"]],
        "build": {"context": "..", "dockerfile": "examples/gateway/Dockerfile"},
        "environment": {
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{collector}",
            "IMSOBS_ENVIRONMENT": _environment(model),
            "LOG_LEVEL": Reference("LOG_LEVEL", "INFO"),
            "LOG_FORMAT": Reference("LOG_FORMAT", "json"),
            "LOG_CONSOLE_LEVEL": Reference("LOG_CONSOLE_LEVEL", "WARNING"),
            "LOG_TRACE_CONTEXT": Reference("LOG_TRACE_CONTEXT", "true"),
            "IMSOBS_DEMO_PORT": str(port),
            # Of python -m gateway.demo, such as --spike 240.
            "IMSOBS_DEMO_OPTIONS": Reference("IMSOBS_DEMO_OPTIONS", ""),
        },
        "volumes": [mount("../app")],
        "working_dir": artifacts.CONTAINER_ROOT,
        "ports": _published(port),
        "healthcheck": _health("python", "-c", ask),
    }
