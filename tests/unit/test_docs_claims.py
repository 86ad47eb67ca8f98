"""What the README says about the spec and its errors is what happens."""

from __future__ import annotations

import re
from pathlib import Path

import yaml
from imsobs.compile import read_spec

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()


def test_the_metric_of_the_readme_is_the_one_of_the_spec() -> None:
    block = next(b for b in re.findall(r"```yaml\n(.*?)```", README, re.DOTALL) if "metrics:" in b)
    spec = yaml.safe_load((ROOT / "spec" / "ims.yaml").read_text())
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
