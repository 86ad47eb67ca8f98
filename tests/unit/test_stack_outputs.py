"""What is rendered for the stack: one source for every port, nothing exposed, nothing secret."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from imsobs.compile import read_spec, render_model
from imsobs.runtime.paths import Layout
from imsobs.runtime.process.plan import parse_plan
from imsobs.runtime.verify.models.grafana import DashboardsFile, DatasourcesFile
from imsobs.runtime.verify.models.loki import LokiFile
from imsobs.runtime.verify.models.promtail import PromtailFile
from imsobs.shipped import shipped
from imsobs.spec.schema.base import seconds

ROOT = Path(__file__).resolve().parents[2]
SPEC = ROOT / "spec/ims.yaml"
_FLAGS = re.compile(r"\(\?([a-z]+)\)")


def files_of(tmp_path: Path, overlay: str | None = None) -> dict[str, bytes]:
    files = [SPEC]
    if overlay is not None:
        (tmp_path / "overlay.yaml").write_text(overlay)
        files.append(tmp_path / "overlay.yaml")
    compiled = read_spec(files)
    assert compiled.model is not None, compiled.lines()
    return render_model(compiled.model)


@pytest.fixture(scope="module")
def files(rendered: dict[str, bytes]) -> dict[str, bytes]:
    return rendered


@pytest.fixture(scope="module")
def compose(files: dict[str, bytes]) -> dict[str, Any]:
    data: dict[str, Any] = yaml.safe_load(files["stack/compose.yaml"])
    return data


def running(compose: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {name: s for name, s in compose["services"].items() if name != "prepare"}


def test_the_native_plan_is_what_the_runtime_reads(files: dict[str, bytes]) -> None:
    plan = parse_plan(files["stack/native.yaml"].decode())
    assert list(plan.processes) == [
        "jaeger", "loki", "otelcol", "alertmanager", "prometheus", "grafana",
    ]  # fmt: skip
    assert {name for name, c in plan.components.items() if c.optional} == {
        "loki", "promtail", "grafana", "gitleaks", "prometheus-page", *shipped().of_scale(),
    }  # fmt: skip


def test_every_file_that_a_process_reads_is_rendered(files: dict[str, bytes]) -> None:
    plan = parse_plan(files["stack/native.yaml"].decode())
    for name, process in plan.processes.items():
        for path in process.files:
            assert any(f == path or f.startswith(f"{path}/") for f in files), f"{name}: {path}"


def test_retention_reaches_every_store(tmp_path: Path) -> None:
    files = files_of(tmp_path, "retention: {metrics: 45d, logs: 14d, traces: 3d}")
    native = parse_plan(files["stack/native.yaml"].decode())
    assert "--storage.tsdb.retention.time=45d" in native.processes["prometheus"].args
    loki = yaml.safe_load(files["stack/loki.yaml"])
    assert loki["limits_config"]["retention_period"] == "336h"
    assert loki["compactor"]["retention_enabled"] is True
    jaeger = yaml.safe_load(files["stack/jaeger.yaml"])
    badger = jaeger["extensions"]["jaeger_storage"]["backends"]["traces"]["badger"]
    assert badger["ttl"]["spans"] == "72h"
    command = yaml.safe_load(files["stack/compose.yaml"])["services"]["prometheus"]["command"]
    assert "--storage.tsdb.retention.time=45d" in command


def test_a_port_is_changed_in_one_place(tmp_path: Path) -> None:
    before, after = files_of(tmp_path), files_of(
        tmp_path, "stack: {alertmanager: {ports: {http: 19093}}}"
    )  # fmt: skip
    changed = {path for path in after if after[path] != before[path]}
    assert changed == {
        "stack/compose.yaml",
        "stack/compose/targets/alertmanager.json",
        "stack/native.yaml",
        "stack/targets/alertmanager.json",
    }
    for path in changed:
        assert b"9093" not in after[path].replace(b"19093", b""), path


def test_every_container_is_hardened(compose: dict[str, Any]) -> None:
    for name, service in running(compose).items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert "cap_add" not in service, name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert not service["user"].startswith(("0:", "root")), name
        assert service["mem_limit"] == service["memswap_limit"], name
        assert service["healthcheck"]["test"][0] == "CMD", name
        assert service["restart"] == "unless-stopped", name


def test_only_loopback_is_published(compose: dict[str, Any]) -> None:
    ports = [port for s in compose["services"].values() for port in s.get("ports", [])]
    assert ports
    assert all(re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port) for port in ports)


def test_the_otlp_address_opens_with_a_token_only(tmp_path: Path) -> None:
    files = files_of(tmp_path, "stack: {ingest: {auth: bearer, tls: true}}")
    service = yaml.safe_load(files["stack/compose.yaml"])["services"]["otelcol"]
    opened = [port for port in service["ports"] if "IMSOBS_OTLP_BIND" in port]
    assert [port.rsplit(":", 1)[1] for port in opened] == ["4317", "4318"]
    protocols = yaml.safe_load(files["collector/ingest.yaml"])["receivers"]["otlp"]["protocols"]
    for protocol in protocols.values():
        assert protocol["auth"] == {"authenticator": "bearertokenauth"}
        assert protocol["tls"]["min_version"] == "1.2"


def test_mounts_are_read_only_and_volumes_the_only_place_to_write(compose: dict[str, Any]) -> None:
    for name, service in running(compose).items():
        binds = [entry for entry in service["volumes"] if entry["type"] == "bind"]
        assert all(entry["read_only"] for entry in binds), name
        assert not any("docker.sock" in entry["source"] for entry in binds), name
        volumes = [entry for entry in service["volumes"] if entry["type"] == "volume"]
        assert len(volumes) <= 1, name


def test_go_stays_below_the_memory_limit(compose: dict[str, Any]) -> None:
    for name in ("prometheus", "alertmanager", "jaeger", "loki", "promtail"):
        service = compose["services"][name]
        limit = int(service["mem_limit"].removesuffix("m"))
        soft = int(service["environment"]["GOMEMLIMIT"].removesuffix("MiB"))
        assert soft == limit * 80 // 100, name
    # The Collector's limiter counts garbage: it must be gone before the limiter refuses.
    assert compose["services"]["otelcol"]["environment"]["GOMEMLIMIT"] == "384MiB"


def test_what_ends_loki_is_out_of_reach(
    compose: dict[str, Any], files: dict[str, bytes], tmp_path: Path
) -> None:
    assert "ports" not in compose["services"]["loki"]
    loki = yaml.safe_load(files["stack/loki.yaml"])
    assert loki["limits_config"]["deletion_mode"] == "disabled"
    process = yaml.safe_load(files["stack/native.yaml"])["processes"]["loki"]
    assert process["ready"].endswith("/${IMSOBS_LOKI_PATH}/ready")
    one, other = (Layout(tmp_path, tmp_path / name) for name in ("one", "other"))
    path = one.fill(process["env"]["IMSOBS_LOKI_PREFIX"])
    assert re.fullmatch(r"/[0-9a-f]{32}", path)
    assert one.fill(process["env"]["IMSOBS_LOKI_PREFIX"]) == path
    assert other.fill(process["env"]["IMSOBS_LOKI_PREFIX"]) != path
    assert (one.run / "loki-path").stat().st_mode & 0o777 == 0o600


def test_prometheus_lets_no_other_origin_read(
    compose: dict[str, Any], files: dict[str, bytes]
) -> None:
    native = yaml.safe_load(files["stack/native.yaml"])["processes"]["prometheus"]["args"]
    for flags in (compose["services"]["prometheus"]["command"], native):
        assert "--web.cors.origin=none" in flags
        assert not any("enable-lifecycle" in f or "admin-api" in f for f in flags)


def test_images_are_pinned_and_may_carry_a_digest(tmp_path: Path, compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        pinned = r":-[^}]+:v?\d+\.\d+\.\d+(@sha256:[0-9a-f]{64})?\}$"
        assert re.search(pinned, service["image"]), name
    digest = "sha256:" + "a" * 64
    files = files_of(tmp_path, f"stack: {{loki: {{digest: {digest}}}}}")
    image = yaml.safe_load(files["stack/compose.yaml"])["services"]["loki"]["image"]
    assert image.endswith(f"@{digest}}}")


def test_no_secret_is_rendered(files: dict[str, bytes]) -> None:
    compose = files["stack/compose.yaml"].decode()
    assert compose.count("GRAFANA_ADMIN_PASSWORD") == 1
    assert b"GRAFANA_ADMIN_PASSWORD=\n" in files["stack/.env.example"]


def test_both_ways_scrape_the_same_jobs(files: dict[str, bytes]) -> None:
    jobs = [c["job_name"] for c in yaml.safe_load(files["stack/prometheus.yaml"])["scrape_configs"]]
    for folder in ("stack/targets", "stack/compose/targets"):
        assert [job for job in jobs if f"{folder}/{job}.json" not in files] == []
    native = json.loads(files["stack/targets/loki.json"])
    assert native == [{"targets": []}]


def test_loki_labels_are_few(files: dict[str, bytes]) -> None:
    limits = yaml.safe_load(files["stack/loki.yaml"])["limits_config"]
    attributes = limits["otlp_config"]["resource_attributes"]
    assert attributes["ignore_defaults"] is True
    (labels,) = attributes["attributes_config"]
    assert labels["attributes"] == ["service.name", "deployment.environment.name"]
    assert seconds("7d") == 3600 * int(limits["retention_period"].removesuffix("h"))


@pytest.mark.parametrize(
    ("path", "schema"),
    [
        ("stack/loki.yaml", LokiFile),
        ("stack/promtail.yaml", PromtailFile),
        ("stack/grafana/provisioning/datasources/datasources.yaml", DatasourcesFile),
        ("stack/grafana/provisioning/dashboards/dashboards.yaml", DashboardsFile),
    ],
)
def test_documented_fields_only(files: dict[str, bytes], path: str, schema: Any) -> None:
    schema.model_validate(yaml.safe_load(files[path]))


def test_a_misspelt_field_is_found(files: dict[str, bytes]) -> None:
    data = yaml.safe_load(files["stack/loki.yaml"])
    data["limits_config"]["retention_periods"] = data["limits_config"].pop("retention_period")
    with pytest.raises(ValueError, match="retention_periods"):
        LokiFile.model_validate(data)


def test_promtail_masks_what_the_collector_masks(files: dict[str, bytes]) -> None:
    stages = yaml.safe_load(files["stack/promtail.yaml"])["scrape_configs"][0]["pipeline_stages"]
    line = "refused: api_key=sk-abcdefghijklmnop123456 for jane@example.com"
    for stage in stages:
        replace = stage.get("replace")
        # Without a source it is the line itself.
        if replace and "source" not in replace:
            # RE2 takes flags inside, Python at the start only.
            flags = "".join(sorted(set("".join(_FLAGS.findall(replace["expression"])))))
            pattern = (f"(?{flags})" if flags else "") + _FLAGS.sub("", replace["expression"])
            line = re.sub(pattern, replace["replace"], line)
    assert "sk-abc" not in line
    assert "jane@" not in line


def test_promtail_masks_every_field_of_events(tmp_path: Path) -> None:
    field = "session_token: {type: string, description: What must not be stored.}"
    overlay = f"events: {{job_started: {{fields: {{{field}}}}}}}"
    promtail = yaml.safe_load(files_of(tmp_path, overlay)["stack/promtail.yaml"])
    stages = promtail["scrape_configs"][0]["pipeline_stages"]
    (stored,) = (s["structured_metadata"] for s in stages if "structured_metadata" in s)
    masked = {s["replace"]["source"] for s in stages if "source" in s.get("replace", {})}
    # By its name alone, as the redaction processor does.
    hidden = {s["template"]["source"] for s in stages if "****" in str(s.get("template"))}
    assert hidden == {"session_token"}
    declared = {"event", "reason", "model", "duration_seconds", "session_token"}
    assert declared <= stored.keys()
    assert declared <= masked | hidden
