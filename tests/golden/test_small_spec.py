"""Every derived series of a small spec: telemetry in, exactly the values worked out by hand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from golden import otlp
from golden.cases import Case, differences, load, send
from golden.collector import Collector

pytestmark = pytest.mark.native
FOLDER = Path(__file__).parent / "small"
CASES = [load(file) for file in sorted(FOLDER.glob("*.yaml")) if file.stem != "spec"]


@pytest.fixture(scope="module")
def small(otelcol: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collector]:
    """A Collector with what the small spec renders."""
    folder = tmp_path_factory.mktemp("small")
    ports = ("metrics", "processes", "state")
    running = Collector(otelcol, folder, spec=FOLDER / "spec.yaml", exposed=ports).start()
    yield running
    running.close()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_these_series_and_no_other(case: Case, small: Collector) -> None:
    send(case, small)
    nothing: dict[str, dict[str, object]] = {
        name: {} for name, metric in small.model.metrics.items() if metric.kind.exposed
    }
    whole = replace(case, out={**nothing, **case.out})
    assert not (found := differences(whole, small, small.series())), "\n".join(found)


def test_a_service_that_the_spec_does_not_name_is_other(small: Collector) -> None:
    span = {"kind": "consumer", "scope": "rest", "attributes": {"kept": "x"}}
    for service in ("case-jobs-x", "x-case-jobs"):
        small.send("traces", otlp.traces(service, [span]))
    small.send("traces", otlp.traces("", [{**span, "resource": {"service.name": None}}]))
    found = small.series()["shop_rest_total"]
    assert {dict(labels)["service_name"]: value for labels, value in found.items()}["other"] == 3
