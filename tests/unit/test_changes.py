"""What a change of the spec means: one edit, and exactly what is said of it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import small_specs
import yaml
from typer.testing import CliRunner

from imsobs.changes import report
from imsobs.changes.change import Change, Rank
from imsobs.changes.revision import Revision
from imsobs.cli import app
from imsobs.spec.load import Document

ROOT = Path(__file__).resolve().parents[2]
RUN = CliRunner()


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a project under git, with the spec committed once."""
    root = tmp_path_factory.mktemp("project")
    shutil.copytree(ROOT / "spec", root / "spec")
    for command in (
        ["init", "-q"],
        ["add", "spec"],
        ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "one"],
    ):
        subprocess.run(["git", "-C", str(root), *command], check=True)
    return root


def _changes(project: Path, overlay: dict[str, object], tmp_path: Path) -> list[tuple[str, ...]]:
    """Return (rank, key path, text) of what an overlay changes, laid over a copy of the spec."""
    other = tmp_path / "before"
    shutil.copytree(project / "spec", other / "spec", dirs_exist_ok=True)
    edited = tmp_path / "after"
    shutil.copytree(project / "spec", edited / "spec")
    (file,) = (edited / "spec").glob("*.yaml")
    data = yaml.load(file.read_text(), yaml.CSafeLoader)
    _lay(data, overlay)
    file.write_text(yaml.dump(data, Dumper=yaml.CSafeDumper, sort_keys=False))
    done = RUN.invoke(app, ["diff", str(other), "--root", str(edited), "--format", "json"])
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)["changes"]
    return [(c["rank"], ".".join(map(str, c["path"])), c["text"]) for c in found]


def _lay(data: dict[str, object], overlay: dict[str, object]) -> None:
    for key, value in overlay.items():
        if value == "GONE":
            del data[key]
        elif isinstance(value, dict) and isinstance(data.get(key), dict):
            _lay(data[key], value)  # type: ignore[arg-type]
        else:
            data[key] = value


def _a_metric(project: Path) -> str:
    (file,) = (project / "spec").glob("*.yaml")
    return str(next(iter(yaml.load(file.read_text(), yaml.CSafeLoader)["metrics"])))


def test_nothing_changes_from_a_revision_to_itself(project: Path) -> None:
    done = RUN.invoke(app, ["diff", "--root", str(project), "--fail-on", "cosmetic"])
    assert done.exit_code == 0
    assert done.stdout == "nothing changes from HEAD to the working tree\n"


def test_a_threshold_that_moves_is_behaviour(project: Path, tmp_path: Path) -> None:
    found = _changes(project, {"alerts": {"ModelFallbackSpike": {"threshold": 77}}}, tmp_path)
    moved = [row for row in found if row[1] == "alerts.ModelFallbackSpike.threshold"]
    assert len(moved) == 1
    assert moved[0][0] == "behaviour"
    assert moved[0][2].startswith("alert ModelFallbackSpike: threshold ")
    assert moved[0][2].endswith("77/s") or moved[0][2].endswith("77")


def test_an_alert_that_is_off_notifies_nobody_any_more(project: Path, tmp_path: Path) -> None:
    found = _changes(project, {"alerts": {"ModelFallbackSpike": {"enabled": False}}}, tmp_path)
    texts = [text for rank, _, text in found if rank == "breaking"]
    assert "alert ModelFallbackSpike: off: it never fires" in texts
    assert any(text.endswith("no longer notified") for text in texts)


def test_a_shorter_retention_and_a_lost_redaction_break(project: Path, tmp_path: Path) -> None:
    overlay = {"retention": {"logs": "3d"}, "redaction": {"values": {}, "keys": ["password"]}}
    found = _changes(project, overlay, tmp_path)
    assert ("breaking", "retention.logs") in {(rank, path) for rank, path, _ in found}
    assert any(
        rank == "breaking" and path.startswith("redaction") and "no longer" in text
        for rank, path, text in found
    )


def test_a_description_is_cosmetic(project: Path, tmp_path: Path) -> None:
    metric = _a_metric(project)
    found = _changes(project, {"metrics": {metric: {"description": "Other words."}}}, tmp_path)
    assert ("cosmetic", f"metrics.{metric}", "description") in found
    assert {rank for rank, _, _ in found} == {"cosmetic"}


@pytest.fixture
def renamed(project: Path, tmp_path: Path) -> Path:
    """Return a clone in which a metric has another name, everywhere."""
    root = tmp_path / "clone"
    shutil.copytree(project, root)
    (file,) = (root / "spec").glob("*.yaml")
    text = file.read_text()
    file.write_text(text.replace("ims_model_fallbacks_total", "ims_model_switches_total"))
    return root


