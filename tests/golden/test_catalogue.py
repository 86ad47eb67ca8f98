"""No metric without a case: what the Collector derives is proven, metric by metric."""

from __future__ import annotations

import pytest
from golden.cases import CASES
from golden.collector import ROOT

from imsobs.model import Model

# Proven by a test of their own, for want of a synchronous answer.
ELSEWHERE = {
    "ims_health_status": "golden/test_probe.py",
    "ims_health_check_duration_seconds": "golden/test_probe.py",
    "ims_process_alive": "golden/test_gauge_folds.py",
    "ims_received_spans_total": "golden/test_received_spans.py",
    "ims_redactions_total": "golden/test_redaction.py",
    "ims_kept_request_duration_seconds": "golden/test_exemplars.py",
}


@pytest.fixture(scope="module")
def catalogue(model: Model) -> dict[str, bool]:
    """Metric -> whether the Collector exposes it."""
    return {name: metric.kind.exposed for name, metric in model.metrics.items()}


def test_every_derived_metric_has_a_case(catalogue: dict[str, bool]) -> None:
    derived = {name for name, exposed in catalogue.items() if exposed}
    proven = {name for case in CASES for name, out in case.out.items() if out}
    missing = sorted(derived - proven - set(ELSEWHERE))
    assert not missing, "no case of tests/golden/cases says what comes out: " + ", ".join(missing)


@pytest.mark.parametrize("name", sorted(ELSEWHERE))
def test_elsewhere_is_real(name: str, catalogue: dict[str, bool]) -> None:
    assert name in catalogue
    assert name in (ROOT / "tests" / ELSEWHERE[name]).read_text()


def test_cases_name_known_metrics(catalogue: dict[str, bool]) -> None:
    named = {name for case in CASES for name in case.out}
    assert named <= set(catalogue)
