"""What a cluster needs at a request rate, worked out by hand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import small_specs
from kubernetes_specs import ELSEWHERE, EVERYTHING, STORES
from typer.testing import CliRunner

from bench.scale import sizes
from imsobs.cli import app
from imsobs.model import Model
from imsobs.model.cluster_constants import VALUES
from imsobs.model.cluster_estimate import Cluster, Pods, cluster_estimate, most_reported
from imsobs.model.cluster_findings import Finding, cluster_findings
from imsobs.model.estimate import Load, counted_series
from imsobs.runtime.cluster import preflight

# 1000 requests a second, all the time.
THOUSAND = 86_400_000
MIB = 1024**2
MANY = "kubernetes: {{derive: {{replicas: 40, most: 40}}, prometheus: {{{}}}}}"


def _load(model: Model, requests: float = THOUSAND) -> Load:
    return Load.of(model, requests, spans=6, records=8, kept=0.5, peak=1, duration=10, unended=0.05)


def _model(folder: Path, *texts: str) -> Model:
    return small_specs.model_of(folder, *EVERYTHING, *texts)


def _cluster(model: Model, requests: float = THOUSAND) -> Cluster:
    assert model.spec.kubernetes is not None
    return cluster_estimate(model, model.spec.kubernetes, _load(model, requests))


def _row(cluster: Cluster, component: str) -> Pods:
    row = cluster.row(component)
    assert row is not None
    return row


def _findings(model: Model, requests: float = THOUSAND) -> dict[str, str]:
    assert model.spec.kubernetes is not None
    found = cluster_findings(model, model.spec.kubernetes, _load(model, requests))
    assert len({finding.path for finding in found}) == len(found)
    return {finding.path: finding.text for finding in found}


def test_cores_follow_from_spans_records_and_values(tmp_path: Path) -> None:
    model = _model(tmp_path, STORES)
    cluster = _cluster(model)
    span, hop, record, value = (
        VALUES[name] for name in ("derive_span", "hop_span", "derive_record", "derive_value")
    )
    values = most_reported(model) / 10
    assert _row(cluster, "derive").cores == pytest.approx(
        (6000 * (span + hop) + 8000 * record + values * value) / 1e6
    )
    assert _row(cluster, "sample").cores == pytest.approx(6000 * VALUES["sample_span"] / 1e6)
    assert _row(cluster, "current").cores == pytest.approx(values * VALUES["current_value"] / 1e6)
    # What only a real one would show.
    assert [row.component for row in cluster.pods if row.cores is None] == [
        "prometheus", "alertmanager", "jaeger", "loki"
    ]  # fmt: skip


def test_what_goes_where(tmp_path: Path) -> None:
    cluster = _cluster(_model(tmp_path, STORES))
    flows = {(flow.source, flow.target): flow.rate for flow in cluster.flows}
    # 6000 spans of 330 B, 8000 records of 337 B.
    assert flows["services", "derive"] == pytest.approx(4_676_000)
    assert flows["derive", "sample"] == pytest.approx(1_980_000)
    assert flows["sample", "traces"] == pytest.approx(990_000)
    assert flows["derive", "logs"] == pytest.approx(2_696_000)
    assert cluster.network("sample") == pytest.approx(2_970_000)
    assert cluster.crossing == pytest.approx(sum(flows.values()) * 2 / 3)
    assert ("prometheus", "remote store") not in flows


@pytest.mark.parametrize(
    ("cpus", "busy", "times", "pods"), [(1, 0.5, 1, 2), (1, 0.5, 10, 8), (0.5, 0.8, 10, 10)]
)
def test_pods_of_derive_follow_from_cores(
    cpus: float, busy: float, times: int, pods: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"derive_span": 20, "hop_span": 10, "derive_record": 27}.items():
        monkeypatch.setitem(VALUES, name, value)
    given = f"kubernetes: {{derive: {{cpus: {cpus}, busy: {busy}}}}}"
    cluster = _cluster(_model(tmp_path, STORES, given), times * THOUSAND)
    assert _row(cluster, "derive").needed == pods


def test_pods_of_sample_follow_from_the_traces_that_they_hold(tmp_path: Path) -> None:
    """0.95 x (10 + 10 + 1) + 0.05 x 600 s, 1000 traces a second, 6 spans of 4.5 KiB."""
    sample = _row(_cluster(_model(tmp_path, STORES)), "sample")
    # 299 700 spans; 3/8 of 1024 MiB hold 87 381 of them.
    assert sample.needed == 4
    assert sample.memory_needed == pytest.approx(80 * MIB + 299_700 * 4.5 * 1024 / 4)


def test_each_derive_has_the_counted_series_and_what_processes_report_is_there_once(
    tmp_path: Path,
) -> None:
    model = _model(tmp_path, STORES, "kubernetes: {derive: {replicas: 7}}")
    cluster, load, counted = _cluster(model), _load(model), counted_series(model)
    once = load.series - counted
    assert once >= most_reported(model) > 0
    assert cluster.series == 7 * counted + once + 152 * (7 + 4 + 1)
    assert cluster.samples == cluster.series / 15
    prometheus = _row(cluster, "prometheus")
    assert prometheus.memory_needed == 58 * MIB + cluster.series * 8 * 1024
    # 30 days at 2 B, 3 h at 12 B.
    assert prometheus.disk_needed == pytest.approx(cluster.samples * (2_592_000 * 2 + 10_800 * 12))


def test_stores_keep_copies_and_what_runs_elsewhere_has_no_pods(tmp_path: Path) -> None:
    cluster = _cluster(_model(tmp_path, STORES))
    stored = {one.what: one for one in cluster.stores}
    # 86.4 million requests, half of their 6 spans of 650 B three times; 8 records of 200 B.
    assert stored["traces"].per_day == pytest.approx(505_440_000_000)
    assert stored["traces"].disk == 2 * stored["traces"].per_day
    assert stored["log records"].per_day == pytest.approx(138_240_000_000)
    # 233 GB of records a day, 20 of them a pod.
    assert (_row(cluster, "loki").needed, _row(cluster, "loki").most) == (12, 3)
    elsewhere = _cluster(_model(tmp_path, ELSEWHERE))
    assert elsewhere.row("jaeger") is elsewhere.row("loki") is None
    assert elsewhere.stores[0].per_day == pytest.approx(505_440_000_000 / 3)


def test_nodes_hold_the_pods(tmp_path: Path) -> None:
    given = "kubernetes: {derive: {replicas: 20, most: 20, cpus: 4}}"
    cluster = _cluster(_model(tmp_path, STORES, given))
    # 80 cores of derive, 4 of sample, 1, 2, 0.3, 2, 12: 101.3, by 16 x 0.85.
    assert cluster.cpus == pytest.approx(101.3)
    assert cluster.nodes == 8
    # One in each zone at least.
    assert _cluster(_model(tmp_path, STORES), requests=1).nodes == 3


def test_without_traces_there_is_no_hop(tmp_path: Path) -> None:
    model = _model(tmp_path, "stack: {jaeger: null, loki: null}\nkubernetes: {}")
    cluster = _cluster(model)
    assert cluster.row("sample") is None
    assert not {"sample", "traces", "logs"} & {flow.target for flow in cluster.flows}
    spent = 6000 * VALUES["derive_span"] + 8000 * VALUES["derive_record"]
    spent += most_reported(model) / 10 * VALUES["derive_value"]
    assert _row(cluster, "derive").cores == pytest.approx(spent / 1e6)


def test_nothing_is_told_of_what_is_enough(tmp_path: Path) -> None:
    assert _findings(_model(tmp_path, STORES), requests=1_000_000) == {}


@pytest.mark.parametrize(
    ("given", "times", "path", "told"),
    [
        ("{}", 100, "kubernetes.derive.most", "of 8 cores"),
        ("{}", 2, "kubernetes.sample.most", "7 pods are needed, 4 are allowed; raise it"),
        ("{}", 200, "kubernetes.sample.most", "beyond 600 traces are spread unevenly"),
        ("{}", 2, "kubernetes.loki.replicas", "24 pods are needed, 3 are given"),
        ("{}", 1, "collector.max_processes", "50 processes of the service are likely"),
        (
            "collector: {max_processes: 20000}\nkubernetes: {current: {memory_mib: 128}}",
            1,
            "kubernetes.current.memory_mib",
            "raise it to",
        ),
        (
            MANY.format("memory_mib: 128"),
            1,
            "kubernetes.prometheus.memory_mib",
            "raise it to",
        ),
        (
            MANY.format("disk_gib: 1"),
            1,
            "kubernetes.prometheus.disk_gib",
            "raise it to",
        ),
    ],
)
def test_a_key_that_is_too_low_is_told_with_what_it_should_be(
    given: str, times: int, path: str, told: str, tmp_path: Path
) -> None:
    found = _findings(_model(tmp_path, STORES, given), requests=times * THOUSAND)
    assert told in found[path]


def test_more_series_than_a_prometheus_is_run_with_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(VALUES, "prometheus_series", 100.0)
    found = _findings(_model(tmp_path, STORES))
    assert "100 at most" in found["kubernetes.derive.cpus"]


def test_the_split_that_is_told_is_enough_and_no_smaller_one_is(tmp_path: Path) -> None:
    model = _model(tmp_path, STORES)
    told = _findings(model, requests=100 * THOUSAND)["kubernetes.regions"]
    count = int(told.split(" over ")[1].split()[0].replace(",", ""))
    assert _findings(model, requests=100 * THOUSAND / count) == {}
    assert _findings(model, requests=100 * THOUSAND / (count - 1)) != {}


def test_no_split_is_told_where_none_helps(tmp_path: Path) -> None:
    model = _model(tmp_path, STORES, MANY.format("memory_mib: 128"))
    found = _findings(model)
    assert "kubernetes.prometheus.memory_mib" in found
    assert "kubernetes.regions" not in found


def test_the_command_says_which_limit_is_too_low(tmp_path: Path) -> None:
    (tmp_path / "spec").mkdir()
    small_specs.model_of(tmp_path / "spec", *EVERYTHING, STORES)
    command = ["estimate", "--root", str(tmp_path), "--requests-per-day", str(100 * THOUSAND)]
    told = CliRunner().invoke(app, [*command, "--explain"])
    assert told.exit_code == 0
    assert "kubernetes.sample.most: " in told.stderr
    assert "hop_span = " in told.stdout
    machine = json.loads(CliRunner().invoke(app, [*command, "--format", "json"]).stdout)
    assert [row["component"] for row in machine["pods"]] == [
        "derive", "sample", "current", "prometheus", "alertmanager", "jaeger", "loki"
    ]  # fmt: skip
    paths = [finding["path"] for finding in machine["findings"]]
    assert paths[-1] == "kubernetes.regions"
    assert machine["nodes"] > 3


def test_preflight_tells_the_same(tmp_path: Path) -> None:
    model = _model(tmp_path, STORES)
    (enough,) = preflight._capacity(model, 1_000_000)
    assert enough.level == "ok"
    told = list(preflight._capacity(model, 100 * THOUSAND))
    assert {finding.level for finding in told} == {"fail"}
    assert any(finding.detail.startswith("kubernetes.derive.most: ") for finding in told)
    assert list(preflight._capacity(_model(tmp_path), 100 * THOUSAND)) == []


@pytest.mark.product
def test_the_page_of_sizes_is_what_the_estimate_says() -> None:
    assert sizes.PAGE.read_text("utf-8") == sizes.page()


@pytest.mark.product
@pytest.mark.parametrize("size", sizes.SIZES, ids=lambda size: size.name)
def test_the_overlay_of_a_size_is_enough_for_it(size: sizes.Size) -> None:
    model, _ = sizes.read(sizes.EXAMPLE, *([size.overlay] if size.overlay else []))
    found: list[Finding] = sizes.findings_of(model, size.requests / size.regions)
    assert found == []
    assert model.spec.kubernetes is not None
    if size.regions > 1:
        assert len(model.spec.kubernetes.regions) == size.regions