def test_a_rename_is_told_as_one_with_its_place_and_its_users(renamed: Path) -> None:
    done = RUN.invoke(app, ["diff", "--root", str(renamed), "--fail-on", "breaking"])
    assert done.exit_code == 1
    (line,) = [text for text in done.stdout.splitlines() if "renamed from" in text]
    assert "metrics.ims_model_switches_total: renamed from ims_model_fallbacks_total" in line
    assert "used by alert " in line
    file, number = line.strip().split(":")[:2]
    named = (Path.cwd() / file).read_text().splitlines()[int(number) - 1]
    assert named.strip().startswith("ims_model_switches_total:")
    # Removed and added, it would have been two lines.
    assert "metrics.ims_model_fallbacks_total" not in done.stdout


def test_a_bridge_records_the_new_series_under_the_old_name(renamed: Path) -> None:
    done = RUN.invoke(app, ["diff", "--root", str(renamed), "--bridge"])
    assert yaml.safe_load(done.stdout)["groups"] == [
        {
            "name": "bridge",
            "rules": [{"record": "ims_model_fallbacks_total", "expr": "ims_model_switches_total"}],
        }
    ]


def test_annotations_name_lines_of_the_files_under_review(renamed: Path) -> None:
    done = RUN.invoke(app, ["diff", "--root", str(renamed), "--format", "github"])
    first = done.stdout.splitlines()[0]
    assert first.startswith("::error file=")
    assert ",line=" in first
    assert "%0A" not in first
    assert max(done.stdout.count(f"::{level} ") for level in ("error", "warning", "notice")) <= 10


def test_markdown_keeps_what_a_text_says_as_text(renamed: Path) -> None:
    done = RUN.invoke(app, ["diff", "--root", str(renamed), "--format", "markdown"])
    assert "metrics.ims\\_model\\_switches\\_total: renamed" in done.stdout
    assert "| series | " in done.stdout


EVIL = "@everyone ![x](http://evil/x) <b> ##[error]x ::error::y\n::stop-commands::z &lt; ~~a~~"


@pytest.fixture
def evil(tmp_path: Path) -> report.Report:
    """A comparison in which a text and the name of a file are a stranger's."""
    model = small_specs.model_of(tmp_path)
    document = Document(root=f"spec/a`{EVIL}.yaml")
    side = Revision(f"x`{EVIL}", document, model)
    change = Change(Rank.breaking, ("metrics", EVIL), EVIL, uses=(EVIL,))
    return report.Report(side, side, [change])


def test_a_comment_obeys_nothing_and_notifies_nobody(evil: report.Report) -> None:
    text = "\n".join(report.markdown(evil))
    shown = re.sub(r"(?<!`)(`+)(?!`).*?(?<!`)\1(?!`)", "", text.replace("\n\n", "\0"))
    assert "@<!-- -->everyone" in shown
    for foreign in ("@everyone", "![x]", "<b>", "~~a", " &lt;"):
        assert foreign not in shown, foreign


def test_an_annotation_is_one_command_with_its_own_words(evil: report.Report) -> None:
    lines = list(report.github(evil))
    assert [line for line in lines if "\n" in line] == []
    (first,) = lines
    command, _, message = first.removeprefix("::error ").partition("::")
    assert re.fullmatch(r"file=[^:,]*,line=1,col=1,title=breaking", command)
    assert "::stop-commands::" not in message
    assert "##[" not in first


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("no-such-revision", "is no revision of a git repository"),
        ("--output=/tmp/x", "is no revision of a git repository"),
    ],
)
def test_what_is_no_revision_is_refused(project: Path, name: str, said: str) -> None:
    done = subprocess.run(
        ["imsobs", "diff", "--root", str(project), "--", name],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": f"{ROOT / '.venv/bin'}:/usr/bin:/bin"},
    )
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_revision_that_cannot_be_read_is_named_with_its_lines(
    project: Path, tmp_path: Path
) -> None:
    root = tmp_path / "clone"
    shutil.copytree(project, root)
    (file,) = (root / "spec").glob("*.yaml")
    sound = file.read_text()
    file.write_text(sound.replace("\nservice:", "\nservise:"))
    command = ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qam", "two"]
    subprocess.run(["git", "-C", str(root), *command], check=True)
    file.write_text(sound)
    done = subprocess.run(
        ["imsobs", "diff", "--root", str(root)],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": f"{ROOT / '.venv/bin'}:/usr/bin:/bin"},
    )
    assert done.returncode == 2
    assert f"HEAD:spec/{file.name}:" in done.stderr
    assert "servise" in done.stderr
