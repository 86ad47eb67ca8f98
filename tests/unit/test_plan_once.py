"""Plans of several products: each is made once, and what starts a product is told its files."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from imsobs import yamlio
from imsobs.compile import read_spec, render_model
from imsobs.outputs.collector import derive

SPEC = Path(__file__).resolve().parents[2] / "spec/ims.yaml"


def digests(tmp_path: Path, overlay: str) -> dict[str, str]:
    """Return service -> digest of what it reads at its start."""
    (tmp_path / "overlay.yaml").write_text(overlay)
    compiled = read_spec([SPEC, tmp_path / "overlay.yaml"])
    assert compiled.model is not None, compiled.lines()
    compose = yaml.safe_load(render_model(compiled.model)["stack/compose.yaml"])
    services = compose["services"].items()
    return {name: one["labels"]["imsobs.config"] for name, one in services if one.get("labels")}


@pytest.fixture(scope="module")
def unchanged(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return digests(tmp_path_factory.mktemp("unchanged"), "{}")


@pytest.mark.parametrize(
    ("overlay", "restarted"),
    [
        ("collector: {keep_idle: 2h}", {"otelcol"}),
        ("stack: {ingest: {auth: bearer}}", {"otelcol"}),
        ("retention: {logs: 240h}", {"loki"}),
        # Alertmanager, Prometheus and Grafana reload these.
        ("alerts: {ModelFallbackSpike: {threshold: 6}}", set()),
    ],
)
def test_a_service_starts_anew_when_what_it_reads_at_its_start_changes(
    tmp_path: Path, unchanged: dict[str, str], overlay: str, restarted: set[str]
) -> None:
    after = digests(tmp_path, overlay)
    assert after.keys() == unchanged.keys()
    assert {name for name in after if after[name] != unchanged[name]} == restarted


def test_nothing_is_planned_or_written_as_yaml_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = read_spec([SPEC])
    assert compiled.model is not None
    planned, dumped = [], []
    groups, dump = derive.trace_groups, yamlio.dump
    monkeypatch.setattr(derive, "trace_groups", lambda model: planned.append(1) or groups(model))
    monkeypatch.setattr(yamlio, "dump", lambda data: dumped.append(dump(data)) or dumped[-1])
    files = render_model(compiled.model)
    assert len(planned) == 1
    written = [text for path, text in files.items() if path.endswith(".yaml")]
    assert sum(map(len, dumped)) <= sum(map(len, written))
