"""A spec that is a folder of files means what one file with the same sections means."""

from __future__ import annotations

from pathlib import Path

import pytest

from imsobs.artifacts import REFERENCE
from imsobs.compile import read_spec, render_model
from imsobs.errors import ImsobsError
from imsobs.measurements import FILE
from imsobs.project import spec_of
from imsobs.spec.load import load

SPEC = Path(__file__).resolve().parents[2] / "spec" / "ims.yaml"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the product's spec, cut into a file per section, some of them deeper."""
    found = tmp_path / "spec"
    (found / "deeper").mkdir(parents=True)
    section: list[str] = []
    name = "start"
    for line in [*SPEC.read_text().splitlines(keepends=True), "end:\n"]:
        if line[0].isalpha():
            place = found / "deeper" if name in ("alerts", "metrics") else found
            (place / f"{name}.yaml").write_text("".join(section))
            section, name = [], line.partition(":")[0]
        section.append(line)
    # What the spec names, at the same place beside it.
    kept = tmp_path / REFERENCE / FILE
    kept.parent.mkdir(parents=True)
    kept.write_bytes((SPEC.parents[1] / REFERENCE / FILE).read_bytes())
    return found


def test_a_folder_renders_what_one_file_renders(folder: Path) -> None:
    model, expected = read_spec([folder]).model, read_spec([SPEC]).model
    assert model is not None
    assert expected is not None
    assert render_model(model) == render_model(expected)


def test_a_section_may_be_spread_over_files(tmp_path: Path) -> None:
    for name, text in {"a": "rules: {x: 1}\n", "b": "rules: {y: 2}\nversion: 1\n"}.items():
        (tmp_path / f"{name}.yaml").write_text(text)
    document, problems = load([tmp_path])
    assert problems == []
    assert document.data == {"rules": {"x": 1, "y": 2}, "version": 1}
    assert document.locate(("rules", "y")).file.endswith("b.yaml")


def test_a_value_that_is_no_mapping_is_given_once(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.yaml").write_text("version: 1\n")
    document, (problem,) = load([tmp_path])
    line = document.format(problem)
    assert line.startswith(f"{tmp_path}/b.yaml:1:1: version: also given at {tmp_path}/a.yaml:1:1;")


def test_a_project_has_one_file_or_a_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder.parent)
    assert spec_of(folder.parent) == Path("spec")
    for file in folder.rglob("*.yaml"):
        if file.name != "metrics.yaml":
            file.unlink()
    assert spec_of(folder.parent) == Path("spec/deeper/metrics.yaml")
    monkeypatch.chdir(folder)
    assert spec_of(folder.parent) == Path("deeper/metrics.yaml")


@pytest.mark.parametrize("others", [(), ("labels.yaml",)], ids=["one file", "folder"])
@pytest.mark.parametrize("way", ["file", "folder", "loop"])
def test_a_link_out_of_the_project_is_not_read(
    tmp_path: Path, others: tuple[str, ...], way: str
) -> None:
    """A repository can carry a link to what only its reader may read; messages would tell it."""
    secret = tmp_path / "home" / "credentials.yaml"
    secret.parent.mkdir()
    secret.write_text("hunter2: hunter2\n")
    spec = tmp_path / "project" / "spec"
    spec.parent.mkdir()
    if way == "folder":
        spec.symlink_to(secret.parent)
        for name in others:
            (secret.parent / name).write_text("labels: {}\n")
    else:
        spec.mkdir()
        (spec / "secret.yaml").symlink_to(secret if way == "file" else "secret.yaml")
        for name in others:
            (spec / name).write_text("labels: {}\n")
    try:
        said = " ".join(read_spec([spec_of(spec.parent)]).lines())
    except ImsobsError as error:
        said = str(error)
    assert "hunter2" not in said
    assert "leads out of the project" in said or "symbolic links" in said


def test_a_link_within_the_project_is_read(tmp_path: Path) -> None:
    spec = tmp_path / "spec"
    spec.mkdir()
    (tmp_path / "shared.yaml").write_text("rules: {x: 1}\n")
    (spec / "a.yaml").symlink_to("../shared.yaml")
    (spec / "b.yaml").write_text("version: 1\n")
    document, problems = load([spec_of(tmp_path)])
    assert problems == []
    assert document.data == {"rules": {"x": 1}, "version": 1}
