"""What Grafana is provisioned with, value by value."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from small_specs import model_of

from imsobs.model import Model
from imsobs.outputs.grafana.provisioning import plan, settings
from imsobs.outputs.network import COMPOSE, NATIVE
from imsobs.pages import render

FOLDER = "stack/grafana/provisioning"


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return model_of(tmp_path_factory.mktemp("spec"), "scrape: {interval: 20s}")


@pytest.fixture(scope="module")
def files(small: Model) -> dict[str, Any]:
    return {path: yaml.safe_load(text) for path, text in render(plan(small)).items()}


def test_every_store_is_a_data_source_and_traces_lead_to_logs(files: dict[str, Any]) -> None:
    found = files[f"{FOLDER}/datasources/datasources.yaml"]
    assert (found["apiVersion"], found["prune"]) == (1, True)
    told = {source["name"]: source for source in found["datasources"]}
    for name, source in told.items():
        kind = name.lower()
        assert (source["uid"], source["type"]) == (kind, kind)
        assert (source["access"], source["editable"]) == ("proxy", False)
        assert source["url"] == f"$IMSOBS_{name.upper()}_URL"
        assert source.get("isDefault") == (True if name == "Prometheus" else None)
    assert {name: source["jsonData"] for name, source in told.items()} == {
        "Prometheus": {
            "httpMethod": "POST",
            "prometheusType": "Prometheus",
            "timeInterval": "20s",
            "manageAlerts": False,
            "exemplarTraceIdDestinations": [{"name": "trace_id", "datasourceUid": "jaeger"}],
        },
        "Loki": {
            "manageAlerts": False,
            "derivedFields": [
                {
                    "name": "trace_id",
                    "matcherType": "label",
                    "matcherRegex": "trace_id",
                    "datasourceUid": "jaeger",
                    # $$ is one $ that Grafana leaves alone.
                    "url": "$${__value.raw}",
                    "urlDisplayLabel": "Show the trace",
                }
            ],
        },
        "Jaeger": {
            "nodeGraph": {"enabled": True},
            "traceIdTimeParams": {"enabled": True},
            "tracesToLogsV2": {
                "datasourceUid": "loki",
                "spanStartTimeShift": "-5m",
                "spanEndTimeShift": "5m",
                "customQuery": True,
                "tags": [{"key": "service.name", "value": "service_name"}],
                "query": '{$${__tags}} | trace_id="$${__trace.traceId}"',
            },
        },
        "Alertmanager": {"implementation": "prometheus", "handleGrafanaManagedAlerts": False},
    }


def test_dashboards_are_those_of_the_folder_and_stay_as_they_are(files: dict[str, Any]) -> None:
    assert files[f"{FOLDER}/dashboards/dashboards.yaml"] == {
        "apiVersion": 1,
        "providers": [
            {
                "name": "shop",
                "type": "file",
                "folder": "SHOP",
                "allowUiUpdates": False,
                "disableDeletion": True,
                "updateIntervalSeconds": 30,
                "options": {"path": "$IMSOBS_DASHBOARDS"},
            }
        ],
    }


def test_grafana_lets_nobody_in_and_sends_nothing_out(small: Model) -> None:
    grafana = small.spec.stack.grafana
    assert grafana is not None
    for network, address in ((NATIVE, "127.0.0.1"), (COMPOSE, "0.0.0.0")):  # noqa: S104
        found = settings(small, grafana, network, "/boards", "/provisioning")
        assert found["GF_SERVER_HTTP_ADDR"] == address
        assert found["GF_SERVER_HTTP_PORT"] == "3000"
        assert found["GF_PATHS_PROVISIONING"] == "/provisioning"
        assert found["GF_LOG_MODE"] == "console"
        assert found["GF_SECURITY_COOKIE_SAMESITE"] == "strict"
        assert found["IMSOBS_DASHBOARDS"] == "/boards"
        off = ("AUTH_ANONYMOUS", "ANALYTICS_REPORTING", "NEWS_NEWS_FEED", "UNIFIED_ALERTING")
        assert {found[f"GF_{name}_ENABLED"] for name in off} == {"false"}
        for name in (
            "USERS_ALLOW_SIGN_UP",
            "ANALYTICS_CHECK_FOR_UPDATES",
            "ANALYTICS_CHECK_FOR_PLUGIN_UPDATES",
            "PLUGINS_PLUGIN_ADMIN_ENABLED",
        ):
            assert found[f"GF_{name}"] == "false"
        for name in ("SECURITY_DISABLE_GRAVATAR", "PLUGINS_PREINSTALL_DISABLED"):
            assert found[f"GF_{name}"] == "true"
