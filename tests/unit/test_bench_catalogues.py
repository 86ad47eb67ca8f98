"""The benchmarks' grown specs are specs: the Collector's configuration of each can be made."""

from __future__ import annotations

from typing import Any

import pytest

from bench import catalogues, otelcol
from bench.collector import METRICS


@pytest.mark.parametrize("grown", [catalogues.of_same_signals, catalogues.of_other_signals])
@pytest.mark.parametrize("count", METRICS)
def test_as_many_metrics_as_asked_for_are_rendered(grown: Any, count: int) -> None:
    spec = catalogues.real()
    made = grown(spec, count)
    fewer = grown is catalogues.of_other_signals and count < len(catalogues.derived(spec))
    assert fewer or len(catalogues.derived(made)) == count
    assert otelcol.full(made)["service"]["pipelines"]
