"""What a cluster needs at a request rate, worked out by hand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import small_specs
from kubernetes_specs import EVERYTHING, STORES
from typer.testing import CliRunner

from imsobs.cli import app
from imsobs.model import Model
from imsobs.model.cluster_estimate import Pods, cluster_estimate, cluster_series
from imsobs.model.estimate import Load

# 1000 requests a second, all the time.
THOUSAND = 86_400_000


def _load(model: Model, requests: float = THOUSAND) -> Load:
    return Load.of(model, requests, spans=6, records=8, kept=0.5, peak=1, duration=10, unended=0.05)


def _rows(folder: Path, *texts: str, requests: float = THOUSAND) -> dict[str, Pods]:
    model = small_specs.model_of(folder, *EVERYTHING, *texts)
    assert model.spec.kubernetes is not None
    rows = cluster_estimate(model, model.spec.kubernetes, _load(model, requests))
    return {row.component: row for row in rows}


def test_cores_follow_from_spans_and_records(tmp_path: Path) -> None:
    rows = _rows(tmp_path, STORES)
    # 6000 spans of 20 + 10 us, 8000 records of 27 us.
    assert rows["derive"].cores == pytest.approx(0.396)
    # 6000 spans of 10 + 18 us.
    assert rows["sample"].cores == pytest.approx(0.168)
    # In and out: 6000 spans of 330 B, 8000 records of 337 B.
    assert rows["derive"].network == pytest.approx(9_352_000)
    # In, and the half that is kept out.
    assert rows["sample"].network == pytest.approx(2_970_000)


@pytest.mark.parametrize(
    ("cpus", "busy", "times", "pods"), [(1, 0.5, 1, 2), (1, 0.5, 10, 8), (0.5, 0.8, 10, 10)]
)
def test_pods_of_derive_follow_from_cores(
    cpus: float, busy: float, times: int, pods: int, tmp_path: Path
) -> None:
    given = f"kubernetes: {{derive: {{cpus: {cpus}, busy: {busy}}}}}"
    assert _rows(tmp_path, STORES, given, requests=times * THOUSAND)["derive"].needed == pods


def test_pods_of_sample_follow_from_the_traces_that_they_hold(tmp_path: Path) -> None:
    """0.95 x (10 + 10 + 1) + 0.05 x 600 s, 1000 traces a second, 6 spans of 4.3 KiB."""
    sample = _rows(tmp_path, STORES)["sample"]
    # 299 700 spans; 3/8 of 1024 MiB hold 91 445 of them.
    assert sample.needed == 4
    assert sample.memory_needed == pytest.approx(80 * 1024**2 + 299_700 * 4.3 * 1024 / 4)


def test_each_derive_has_the_series_of_the_service(tmp_path: Path) -> None:
    model = small_specs.model_of(tmp_path, *EVERYTHING, STORES, "kubernetes: {derive: {busy: 0.5}}")
    given = model.spec.kubernetes
    assert given is not None
    load = _load(model, 10 * THOUSAND)
    rows = cluster_estimate(model, given, load)
    pods = {row.component: row.needed for row in rows}
    collectors = pods["derive"] + pods["sample"] + pods["current"]
    assert pods["derive"] == 8
    assert cluster_series(rows, load) == 8 * load.series + 143 * collectors


def test_without_traces_there_is_no_hop(tmp_path: Path) -> None:
    rows = _rows(tmp_path, "stack: {jaeger: null, loki: null}\nkubernetes: {}")
    assert "sample" not in rows
    assert rows["derive"].cores == pytest.approx(0.336)


def test_the_command_says_which_limit_is_too_low(tmp_path: Path) -> None:
    (tmp_path / "spec").mkdir()
    small_specs.model_of(tmp_path / "spec", *EVERYTHING, STORES)
    command = ["estimate", "--root", str(tmp_path), "--requests-per-day", str(100 * THOUSAND)]
    told = CliRunner().invoke(app, command)
    assert told.exit_code == 0
    assert "sample needs" in told.stderr
    assert "raise kubernetes.sample.most" in " ".join(told.stderr.split())
    machine = CliRunner().invoke(app, [*command, "--format", "json"])
    assert {row["component"] for row in json.loads(machine.stdout)["pods"]} == {
        "derive", "sample", "current", "prometheus"
    }  # fmt: skip
