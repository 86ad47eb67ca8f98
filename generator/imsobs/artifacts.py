"""The rendered tree: every path that the compiler writes and that others read, once.

Paths are relative to the project. What operates a stack knows the compiler's outputs by these
names alone.
"""

from __future__ import annotations

# What the service is started with.
SDK_ENVIRONMENT = "app/otel.env"
SDK_CONFIG = "app/otel-sdk.yaml"
LOGGING_CONFIG = "app/logging.json"

# The Collector.
COLLECTOR = "collector/config.yaml"
COLLECTOR_BUILDER = "collector/builder.yaml"
COLLECTOR_INGEST = "collector/ingest.yaml"

# Prometheus and Alertmanager.
PROMETHEUS = "stack/prometheus.yaml"
RULES = "alerts/rules"
DISABLED_RULES = "alerts/disabled"
RULE_TESTS = "alerts/tests"
ALERTMANAGER = "alerts/alertmanager.yaml"
NOTIFICATION_TEMPLATES = "alerts/templates"
EXPECTED_ROUTES = "alerts/tests/routes/expected.yaml"

# The other stores and Grafana.
JAEGER = "stack/jaeger.yaml"
LOKI = "stack/loki.yaml"
PROMTAIL = "stack/promtail.yaml"
GRAFANA_PROVISIONING = "stack/grafana/provisioning"
DASHBOARDS = "dashboards"

# How the stack runs: natively, and in containers.
NATIVE = "stack/native.yaml"
NATIVE_TARGETS = "stack/targets"
COMPOSE = "stack/compose.yaml"
COMPOSE_TARGETS = "stack/compose/targets"
COMPOSE_SETTINGS = "stack/.env"
COMPOSE_SETTINGS_EXAMPLE = "stack/.env.example"
# The stack on Kubernetes, and what the namespace of the service is given.
KUBERNETES = "stack/kubernetes/base"
KUBERNETES_REGIONS = "stack/kubernetes/regions"
# Rules over all regions, for the ruler of the store.
KUBERNETES_GLOBAL_RULES = "stack/kubernetes/global/rules.yaml"
KUBERNETES_SERVICE = "stack/kubernetes/service"
# Where rendered files are mounted in a container; the tree below is the project's own.
CONTAINER_ROOT = "/etc/imsobs"

# Documents.
REFERENCE = "docs/reference"
RUNBOOKS = "docs/runbooks"

# Folders that hold rendered files and nothing else.
OWNED = ("alerts", "app", "collector", "dashboards", REFERENCE, RUNBOOKS, "stack")
