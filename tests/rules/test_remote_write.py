"""Samples on their way to a remote store, and the mesh: what is told, and what is no fault."""

from __future__ import annotations

from pathlib import Path

import promtool
import pytest
import small_specs
from kubernetes_specs import STORES

pytestmark = pytest.mark.native
SENT_ON = 'kubernetes: {prometheus: {remote_write: {url: "http://mimir/api/v1/push"}}}'
REMOTE = {"RemoteWriteFailing", "RemoteWriteBehind"}
MESH = "AlertmanagerMeshBroken"
# In steps of 15 s, an hour.
HOUR = 240
_OF = 'job="prometheus",instance="a",remote_name="store",url="http://mimir"'
NEWEST = f"prometheus_remote_storage_queue_highest_timestamp_seconds{{{_OF}}}"
TAKEN = f"prometheus_remote_storage_queue_highest_sent_timestamp_seconds{{{_OF}}}"
FAILED = f"prometheus_remote_storage_samples_failed_total{{{_OF}}}"
DROPPED = f'prometheus_remote_storage_samples_dropped_total{{{_OF},reason="too_old"}}'
SENT = {f"prometheus_remote_storage_samples_total{{{_OF}}}": f"0+1000x{HOUR}"}
STARTED = 'process_start_time_seconds{job="prometheus",instance="a"}'


@pytest.fixture(scope="module")
def rules(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The rules of a small spec whose samples are sent on."""
    folder = tmp_path_factory.mktemp("spec")
    small_specs.rendered_alone(folder, STORES, SENT_ON)
    return [folder / "alerts/rules/alerting.yaml"]


def test_they_are_there_where_there_is_something_to_watch(tmp_path: Path) -> None:
    alone = set(small_specs.smallest(tmp_path).alerts)
    assert not alone & {*REMOTE, MESH}
    nothing_sent = set(small_specs.smallest(tmp_path, STORES).alerts)
    assert nothing_sent - alone == {MESH}
    assert set(small_specs.smallest(tmp_path, STORES, SENT_ON).alerts) - nothing_sent == REMOTE


@pytest.mark.parametrize(
    ("series", "before", "after"),
    [
        pytest.param(
            {NEWEST: f"10000+15x{HOUR}", TAKEN: f"9990+15x{HOUR}"}, [], [], id="it keeps up"
        ),
        pytest.param(
            {NEWEST: f"10000+15x{HOUR}", TAKEN: f"10000+15x120 11800x{HOUR}"},
            [],
            ["RemoteWriteBehind"],
            id="the store goes away",
        ),
        pytest.param(
            {NEWEST: f"10000+15x{HOUR}", TAKEN: f"10000+15x80 11200x20 11500+15x{HOUR}"},
            [],
            [],
            id="the store is away for less",
        ),
        pytest.param(
            {NEWEST: f"0+15x{HOUR}", TAKEN: f"0x{HOUR}", STARTED: f"0x{HOUR}"},
            ["RemoteWriteBehind"],
            ["RemoteWriteBehind"],
            id="the store was never there",
        ),
        pytest.param(
            {NEWEST: f"_x170 2550+15x{HOUR}", TAKEN: f"_x170 0x{HOUR}", STARTED: f"2550x{HOUR}"},
            [],
            [],
            id="Prometheus has just started",
        ),
        pytest.param(
            {**SENT, FAILED: f"0x100 0+1000x{HOUR}"},
            [],
            ["RemoteWriteFailing"],
            id="it refuses all",
        ),
        pytest.param(
            {**SENT, FAILED: f"0x{HOUR}", DROPPED: f"_x100 0+50x{HOUR}"},
            [],
            ["RemoteWriteFailing"],
            id="some are given up",
        ),
        # A batch that was answered too late, and is refused when it is sent again.
        pytest.param({**SENT, FAILED: f"0x100 500x{HOUR}"}, [], [], id="a batch is refused"),
        pytest.param({FAILED: f"0x{HOUR}"}, [], [], id="nothing is sent"),
    ],
)
def test_of_the_remote_store_it_is_told(
    series: dict[str, str], before: list[str], after: list[str], rules: list[Path], tmp_path: Path
) -> None:
    _told(series, {"29m": before, "44m": after}, rules, tmp_path)


def _mesh(members: str, up: str) -> dict[str, str]:
    """Return three Alertmanagers; of the third how many it knows, and whether it is up."""
    series = {}
    for pod, (known, running) in {"a": ("3", "1"), "b": ("3", "1"), "c": (members, up)}.items():
        series[f'up{{job="alertmanager",instance="{pod}"}}'] = f"{running}x{HOUR}"
        name = f'alertmanager_cluster_members{{job="alertmanager",instance="{pod}"}}'
        series[name] = f"{known}x{HOUR}"
    return series


@pytest.mark.parametrize(
    ("series", "told"),
    [
        pytest.param(_mesh("3", "1"), [], id="all know all"),
        pytest.param(_mesh("1", "1"), [MESH], id="one is alone"),
        # That is TargetDown.
        pytest.param(_mesh("_", "0"), [], id="one is down"),
        pytest.param({'up{job="alertmanager",instance="a"}': f"1x{HOUR}"}, [], id="no mesh"),
    ],
)
def test_of_the_mesh_it_is_told(
    series: dict[str, str], told: list[str], rules: list[Path], tmp_path: Path
) -> None:
    _told(series, {"44m": told}, rules, tmp_path)


def _told(
    series: dict[str, str], when: dict[str, list[str]], rules: list[Path], folder: Path
) -> None:
    names = "|".join([*sorted(REMOTE), MESH])
    firing = f'count by (alertname) (ALERTS{{alertname=~"{names}", alertstate="firing"}})'
    questions = [
        promtool.asked(firing, at, {f'{{alertname="{name}"}}': 1 for name in told})
        for at, told in when.items()
    ]
    promtool.check(folder, series, questions, rules)
