"""Findings as programs read them: workflow commands of GitHub, SARIF, pages of the checks."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import jsonschema
import mistakes
import pytest
import yaml
from small_specs import BASE, PARTS, merged
from typer.testing import CliRunner

from imsobs.cli import app
from imsobs.findings.finding import Finding, Level
from imsobs.findings.github import LONGEST, MOST, workflow_commands
from imsobs.findings.pages import pages
from imsobs.findings.sarif import sarif
from imsobs.problems import Position

RUN = CliRunner()
SCHEMA = Path(__file__).parents[1] / "sarif/sarif-schema-2.1.0.json"
HERE = Position("spec/shop.yaml", 3, 7)


@pytest.fixture
def schema() -> jsonschema.Draft4Validator:
    text = SCHEMA.read_bytes()
    noted = (SCHEMA.parent / "README.md").read_text()
    assert hashlib.sha256(text).hexdigest() in noted
    return jsonschema.Draft4Validator(json.loads(text))


def _project(folder: Path, **more: Any) -> Path:
    (folder / "spec").mkdir()
    spec = merged(BASE, PARTS["spans"])
    spec.update(more)
    (folder / "spec/shop.yaml").write_text(yaml.safe_dump(spec, sort_keys=False))
    return folder


def _validate(root: Path, format: str) -> tuple[int, str]:
    done = RUN.invoke(app, ["validate", "--root", str(root), "--format", format])
    return done.exit_code, done.stdout


def _finding(level: Level, message: str = "wrong", file: str = HERE.file) -> Finding:
    return Finding(level, Position(file, 3, 7), "metric/unit", message, ("metrics", "x"))


def test_a_command_has_the_place_the_check_and_the_key_path() -> None:
    assert list(workflow_commands([_finding(Level.error)])) == [
        "::error file=spec/shop.yaml,line=3,col=7,title=metric/unit::metrics.x: wrong"
    ]


def test_what_a_text_holds_ends_neither_message_nor_property() -> None:
    finding = _finding(Level.warning, "50% of\r\n::set-output name=x::y", "a,b:c%/d\n.yaml")
    (line,) = workflow_commands([finding])
    assert line == (
        "::warning file=a%2Cb%3Ac%25/d\\n.yaml,line=3,col=7,title=metric/unit::"
        "metrics.x: 50%25 of\\r%0A:\\x3aset-output name=x::y"
    )


def test_the_gravest_come_first_and_no_more_of_a_level_than_are_shown() -> None:
    findings = [_finding(Level.note)] * 3 + [_finding(Level.error)] * (MOST + 2)
    lines = list(workflow_commands(findings))
    words = [line.split()[0] for line in lines]
    assert words == ["::error"] * MOST + ["2"] + ["::notice"] * 3


def test_a_long_message_is_cut_before_it_is_escaped() -> None:
    (line,) = workflow_commands([_finding(Level.error, "%" * 5000)])
    message = line.split("::")[2].replace("%25", "%")
    assert len(message) == LONGEST
    assert message.endswith("%...")


def test_validate_annotates_the_lines_of_the_spec(tmp_path: Path) -> None:
    labels = {f"wrong_{number}": {"values": [1]} for number in range(12)}
    root = _project(tmp_path, labels=labels)
    code, output = _validate(root, "github")
    assert code == 2
    lines = output.splitlines()
    assert len([line for line in lines if line.startswith("::error ")]) == MOST
    text = (root / "spec/shop.yaml").read_text().splitlines()
    number = int(lines[0].split("line=")[1].split(",")[0])
    assert "wrong_0" in text[number - 1]
    assert lines[-1].endswith(" more of level error are not shown")


def test_sarif_of_every_check_is_what_the_standard_asks_for(
    schema: jsonschema.Draft4Validator,
) -> None:
    levels = list(Level)
    place = Position("a folder/%.yaml", 1, 1)
    findings = [
        Finding(levels[index % 3], place, check, "wrong", ("metrics", index))
        for index, check in enumerate([*pages(), "of/no-page"])
    ]
    found = sarif(findings)
    schema.validate(found)
    (run,) = found["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert len(rules) == len(pages()) + 1
    assert all(rules[r["ruleIndex"]]["id"] == r["ruleId"] for r in run["results"])
    assert all("help" in rule for rule in rules[:-1])
    uri = run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert uri == "a%20folder/%25.yaml"
    run["results"][0]["level"] = "grave"
    with pytest.raises(jsonschema.ValidationError):
        schema.validate(found)


def test_validate_prints_sarif_of_sound_and_of_faulty_specs(
    tmp_path: Path, schema: jsonschema.Draft4Validator
) -> None:
    sound, faulty = tmp_path / "sound", tmp_path / "faulty"
    sound.mkdir(), faulty.mkdir()
    code, output = _validate(_project(sound), "sarif")
    found = json.loads(output)
    schema.validate(found)
    assert (code, found["runs"][0]["results"]) == (0, [])
    code, output = _validate(_project(faulty, sampling={"rat": 0.1}), "sarif")
    found = json.loads(output)
    schema.validate(found)
    (result,) = found["runs"][0]["results"]
    assert code == 2
    assert (result["ruleId"], result["level"]) == ("spec/unknown-key", "error")
    region = result["locations"][0]["physicalLocation"]["region"]
    line = (faulty / "spec/shop.yaml").read_text().splitlines()[region["startLine"] - 1]
    assert line[region["startColumn"] - 1 :].startswith("rat: ")


def test_a_note_fails_nothing_and_is_told_as_one(tmp_path: Path) -> None:
    root = tmp_path
    (root / "spec").mkdir()
    spec = yaml.safe_load(mistakes.SPEC.read_text())
    del spec["alerts"]["ManyFailures"]["runbook"]
    (root / "spec/shop.yaml").write_text(yaml.safe_dump(spec, sort_keys=False))
    code, output = _validate(root, "github")
    assert code == 0, output
    assert "title=alert/missing-runbook::" in output
    assert all(line.startswith("::notice ") for line in output.splitlines())
