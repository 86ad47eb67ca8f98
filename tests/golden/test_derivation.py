"""Every case: this OTLP in, exactly these series out of the real Collector."""

from __future__ import annotations

import pytest
from golden.cases import CASES, Case, differences, send
from golden.collector import Collector

pytestmark = pytest.mark.native


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_exactly_these_series(case: Case, collector: Collector) -> None:
    send(case, collector)
    assert not (found := differences(case, collector, collector.series())), "\n".join(found)
