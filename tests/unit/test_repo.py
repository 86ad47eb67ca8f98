"""What holds for the repository as a whole."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from imsobs import yamlio
from imsobs.compile import read_spec, render_model
from imsobs.model import Model
from imsobs.outputs import plan_all
from imsobs.pages import HEADER, YamlPage
from imsobs.write import MANIFEST

ROOT = Path(__file__).resolve().parents[2]
# Folders that only `make render` writes.
GENERATED = ("collector", "app", "alerts", "dashboards", "stack", "docs/runbooks")


def tracked() -> list[str]:
    listing = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return listing.stdout.splitlines()


def test_committed_files_are_what_the_spec_says(rendered: dict[str, bytes]) -> None:
    drifted = [
        path
        for path, content in rendered.items()
        if not (ROOT / path).is_file() or (ROOT / path).read_bytes() != content
    ]
    assert drifted == [], "run `make render` and commit the result"


def test_rendering_twice_gives_the_same_bytes(rendered: dict[str, bytes]) -> None:
    compiled = read_spec([ROOT / "spec" / "ims.yaml"])
    assert compiled.model is not None
    assert render_model(compiled.model) == rendered


def with_lists(value: Any) -> Any:
    """Return data with tuples as lists, as a YAML reader gives it."""
    if isinstance(value, dict):
        return {key: with_lists(inner) for key, inner in value.items()}
    return [with_lists(inner) for inner in value] if isinstance(value, (list, tuple)) else value


def test_every_configuration_file_reads_back_as_it_was_planned(
    model: Model, rendered: dict[str, bytes]
) -> None:
    pages = [page for page in plan_all(model) if isinstance(page, YamlPage)]
    assert len(pages) > 50
    for page in pages:
        parsed = yamlio.parse(rendered[page.path].decode())
        assert parsed == with_lists(page.sections), page.path


@pytest.mark.parametrize("folder", GENERATED)
def test_a_generated_folder_holds_nothing_by_hand(folder: str, rendered: dict[str, bytes]) -> None:
    by_hand = [p for p in tracked() if p.startswith(f"{folder}/") and p not in rendered]
    assert by_hand == []


def test_every_generated_file_says_so(rendered: dict[str, bytes]) -> None:
    silent = [
        path
        for path, content in rendered.items()
        if path != MANIFEST
        and "Generated from the files in spec/" not in content.decode()
        and HEADER not in content.decode()
        # JSON has no comments: these two kinds say it in their documentation instead.
        and not path.endswith((".schema.json", ".json"))
    ]
    assert silent == []


def test_no_yml() -> None:
    assert [path for path in tracked() if path.endswith(".yml")] == []


def test_modules_are_short_enough_to_hold_in_the_head() -> None:
    long = {
        path: lines
        for path in tracked()
        if path.endswith(".py") and not path.startswith("tests/")
        if (lines := len((ROOT / path).read_text().splitlines())) > 300
    }
    assert long == {}


def test_the_spec_is_short_and_its_lines_fit_a_screen() -> None:
    lines = (ROOT / "spec/ims.yaml").read_text().splitlines()
    assert len(lines) <= 1900
    assert {number: line for number, line in enumerate(lines, 1) if len(line) > 110} == {}


def test_links_between_documents_lead_somewhere() -> None:
    broken = []
    for path in tracked():
        if not path.endswith(".md"):
            continue
        text = re.sub(r"```.*?```", "", (ROOT / path).read_text(), flags=re.DOTALL)
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text):
            if (
                not re.match(r"[a-z]+:", target)
                and not (ROOT / path).parent.joinpath(target).exists()
            ):
                broken.append(f"{path}: {target}")
    assert broken == []


def test_the_commands_of_the_readme_are_targets() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    used = set(re.findall(r"^make ([a-z-]+)", (ROOT / "README.md").read_text(), flags=re.MULTILINE))
    assert used
    assert used <= targets


def test_no_secret_and_no_default_password_is_rendered(rendered: dict[str, bytes]) -> None:
    suspicious = re.compile(
        r"(?i)(password|secret|token|api_?key)\"?\s*[:=]\s*['\"]?(?!\$|\*|/|file|\{|null|\[|\|)[A-Za-z0-9+/]{12,}"
    )
    found = [
        f"{path}: {match.group()}"
        for path, content in rendered.items()
        if not path.startswith("docs/")
        for match in suspicious.finditer(content.decode())
    ]
    assert found == []


def test_every_module_is_linted() -> None:
    """An exclusion by a bare name also excludes folders of the package that are called so."""
    ruff = Path(sys.executable).parent / "ruff"
    listed = subprocess.run(
        [ruff, "check", "--show-files"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    linted = {Path(line).relative_to(ROOT).as_posix() for line in listed.stdout.splitlines()}
    modules = {path for path in tracked() if path.endswith(".py")}
    assert modules - linted == set()
