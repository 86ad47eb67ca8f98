"""Every case: this OTLP in, exactly these series out of the real Collector."""

from __future__ import annotations

import pytest
from golden import otlp, series
from golden.cases import CASES, Case
from golden.collector import Collector

pytestmark = pytest.mark.native

_BUILDERS = {
    "spans": ("traces", otlp.traces),
    "logs": ("logs", otlp.logs),
    "metrics": ("metrics", otlp.metrics),
}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_exactly_these_series(case: Case, collector: Collector) -> None:
    for request in case.requests:
        for kind, given in request.items():
            name, build = _BUILDERS[kind]
            collector.send(name, build(case.service, given))
    have = series.of_service(collector.series(), case.service)
    want: dict[str, series.Rows] = {}
    names: list[str] = []
    for metric_name, out in case.out.items():
        metric = collector.model.metrics[metric_name]
        want.update(series.expected(metric, out, case.service))
        names += [n for n, s in collector.model.series.items() if s.metric == metric_name]
    assert not (found := series.differences(want, have, names)), "\n".join(found)
