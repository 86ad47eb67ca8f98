"""What is planned for the probe, and for a spec that has none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from imsobs.compile import read_spec, render_model
from imsobs.model import Model
from imsobs.model.labels import apart_values

ROOT = Path(__file__).resolve().parents[2]
SPEC = ROOT / "spec/ims.yaml"
# What docs/checks/probe.md says to leave out.
PROBED = ("ServiceDown", "DatabaseUnhealthy", "ComponentUnhealthy", "TelemetryMissing")


def compiled(tmp_path: Path, overlay: dict[str, Any], spec: Path = SPEC) -> Model:
    file = tmp_path / "overlay.yaml"
    file.write_text(yaml.safe_dump(overlay))
    read = read_spec([spec, file])
    assert read.model is not None, read.lines()
    return read.model


def collector(model: Model) -> dict[str, Any]:
    config: dict[str, Any] = yaml.safe_load(render_model(model)["collector/config.yaml"])
    return config


@pytest.fixture
def without_health(tmp_path: Path) -> Path:
    """The spec without what a probe gives, as the checks ask for."""
    data = yaml.safe_load(SPEC.read_text())
    data["service"]["health"] = None
    data["metrics"] = {n: m for n, m in data["metrics"].items() if "probe" not in m}
    for alert in PROBED:
        del data["alerts"][alert]
    data["alerting"]["groups"].pop("health", None)
    for name, rule in list(data["inhibitions"].items()):
        # What only changes a pack's has not every key.
        targets = rule.get("target", {}).get("alertname")
        if rule.get("source", {}).get("alertname") in PROBED:
            del data["inhibitions"][name]
        elif isinstance(targets, list):
            rule["target"]["alertname"] = [t for t in targets if t not in PROBED]
        if "component" in rule.get("equal", ()):
            rule["equal"].remove("component")
    for board in data["dashboards"].values():
        for row in board.get("rows", {}).values():
            for title in [t for t, panel in row.items() if "health" in str(panel.get("value"))]:
                del row[title]
    file = tmp_path / "spec.yaml"
    file.write_text(yaml.safe_dump(data, sort_keys=False))
    return file


def test_without_a_health_route_nothing_is_probed(tmp_path: Path, without_health: Path) -> None:
    model = compiled(tmp_path, {}, without_health)
    config = collector(model)
    assert list(config["receivers"]) == ["otlp"]
    assert not [name for name in config["service"]["pipelines"] if "probe" in name]
    assert not [name for name in (*config["connectors"], *config["processors"]) if "probe" in name]
    # The binary is the same, so that nobody builds one for it.
    files = render_model(model)
    assert files["collector/builder.yaml"] == (ROOT / "collector/builder.yaml").read_bytes()


def test_without_metrics_of_health_nothing_is_probed(tmp_path: Path, without_health: Path) -> None:
    """A connector without definitions would keep the Collector from starting."""
    model = compiled(tmp_path, {"service": {"health": "/health"}}, without_health)
    assert list(collector(model)["receivers"]) == ["otlp"]


@pytest.mark.parametrize(
    ("interval", "timeout"), [("15s", "5s"), ("2s", "2s"), ("5s", "5s"), ("1m", "5s")]
)
def test_the_probe_waits_no_longer_than_its_interval(
    tmp_path: Path, interval: str, timeout: str
) -> None:
    model = compiled(tmp_path, {"collector": {"probe_interval": interval}})
    checks = collector(model)["receivers"]["http_check"]["targets"]
    assert {check["timeout"] for check in checks} == {timeout}


def test_any_probed_route_is_apart(tmp_path: Path) -> None:
    """It counts as the first value that is set apart, so that no query needs to name it."""
    overlay = {"service": {"health": "/live?fast=1", "health_detailed": "/parts"}}
    model = compiled(tmp_path, overlay)
    route = model.labels["route"]
    assert route.values is not None
    assert "/live" not in route.values
    assert "(?:^/(?:live|parts)$)" in route.matches["/health"].replace(
        "(?:/live|/parts)", "/(?:live|parts)"
    )
    assert apart_values("route", model.spec) == ("/health*",)


def test_a_probed_route_is_apart_by_itself(tmp_path: Path) -> None:
    overlay = {
        "labels": {
            "trial": {"description": "A route.", "attributes": ["http.route"], "values": ["/a"]}
        }
    }
    model = compiled(tmp_path, overlay)
    assert apart_values("trial", model.spec) == ("/health", "/health/detailed")
    assert {"/health", "/health/detailed"} <= set(model.labels["trial"].values or ())


def test_secrets_of_headers_reach_the_container_from_outside(tmp_path: Path) -> None:
    headers = {"authorization": {"env": "HEALTH_TOKEN"}, "x-plain": "$literal"}
    model = compiled(tmp_path, {"service": {"probe": {"headers": headers}}})
    check = collector(model)["receivers"]["http_check"]["targets"][0]
    assert check["headers"] == {"authorization": "${env:HEALTH_TOKEN:-}", "x-plain": "$$literal"}
    compose = yaml.safe_load(render_model(model)["stack/compose.yaml"])
    assert compose["services"]["otelcol"]["environment"]["HEALTH_TOKEN"] == "${HEALTH_TOKEN:-}"
