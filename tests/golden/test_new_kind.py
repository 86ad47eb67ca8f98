"""A kind that the package does not have, counted by a real Collector."""

from __future__ import annotations

from pathlib import Path

import pytest
from golden import otlp, series
from golden.collector import Collector

from tests.new_kind import METRIC, extend, run

pytestmark = pytest.mark.native


def test_a_new_kind_is_counted_and_labelled(otelcol: Path, tmp_path: Path) -> None:
    collector = Collector(otelcol, tmp_path)
    rendered = run(
        extend(tmp_path / "extended"),
        "render",
        "--out",
        tmp_path / "rendered",
        stack={"otelcol": {"ports": collector.ports}},
    )
    assert rendered.returncode == 0, rendered.stdout + rendered.stderr
    collector.config.write_bytes((tmp_path / "rendered/collector/config.yaml").read_bytes())
    try:
        collector.start()
        records = [
            {"severity": 17, "attributes": {"tenant_id": "a"}, "count": 3},
            {"severity": 9, "attributes": {"tenant_id": "b", "carried": "forged"}},
            {"severity": 9, "body": "of no tenant"},
        ]
        collector.send("logs", otlp.logs("ims-core", records))
        found = series.of_service(collector.series(), "ims-core")[METRIC]
    finally:
        collector.close()
    counted = {
        (dict(labels)["severity"], dict(labels)["carried"]): value
        for labels, value in found.items()
    }
    assert counted == {("error", "tenant_id"): 3, ("info", "tenant_id"): 1}
