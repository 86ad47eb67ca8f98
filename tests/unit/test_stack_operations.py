"""Secrets, estimate, preflight and reload, without a running stack."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from imsobs.cli.app import FOUR_CHECKS
from imsobs.errors import ImsobsError
from imsobs.model import Model
from imsobs.model import estimate as estimating
from imsobs.runtime import mounts, preflight, reload, settings
from imsobs.runtime import secrets as stack_secrets
from imsobs.runtime.process.launch import file_digests
from imsobs.runtime.process.plan import Plan, parse_plan
from imsobs.runtime.verify import Verdict

ROOT = Path(__file__).resolve().parents[2]
_SETTING = r"\b(?:IMS|IMSOBS|OTEL|TRACE|LOG|GRAFANA)_[A-Z_]+\b"


@pytest.fixture(autouse=True)
def no_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(stack_secrets.PASSWORD, raising=False)


def test_without_a_password_there_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(ImsobsError) as caught:
        stack_secrets.prepare(tmp_path)
    assert caught.value.message == (
        "GRAFANA_ADMIN_PASSWORD is not set, and there is no default password"
    )
    assert not (tmp_path / "secrets").exists()


def test_the_password_becomes_a_file_that_a_container_can_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(stack_secrets.PASSWORD, "from-the-environment")
    (tmp_path / "stack").mkdir()
    (tmp_path / "stack/.env").write_text('# a comment\nGRAFANA_ADMIN_PASSWORD="from-the-file"\n')
    stack_secrets.prepare(tmp_path)
    path = tmp_path / stack_secrets.PASSWORD_FILE
    assert path.read_text() == "from-the-environment"
    assert stat.S_IMODE(path.stat().st_mode) == 0o444
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert stack_secrets.compose_environment(tmp_path)[stack_secrets.PASSWORD] == "in-its-file"
    monkeypatch.delenv(stack_secrets.PASSWORD)
    assert stack_secrets.password(tmp_path) == "from-the-file"


def test_disk_follows_requests_and_retention(model: Model) -> None:
    def need(requests: float, component: str) -> estimating.Need:
        load = estimating.Load.of(model, requests)
        rows = estimating.estimate(model, load)
        return next(row for row in rows if row.component == component)

    small, large = need(1_000_000, "jaeger"), need(2_000_000, "jaeger")
    assert large.disk_per_day == pytest.approx(2 * small.disk_per_day)
    buffer = estimating.CONSTANTS["jaeger_buffer"].value
    assert small.disk == pytest.approx(2 * small.disk_per_day + buffer)  # kept for 2d
    # Series, not requests, decide about Prometheus.
    assert need(1, "prometheus").disk == need(10_000_000, "prometheus").disk


def test_a_million_requests_a_day_fit_the_limits(model: Model) -> None:
    for row in estimating.estimate(model, estimating.Load.of(model, 1_000_000)):
        assert row.memory < 0.8 * row.memory_limit, row


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "-"), (950, "950 B"), (1_500, "1.5 kB"), (17_400_000_000, "17 GB"), (2e15, "2000.0 TB")],
)
def test_sizes_are_read_easily(size: float, text: str) -> None:
    assert estimating.human(size) == text


@pytest.mark.parametrize("given", [None, "admin", "short"])
def test_preflight_refuses_weak_passwords(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str | None
) -> None:
    if given is not None:
        monkeypatch.setenv(stack_secrets.PASSWORD, given)
    (finding,) = preflight._password(tmp_path)
    assert finding.level == "fail"


def test_preflight_names_the_missing_secret_file(model: Model, tmp_path: Path) -> None:
    findings = list(preflight._receivers(model, tmp_path))
    failing = [finding for finding in findings if finding.level == "fail"]
    assert failing
    assert all("secrets/alerting/" in finding.remedy for finding in failing)
    folder = tmp_path / model.spec.routing.secrets
    folder.mkdir(parents=True)
    for name in {n for f in failing for n in re.findall(r"alerting/(\w+)", f.remedy)}:
        (folder / name).write_text("x")
    assert not [f for f in preflight._receivers(model, tmp_path) if f.level == "fail"]


def test_preflight_refuses_open_ingest(
    model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMSOBS_OTLP_BIND", "0.0.0.0")  # noqa: S104 - what is refused
    assert [finding.level for finding in preflight._ingest(model, tmp_path)] == ["fail"]


ALL = "0.0.0.0"  # noqa: S104 - what is refused
SETTINGS = {
    "IMSOBS_OTLP_BIND=0.0.0.0": ALL,
    "export IMSOBS_OTLP_BIND=0.0.0.0": ALL,
    "IMSOBS_OTLP_BIND='0.0.0.0'": ALL,
    'IMSOBS_OTLP_BIND="0.0.0.0"   # all': ALL,
    "  IMSOBS_OTLP_BIND=10.1.2.3 # one": "10.1.2.3",
    "IMSOBS_OTLP_BIND=127.evil.example": "127.evil.example",
    "IMSOBS_OTLP_BIND=[::]": "[::]",
}


@pytest.mark.parametrize("line", SETTINGS)
def test_preflight_reads_the_settings_that_compose_gets(
    model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    monkeypatch.delenv("IMSOBS_OTLP_BIND", raising=False)
    (tmp_path / "stack").mkdir()
    (tmp_path / "stack/.env").write_text(f"# settings\n{line}\n")
    assert stack_secrets.compose_environment(tmp_path)["IMSOBS_OTLP_BIND"] == SETTINGS[line]
    (finding,) = preflight._ingest(model, tmp_path)
    assert finding.level == "fail"
    assert SETTINGS[line] in finding.detail
    # The environment wins, in compose as in what is checked.
    monkeypatch.setenv("IMSOBS_OTLP_BIND", "127.0.0.1")
    assert stack_secrets.compose_environment(tmp_path)["IMSOBS_OTLP_BIND"] == "127.0.0.1"
    assert [f.level for f in preflight._ingest(model, tmp_path)] == ["ok"]


@pytest.mark.parametrize(
    "line",
    [
        "IMSOBS_OTLP_BIND: 0.0.0.0",
        "IMSOBS_OTLP_BIND=${OTHER}",
        "IMSOBS_OTLP_BIND",
        'A="x',
        "A=b c",
        "A=\\x",
    ],
)
def test_settings_that_could_be_read_in_two_ways_are_refused(tmp_path: Path, line: str) -> None:
    (tmp_path / "stack").mkdir()
    (tmp_path / "stack/.env").write_text(f"IMSOBS_ENVIRONMENT=staging\n{line}\n")
    with pytest.raises(ImsobsError, match="not NAME=value: line 2"):
        settings.effective(tmp_path)


def test_compose_sees_settings_and_no_secret_of_the_caller(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "canary")
    monkeypatch.setenv("COMPOSE_FILE", "/tmp/evil.yaml")
    monkeypatch.setenv("IMSOBS_IMAGE_LOKI", "mirror/loki:1")
    found = stack_secrets.compose_environment(tmp_path)
    assert found["IMSOBS_IMAGE_LOKI"] == "mirror/loki:1"
    assert not {"AWS_SECRET_ACCESS_KEY", "COMPOSE_FILE"} & set(found)


@pytest.mark.parametrize(
    ("path", "mode", "fixed"),
    [("secrets", 0o755, "chmod 700 secrets"), ("stack/.env", 0o644, "chmod 600 stack/.env"),
     ("secrets/alerting/slack_url", 0o666, "chmod go-w secrets/alerting/slack_url")],
)  # fmt: skip
def test_preflight_tells_of_wide_modes(tmp_path: Path, path: str, mode: int, fixed: str) -> None:
    (tmp_path / "secrets/alerting").mkdir(parents=True)
    (tmp_path / "secrets").chmod(0o700)
    (tmp_path / "stack").mkdir()
    for name in ("secrets/alerting/slack_url", "stack/.env"):
        (tmp_path / name).write_text("A=b")
        (tmp_path / name).chmod(0o600)
    assert [f.level for f in preflight._secrets(tmp_path)] == ["ok"]
    (tmp_path / path).chmod(mode)
    (finding,) = [f for f in preflight._secrets(tmp_path) if f.level != "ok"]
    assert finding.level == "fail"
    assert f"{path} has mode {mode:o}" in finding.detail
    assert finding.remedy == fixed


def test_a_secrets_folder_that_is_a_link_is_neither_used_nor_passed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(stack_secrets.PASSWORD, "correct-horse-battery")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o755)
    root = tmp_path / "root"
    root.mkdir()
    (root / "secrets").symlink_to(elsewhere)
    with pytest.raises(ImsobsError, match="it is a symbolic link"):
        stack_secrets.prepare(root)
    assert elsewhere.stat().st_mode & 0o777 == 0o755
    assert list(elsewhere.iterdir()) == []
    assert "fail" in [f.level for f in preflight._secrets(root)]


@pytest.mark.parametrize("name", ["logs", "alerts", "secrets/alerting", "stack"])
def test_no_link_mounts_another_folder_of_the_machine(tmp_path: Path, name: str) -> None:
    root = tmp_path / "root"
    for folder in ("stack", "alerts", "secrets/alerting"):
        (root / folder).mkdir(parents=True)
    (root / "stack/compose.yaml").write_bytes((ROOT / "stack/compose.yaml").read_bytes())
    mounts.require_inside(root)
    elsewhere = tmp_path / "elsewhere"
    if (root / name).exists():
        (root / name).rename(elsewhere)
    else:
        elsewhere.mkdir()
    (root / name).symlink_to(elsewhere)
    with pytest.raises(ImsobsError, match="does not lie in the project by itself"):
        mounts.require_inside(root)


@pytest.mark.parametrize("source", ["/etc", "../../outside", "../secrets/../.."])
def test_no_folder_outside_of_the_project_is_mounted(tmp_path: Path, source: str) -> None:
    data = {"services": {"x": {"volumes": [{"type": "bind", "source": source, "target": "/x"}]}}}
    (tmp_path / "root/stack").mkdir(parents=True)
    (tmp_path / "root/stack/compose.yaml").write_text(yaml.safe_dump(data))
    with pytest.raises(ImsobsError, match="does not lie in the project"):
        mounts.require_inside(tmp_path / "root")


def test_preflight_reports_what_replaces_a_chosen_image(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "stack").mkdir()
    (tmp_path / "stack/compose.yaml").write_bytes((ROOT / "stack/compose.yaml").read_bytes())
    monkeypatch.setenv("IMSOBS_IMAGE_GRAFANA", "evil/grafana")
    found = list(preflight._images(tmp_path))
    assert "IMSOBS_IMAGE_GRAFANA replaces the image by evil/grafana" in found[0].detail
    assert found[0].level == "warn"


PLAN = """
versions: {}
processes:
  signalled: {component: loki, ready: "http://127.0.0.1:1/", files: [a], reload: HUP}
  restarted: {component: loki, ready: "http://127.0.0.1:2/", files: [b]}
  refused: {component: loki, ready: "http://127.0.0.1:3/", files: [c], reload: HUP}
  same: {component: loki, ready: "http://127.0.0.1:4/", files: [d], reload: HUP}
