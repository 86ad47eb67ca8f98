"""imsobs drift on a running stack: clean, then one component changed by hand after another."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import yaml
from native.conftest import eventually
from native.project import SPEC, rendered_project

from imsobs.compile import read_spec
from imsobs.model import Model
from imsobs.runtime.alertmanager import Alertmanager
from imsobs.runtime.build.binaries import locate
from imsobs.runtime.drift.compare import Difference
from imsobs.runtime.drift.report import report
from imsobs.runtime.drift.run import collect
from imsobs.runtime.process.daemon import Supervisor
from imsobs.runtime.process.launch import script_path
from imsobs.runtime.process.plan import load_plan
from imsobs.runtime.process.stack import RunningStack, running_stack, up
from imsobs.runtime.progress import Silent

pytestmark = [pytest.mark.native, pytest.mark.timeout(240)]
# The product's spec does not schedule runs; here their reports are counted.
REPORTED = {
    "use": [*yaml.safe_load(SPEC.read_text(encoding="utf-8"))["use"], "drift"],
    "alerting": {"groups": {"drift": {"team": "platform"}}},
}
CORE = ("jaeger", "otelcol", "alertmanager", "prometheus")


@dataclass(frozen=True)
class Edited:
    """A running stack whose files and processes a hand changes."""

    stack: RunningStack
    model: Model

    @property
    def root(self) -> Path:
        return self.stack.layout.root

    def drift(self) -> list[Difference]:
        return collect(self.stack.plan, self.stack.layout, self.model)

    def subjects(self) -> set[tuple[str, str]]:
        return {(one.component, one.subject) for one in self.drift()}

    def edit(self, name: str, old: str, new: str) -> None:
        file = self.root / name
        text = file.read_text(encoding="utf-8")
        assert old in text
        file.write_text(text.replace(old, new, 1), encoding="utf-8")

    def restart_by_hand(self, name: str, old: str, new: str) -> None:
        """Change the launch script of a process and restart it."""
        script = script_path(self.stack.layout, name)
        text = script.read_text(encoding="utf-8")
        assert old in text
        script.write_text(text.replace(old, new), encoding="utf-8")
        supervisor = Supervisor(self.stack.layout)
        supervisor.stop_process(name)
        supervisor.start_process(name)
        process = self.stack.plan.processes[name]
        url = self.stack.layout.fill(process.ready)
        eventually(lambda: answers(url), 30)


def answers(url: str) -> bool:
    try:
        return httpx.get(url, trust_env=False).is_success
    except httpx.HTTPError:
        return False


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edited]:
    folder = tmp_path_factory.mktemp("drift")
    root = rendered_project(folder / "project", REPORTED)
    overlays = sorted(root.glob("overlay-*.yaml"))
    model = read_spec([SPEC, *overlays]).model
    assert model is not None
    here = locate(load_plan(root), root, "loki", Silent()) is not None
    names = (*CORE, "loki") if here else CORE
    kept = folder / "kept"
    shutil.copytree(root, kept)
    with running_stack(root, folder / "state", only=names) as stack:
        yield Edited(stack, model)


@pytest.fixture
def edited(whole: Edited, tmp_path: Path) -> Iterator[Edited]:
    """The stack, without drift before and after."""
    found = whole.drift()
    assert found == [], "\n".join(one.line for one in found)
    saved = tmp_path / "saved"
    shutil.copytree(whole.root, saved)
    yield whole
    shutil.copytree(saved, whole.root, dirs_exist_ok=True)
    reload(whole)
    for silence in Alertmanager(whole.stack.plan.processes["alertmanager"].url or "").silences():
        Alertmanager(whole.stack.plan.processes["alertmanager"].url or "").expire(silence.id)


def reload(edited: Edited) -> None:
    Supervisor(edited.stack.layout).signal("prometheus", "HUP")
    way = edited.stack.plan.processes["alertmanager"].reload
    httpx.post(str(way), trust_env=False).raise_for_status()
    time.sleep(1)


def test_a_run_is_counted_with_what_it_found(edited: Edited) -> None:
    report(edited.drift(), edited.model)
    report([Difference("prometheus", "flag x", "30d", "2d")] * 3, edited.model)
    base = edited.stack.plan.api.prometheus

    def counted() -> dict[str, str]:
        query = {"query": '{__name__=~"ims_configuration_.*_total"}'}
        answer = httpx.get(f"{base}/api/v1/query", params=query, trust_env=False).json()
        rows = answer["data"]["result"]
        return {row["metric"]["__name__"]: row["value"][1] for row in rows}

    expected = {"ims_configuration_checks_total": "2", "ims_configuration_differences_total": "3"}
    eventually(lambda: counted() == expected, 60)


def test_a_rule_that_somebody_changed_in_prometheus(edited: Edited) -> None:
    edited.edit("alerts/rules/alerting.yaml", "> 0.2\n", "> 0.9\n")
    reload(edited)
    # On the disk, not as the record has it, and in what Prometheus runs.
    found = edited.drift()
    edited_rules = [one for one in found if one.component == "files"]
    assert [one.subject for one in edited_rules] == ["alerts/rules/alerting.yaml"]
    # Brought back on the disk only: Prometheus goes on with the other.
    edited.edit("alerts/rules/alerting.yaml", "> 0.9\n", "> 0.2\n")
    (rule,) = edited.drift()
    assert rule.component == "prometheus"
    assert rule.subject.startswith("alert CriticalErrorRate: expression ")
    assert "> 0.2" in rule.subject
    assert "> 0.9" in rule.subject
    assert rule.spec == ("alerts", "CriticalErrorRate")


def test_prometheus_configuration_and_flags(edited: Edited) -> None:
    file = "stack/prometheus.yaml"
    before = (edited.root / file).read_text(encoding="utf-8")
    job = "scrape_configs:\n- {job_name: by-hand, static_configs: [{targets: ['127.0.0.1:9']}]}\n"
    changed = before.replace("scrape_interval: 15s", "scrape_interval: 45s", 1)
    changed = changed.replace("scrape_configs:\n", job)
    (edited.root / file).write_text(changed, encoding="utf-8")
    reload(edited)
    (edited.root / file).write_text(before, encoding="utf-8")
    found = edited.drift()
    assert ("prometheus", "global.scrape_interval") in {(f.component, f.subject) for f in found}
    assert ("prometheus", "scrape_configs.by-hand") in {(f.component, f.subject) for f in found}
    assert {f.component for f in found} == {"prometheus"}
    reload(edited)
    eventually(lambda: edited.drift() == [])
    flag = "--storage.tsdb.retention.time="
    edited.restart_by_hand("prometheus", f"{flag}30d", f"{flag}2d")
    found = edited.drift()
    (retention,) = [one for one in found if one.subject.startswith("flag ")]
    assert (retention.rendered, retention.running) == ("30d", "2d")
    assert retention.spec == ("retention", "metrics")
    assert ("prometheus", "arguments") in {(f.component, f.subject) for f in found}
    edited.restart_by_hand("prometheus", f"{flag}2d", f"{flag}30d")


def test_alertmanager_configuration_and_long_silences(edited: Edited) -> None:
    file = "alerts/alertmanager.yaml"
    before = (edited.root / file).read_text(encoding="utf-8")
    (edited.root / file).write_text(
        before.replace("receiver: on-call", "receiver: nobody", 1), encoding="utf-8"
    )
    reload(edited)
    (edited.root / file).write_text(before, encoding="utf-8")
    (route,) = edited.drift()
    assert (route.component, route.rendered, route.running) == (
        "alertmanager", "on-call", "nobody",
    )  # fmt: skip
    assert route.spec == ("routing",)
    reload(edited)
    api = Alertmanager(edited.stack.plan.processes["alertmanager"].url or "")
    api.add("CriticalErrorRate", {}, 3600, "an hour is an incident")
    assert edited.drift() == []
    api.add("CriticalErrorRate", {}, 30 * 86400, "a month is a change")
    (silence,) = edited.drift()
    assert silence.running.startswith("a silence of 30 days")
    assert silence.spec == ("alerts", "CriticalErrorRate")


def test_the_collector_with_another_file_or_argument(edited: Edited) -> None:
    # Its file changed after it was started.
    file = edited.root / "collector/config.yaml"
    file.write_bytes(file.read_bytes() + b"\n# by hand\n")
    assert edited.subjects() == {
        ("files", "collector/config.yaml"), ("otelcol", "collector/config.yaml"),
    }  # fmt: skip
    file.write_bytes(file.read_bytes().removesuffix(b"\n# by hand\n"))
    more = "collector/config.yaml --config 'yaml:service::telemetry::logs::level: warn'"
    edited.restart_by_hand("otelcol", "collector/config.yaml", more)
    (arguments,) = edited.drift()
    assert (arguments.component, arguments.subject) == ("otelcol", "arguments")
    assert "level: warn" in arguments.running
    edited.restart_by_hand("otelcol", more, "collector/config.yaml")


def test_jaeger_stopped_by_hand(edited: Edited) -> None:
    supervisor = Supervisor(edited.stack.layout)
    supervisor.stop_process("jaeger")
    assert ("jaeger", "process") in edited.subjects()
    up(edited.stack.plan, edited.stack.layout, Silent())


def test_loki_with_another_retention(edited: Edited) -> None:
    if "loki" not in edited.stack.plan.processes:
        pytest.skip("loki: not built here; imsobs binaries loki builds it")
    file = edited.root / "stack/loki.yaml"
    before = file.read_bytes()
    file.write_bytes(before.replace(b"retention_period: 168h", b"retention_period: 48h"))
    edited.restart_by_hand("loki", "stack/loki.yaml", "stack/loki.yaml")
    file.write_bytes(before)
    (retention,) = edited.drift()
    assert (retention.component, retention.subject) == ("loki", "limits_config.retention_period")
    assert retention.spec == ("retention", "logs")
    edited.restart_by_hand("loki", "stack/loki.yaml", "stack/loki.yaml")
