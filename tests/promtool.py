"""promtool on rules and series of a test: `promtool test rules`, its complaint as the assertion."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from alertmanager import ROOT

from imsobs.runtime.build.binaries import resolve_binary

# Labels -> value of each series that an expression gives.
Samples = Mapping[str, float]


def asked(expression: str, at: str, samples: Samples) -> dict[str, Any]:
    """Return a question for promtool: exactly these samples at this time."""
    expected = [{"labels": labels, "value": value} for labels, value in samples.items()]
    return {"expr": expression, "eval_time": at, "exp_samples": expected}


def check(
    folder: Path,
    series: Mapping[str, str],
    questions: Sequence[Mapping[str, Any]],
    rules: Sequence[Path] = (),
    interval: str = "15s",
    evaluation: str = "30s",
) -> None:
    """Load series (selector -> values in promtool's notation) and ask; fail with its complaint.

    rules: files whose groups are evaluated in the order in which they stand.
    """
    test = {
        "interval": interval,
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "promql_expr_test": list(questions),
    }
    case = {
        "rule_files": [str(path.absolute()) for path in rules],
        "evaluation_interval": evaluation,
        "group_eval_order": [
            group["name"]
            for path in rules
            for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]
        ],
        "tests": [test],
    }
    file = folder / "test.yaml"
    file.write_text(json.dumps(case))
    command = [str(resolve_binary("promtool", ROOT)), "test", "rules", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
