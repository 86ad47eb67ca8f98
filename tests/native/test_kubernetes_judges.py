"""What is rendered for Kubernetes, judged by the programs that will read it in the pods."""

from __future__ import annotations

from pathlib import Path

import pytest
import small_specs
from kubernetes_specs import EVERYTHING, FULLEST, STORES, VARIANTS

from imsobs.runtime.verify import Verdict, cluster

pytestmark = pytest.mark.native
# Who judges what; the optional ones only where they were built.
_ALWAYS = {"promtool", "amtool"}
_JUDGES = {
    "stores that are rendered": {"jaeger", "loki", "otelcol-roles"},
    "stores that run already": {"otelcol-roles"},
    "no stores": {"otelcol"},
    FULLEST: {"jaeger", "loki", "otelcol-roles"},
    "protected ports": {"jaeger", "loki", "otelcol-roles"},
}


def _verdicts(folder: Path) -> list[Verdict]:
    return list(cluster.verify(folder))


@pytest.mark.parametrize("name", VARIANTS)
def test_what_pods_read_is_accepted_by_their_programs(name: str, tmp_path: Path) -> None:
    small_specs.rendered(tmp_path, *EVERYTHING, *VARIANTS[name])
    found = _verdicts(tmp_path)
    assert [verdict for verdict in found if not verdict.ok] == []
    assert {verdict.component for verdict in found} >= _ALWAYS | _JUDGES[name]
    assert not {verdict.component for verdict in found if verdict.skipped} & _ALWAYS
    subjects = [verdict.subject for verdict in found]
    assert len(set(subjects)) == len(subjects)
    assert ("stack/kubernetes/global/rules.yaml" in subjects) is (name == FULLEST)
    absent = sorted({verdict.component for verdict in found if verdict.skipped})
    if absent:
        pytest.skip(f"not here: {', '.join(absent)} (imsobs binaries builds them)")


@pytest.mark.parametrize(
    ("file", "old", "new", "subject"),
    [
        ("rules.yaml", "sum by (service_name", "sum bye (service_name", "ConfigMap rules-"),
        ("alertmanager.yaml", "receiver: nobody", "receiver: somebody", "Secret alertmanager-"),
        ("jaeger.yaml", "jaeger_storage:", "jaeger_store:", "ConfigMap jaeger"),
        ("collectors.yaml", "decision_wait:", "decision_weight:", "OpenTelemetryCollector sample"),
    ],
)
def test_what_is_wrong_is_refused_by_its_program(
    file: str, old: str, new: str, subject: str, tmp_path: Path
) -> None:
    small_specs.rendered(tmp_path, *EVERYTHING, STORES)
    path = tmp_path / "stack/kubernetes/base" / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    refused = [verdict for verdict in _verdicts(tmp_path) if not verdict.ok]
    assert refused
    assert all(subject in verdict.subject for verdict in refused)


def test_there_is_nothing_to_judge_of_one_machine(tmp_path: Path) -> None:
    small_specs.rendered(tmp_path, *EVERYTHING)
    assert _verdicts(tmp_path) == []
