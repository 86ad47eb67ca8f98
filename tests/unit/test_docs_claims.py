"""What the README says about the spec and its errors is what happens."""

from __future__ import annotations

import re
from pathlib import Path

import yaml
from golden import secrets_count

from imsobs.compile import read_spec

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()


def test_the_metric_of_the_readme_is_the_one_of_the_spec() -> None:
    block = next(b for b in re.findall(r"```yaml\n(.*?)```", README, re.DOTALL) if "metrics:" in b)
    spec = yaml.load((ROOT / "spec/ims.yaml").read_text(), Loader=yaml.CSafeLoader)
    for name, shown in yaml.safe_load(block)["metrics"].items():
        real = spec["metrics"][name]
        assert {key: real[key] for key in shown} == shown


def test_the_error_of_the_readme_is_what_such_a_mistake_gives(tmp_path: Path) -> None:
    shown = re.search(r"^spec/ims\.yaml:\d+:\d+: (.*)$", README, re.MULTILINE)
    assert shown is not None
    overlay = tmp_path / "overlay.yaml"
    overlay.write_text(
        "metrics:\n  ims_cache_latency_ms:\n    type: histogram\n    description: Latency.\n"
        "    event: cache_lookup\n    value: duration_seconds\n    buckets: internal\n"
    )
    compiled = read_spec([ROOT / "spec" / "ims.yaml", overlay])
    (line,) = compiled.lines()
    assert line.split(": ", 1)[1] == shown.group(1)


def test_the_security_page_says_how_much_redaction_is_tested() -> None:
    assert (ROOT / "docs/guide/security.md").read_text() == secrets_count.page()


def test_each_attempt_of_the_security_page_names_tests_that_exist() -> None:
    page = (ROOT / "docs/guide/security.md").read_text()
    table = page.split("## Attempts, and what stopped them")[1]
    rows = [line for line in table.splitlines() if line.startswith("| ") and "test |" not in line]
    assert len(rows) > 20
    for row in rows:
        named = re.findall(r"`((?:native/)?test_\w+\.py)`", row.rsplit("|", 2)[1])
        assert named, row
        for name in named:
            folder = "tests" if name.startswith("native/") else "tests/unit"
            assert (ROOT / folder / name).is_file(), name
