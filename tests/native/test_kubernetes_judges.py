"""What is rendered for Kubernetes, judged by the programs that will read it in the pods."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import small_specs
import yaml
from kubernetes_specs import EVERYTHING, VARIANTS, objects

from imsobs.compile import render_model
from imsobs.runtime.build.binaries import locate
from imsobs.runtime.process.plan import load_plan
from imsobs.runtime.progress import Silent

pytestmark = pytest.mark.native
ROOT = Path(__file__).resolve().parents[2]
NAMES = [name for name in VARIANTS if name != "protected ports"]
# What the pods' own environment would give.
_ENVIRONMENT = {
    "IMSOBS_BIND_ADDRESS": "127.0.0.1",
    "POD_IP": "127.0.0.1", "LOKI_S3_ACCESS_KEY_ID": "a", "LOKI_S3_SECRET_ACCESS_KEY": "b",
    "JAEGER_STORE_USERNAME": "a", "JAEGER_STORE_PASSWORD": "b",
}  # fmt: skip


def _judge(name: str, *arguments: str, folder: Path, given: dict[str, str] | None = None) -> None:
    """Run a program on files; AssertionError with what it says unless it accepts them."""
    binary = locate(load_plan(ROOT), ROOT, name, Silent())
    if binary is None:
        pytest.skip(f"{name} is not here: imsobs binaries {name} builds it")
    environment = {**os.environ, **_ENVIRONMENT, **(given or {})}
    done = subprocess.run(
        [str(binary.path), *arguments],
        cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def _found(folder: Path, name: str) -> list[dict[str, Any]]:
    return list(objects(render_model(small_specs.model_of(folder, *EVERYTHING, *VARIANTS[name]))))


def _put(folder: Path, file: str, content: Any) -> str:
    text = content if isinstance(content, str) else yaml.safe_dump(content)
    (folder / file).write_text(text)
    return file


def _rules(one: dict[str, Any]) -> list[Any]:
    """Return the rule files that an object is, or holds."""
    if one["kind"] == "PrometheusRule":
        return [one["spec"]]
    is_file = one["kind"] == "ConfigMap" and one["metadata"]["name"].startswith("rules-")
    return list(one["data"].values()) if is_file else []


@pytest.mark.parametrize("name", NAMES)
def test_what_pods_read_is_accepted_by_their_programs(name: str, tmp_path: Path) -> None:
    found = _found(tmp_path, name)
    rules = [
        _put(tmp_path, f"{one['metadata']['name']}.yaml", text)
        for one in found
        for text in _rules(one)
    ]
    assert rules
    _judge("promtool", "check", "rules", *rules, folder=tmp_path)
    (secret,) = [one for one in found if one["kind"] == "Secret"]
    for file, text in secret["stringData"].items():
        _put(tmp_path, file, text.replace("/etc/alertmanager/config", str(tmp_path)))
    _judge("amtool", "check-config", "alertmanager.yaml", folder=tmp_path)
    configs = {one["metadata"]["name"]: one for one in found if one["kind"] == "ConfigMap"}
    if "jaeger" in configs:
        file = _put(tmp_path, "jaeger.yaml", configs["jaeger"]["data"]["jaeger.yaml"])
        _judge("jaeger", "validate", "--config", file, folder=tmp_path)


@pytest.mark.parametrize("name", NAMES)
def test_loki_accepts_its_configuration(name: str, tmp_path: Path) -> None:
    configs = {one["metadata"]["name"]: one for one in _found(tmp_path, name)
               if one["kind"] == "ConfigMap"}  # fmt: skip
    if "loki" not in configs:
        assert name in ("stores that run already", "no stores")
        return
    file = _put(tmp_path, "loki.yaml", configs["loki"]["data"]["loki.yaml"])
    arguments = (f"-config.file={file}", "-config.expand-env=true", "-verify-config")
    _judge("loki", *arguments, folder=tmp_path)


@pytest.mark.parametrize("name", VARIANTS)
def test_the_collector_accepts_each_role(name: str, tmp_path: Path) -> None:
    for one in _found(tmp_path, name):
        if one["kind"] == "OpenTelemetryCollector":
            file = _put(tmp_path, f"{one['metadata']['name']}.yaml", one["spec"]["config"])
            balances = "load_balancing/traces" in one["spec"]["config"]["exporters"]
            binary = "otelcol-roles" if balances else "otelcol"
            given = {each["name"]: each["value"] for each in one["spec"]["env"]}
            given["IMSOBS_STATE"] = str(tmp_path)
            _judge(binary, "validate", "--config", file, folder=tmp_path, given=given)