"""


def test_reload_reports_what_changed_and_what_was_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan: Plan = parse_plan(PLAN)
    for name in "abcd":
        (tmp_path / name).write_text("old")
    loaded = {name: file_digests(tmp_path, p.files) for name, p in plan.processes.items()}
    for name in "abc":
        (tmp_path / name).write_text("new")
    verdicts = {"refused": Verdict("validator", "c", False, "line 3: no such field")}
    monkeypatch.setattr(reload, "run_validator", lambda name, root: verdicts.get(name))
    monkeypatch.setattr(reload, "signalled", lambda name, process, signal: (True, ""))
    noted: list[str] = []
    found = reload.reload_all(
        plan, tmp_path, loaded, lambda name, way: None, lambda name, digest: noted.append(name)
    )
    assert [(item.component, item.outcome) for item in found] == [
        ("signalled", "reloaded"),
        ("restarted", "restart"),
        ("refused", "rejected"),
        ("same", "unchanged"),
    ]
    assert found[2].detail == "line 3: no such field"
    assert noted == ["signalled"]


def test_a_forced_reload_reaches_what_did_not_change_and_can_reload(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan: Plan = parse_plan(PLAN)
    for name in "abcd":
        (tmp_path / name).write_text("same")
    loaded = {name: file_digests(tmp_path, p.files) for name, p in plan.processes.items()}
    verdicts = {"refused": Verdict("validator", "c", False, "no")}
    monkeypatch.setattr(reload, "run_validator", lambda name, root: verdicts.get(name))
    monkeypatch.setattr(reload, "signalled", lambda name, process, signal: (True, ""))
    found = reload.reload_all(
        plan, tmp_path, loaded, lambda name, way: None, lambda name, digest: None, force=True
    )
    assert [(item.component, item.outcome) for item in found] == [
        ("signalled", "reloaded"),
        ("restarted", "unchanged"),
        ("refused", "rejected"),
        ("same", "reloaded"),
    ]


def _guides() -> list[Path]:
    names = ("integration", "migration", "deployment", "limitations", "security", "troubleshooting")
    return [ROOT / f"docs/guide/{name}.md" for name in names]


@pytest.mark.parametrize("command", ["validate", "verify", "doctor", "preflight"])
def test_the_commands_that_check_say_how_they_differ(command: str) -> None:
    from imsobs.cli import app

    page = CliRunner(env={"COLUMNS": "200"}).invoke(app, [command, "--help"]).output
    assert " ".join(FOUR_CHECKS.split()) in " ".join(page.split())
    summary = (ROOT / "docs/guide/troubleshooting.md").read_text()
    assert re.search(rf"Four commands check.*`imsobs {command}`", summary, re.DOTALL)


def test_guides_name_commands_that_exist() -> None:
    from imsobs.cli import app

    listed = CliRunner(env={"COLUMNS": "200"}).invoke(app, ["--help"]).output
    makefile = (ROOT / "Makefile").read_text()
    for guide in _guides():
        text = guide.read_text()
        for command in re.findall(r"\bimsobs ([a-z]+)\b", text):
            assert re.search(rf"\b{command}\b", listed), f"{guide.name}: imsobs {command}"
        for target in re.findall(r"`make ([a-z-]+)`|^make ([a-z-]+)", text, re.M):
            word = target[0] or target[1]
            assert re.search(rf"^{word}:", makefile, re.M), f"{guide.name}: make {word}"


def test_guides_name_settings_that_are_read() -> None:
    folders = ("generator", "stack", "app", "collector", "templates", "examples")
    sources = [
        path.read_text(errors="replace")
        for folder in folders
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and os.path.splitext(path)[1] not in (".pyc", ".png")  # noqa: PTH122
    ]
    known = "\n".join(sources)
    for guide in _guides():
        for setting in set(
            re.findall(r"\b(?:IMS|IMSOBS|OTEL|TRACE|LOG|GRAFANA)_[A-Z_]+\b", guide.read_text())
        ):
            assert setting in known, f"{guide.name}: {setting}"
