"""What is planned for the probe, and for a spec that has none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from small_specs import PARTS, model_of

from imsobs.compile import read_spec, render_model
from imsobs.model import Model
from imsobs.model.labels import apart_values

ROOT = Path(__file__).resolve().parents[2]
SPEC = ROOT / "spec/ims.yaml"


def compiled(tmp_path: Path, overlay: dict[str, Any], spec: Path = SPEC) -> Model:
    file = tmp_path / "overlay.yaml"
    file.write_text(yaml.safe_dump(overlay))
    read = read_spec([spec, file])
    assert read.model is not None, read.lines()
    return read.model


def collector(model: Model) -> dict[str, Any]:
    config: dict[str, Any] = yaml.safe_load(render_model(model)["collector/config.yaml"])
    return config


def test_without_a_health_route_nothing_is_probed(tmp_path: Path) -> None:
    config = collector(model_of(tmp_path, PARTS["spans"]))
    assert list(config["receivers"]) == ["otlp"]
    assert not [name for name in config["service"]["pipelines"] if "probe" in name]
    assert not [name for name in (*config["connectors"], *config["processors"]) if "probe" in name]


def test_a_health_route_is_probed(tmp_path: Path) -> None:
    config = collector(model_of(tmp_path, PARTS["spans"], PARTS["a health route"]))
    assert list(config["receivers"]) == ["otlp", "http_check"]


def test_without_metrics_of_health_nothing_is_probed(tmp_path: Path) -> None:
    """A connector without definitions would keep the Collector from starting."""
    config = collector(model_of(tmp_path, PARTS["spans"], "service: {health: /health}"))
    assert list(config["receivers"]) == ["otlp"]


@pytest.mark.parametrize(
    ("interval", "timeout"), [("15s", "5s"), ("2s", "2s"), ("5s", "5s"), ("20s", "5s")]
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
