"""The rules that fold gauges of processes, as promtool evaluates them."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from imsobs.compile import read_spec
from imsobs.outputs.prometheus import rules
from imsobs.pages import render
from imsobs.runtime.build.binaries import resolve_binary

pytestmark = pytest.mark.native

ROOT = Path(__file__).resolve().parents[2]
GAUGE = {"type": "gauge", "description": "x", "event": "agent_spawned", "value": "active"}
OVERLAY = {
    "metrics": {
        "ims_fewest": {**GAUGE, "labels": ["agent_type"], "fold": "min"},
        "ims_latest": {**GAUGE, "labels": ["agent_type"], "fold": "last"},
        "ims_handles": {
            "type": "gauge",
            "description": "x",
            "sdk": "process.handles",
            "allow": {"metric/unknown-instrument": "the test's own"},
            "fold": "max",
        },
    }
}
PRODUCTION = 'service_name="ims-core",deployment_environment_name="production"'
STAGING = 'service_name="ims-core",deployment_environment_name="staging"'
SCRAPED = 'job="j",instance="i"'


def _raw(name: str, whose: str, values: str, labels: str = "") -> dict[str, str]:
    return {"series": f"{name}{{{whose},{SCRAPED}{labels}}}", "values": values}


def _process(name: str, whose: str, process: str, values: str, labels: str = "") -> dict[str, str]:
    instance = f',service_instance_id="{process}"'
    return _raw(f"{name}_per_process", whose, values, instance + labels)


def _alive(whose: str, process: str, values: str = "1x40") -> dict[str, str]:
    return _raw("ims_process_alive", whose, values, f',service_instance_id="{process}"')


RESEARCH, BATCH = ',agent_type="research"', ',queue="batch"'
SERIES = [
    *(_alive(PRODUCTION, process) for process in "ac"),
    # b ends after five minutes; c says nothing of agents; d ended before.
    _alive(PRODUCTION, "b", "1x20 stale"),
    _alive(STAGING, "a"),
    _process("ims_agents_active", PRODUCTION, "a", "2x40", RESEARCH),
    _process("ims_agents_active", PRODUCTION, "b", "5x40", RESEARCH),
    _process("ims_agents_active", PRODUCTION, "d", "9x40", RESEARCH),
    _process("ims_agents_active", STAGING, "a", "3x40", RESEARCH),
    _process("ims_agents_active", PRODUCTION, "c", "1x40", ',agent_type="coding"'),
    _process("ims_fewest", PRODUCTION, "a", "6x40", RESEARCH),
    _process("ims_fewest", PRODUCTION, "b", "4x40", RESEARCH),
    _process("ims_fewest", PRODUCTION, "d", "1x40", RESEARCH),
    _process("ims_queue_depth", PRODUCTION, "a", "10x40", BATCH),
    _process("ims_queue_depth", PRODUCTION, "b", "12x40", BATCH),
    _raw("ims_latest_last_reported", PRODUCTION, "8x40", RESEARCH),
    # No process of this service is left.
    _raw(
        "ims_latest_last_reported",
        'service_name="other",deployment_environment_name="production"',
        "8x40",
        RESEARCH,
    ),
    # Gauges of the SDK go by themselves: nobody asks who is alive.
    _process("ims_process_memory_bytes", PRODUCTION, "a", "100x40"),
    _process("ims_process_memory_bytes", PRODUCTION, "b", "200x20 stale"),
    _process("ims_handles", PRODUCTION, "a", "7x40"),
    _process("ims_handles", PRODUCTION, "b", "8x20 stale"),
]
# Name -> (labels -> value) with b, and without.
WITH = {
    "ims_agents_active": {
        PRODUCTION + RESEARCH: 7,
        PRODUCTION + ',agent_type="coding"': 1,
        STAGING + RESEARCH: 3,
    },
    "ims_fewest": {PRODUCTION + RESEARCH: 4},
    "ims_queue_depth": {PRODUCTION + BATCH: 12},
    "ims_latest": {PRODUCTION + RESEARCH: 8},
    "ims_process_memory_bytes": {PRODUCTION: 300},
    "ims_handles": {PRODUCTION: 8},
}
WITHOUT = {
    "ims_agents_active": {**WITH["ims_agents_active"], PRODUCTION + RESEARCH: 2},
    "ims_fewest": {PRODUCTION + RESEARCH: 6},
    "ims_queue_depth": {PRODUCTION + BATCH: 10},
    "ims_latest": {PRODUCTION + RESEARCH: 8},
    "ims_process_memory_bytes": {PRODUCTION: 100},
    "ims_handles": {PRODUCTION: 7},
}


def _asked(expected: dict[str, dict[str, int]], at: str) -> list[dict[str, Any]]:
    return [
        {
            "expr": name,
            "eval_time": at,
            "exp_samples": [
                {"labels": f"{name}{{{labels}}}", "value": value} for labels, value in rows.items()
            ],
        }
        for name, rows in expected.items()
    ]


def test_folds(tmp_path: Path) -> None:
    overlay = tmp_path / "overlay.yaml"
    overlay.write_text(yaml.safe_dump(OVERLAY))
    read = read_spec([ROOT / "spec/ims.yaml", overlay])
    assert read.model is not None, "\n".join(read.lines())
    file = tmp_path / "recording.yaml"
    file.write_bytes(render(rules.plan(read.model))[rules.rule_file("recording")])
    case = {
        "rule_files": [str(file)],
        "evaluation_interval": "15s",
        "tests": [
            {
                "interval": "15s",
                "input_series": SERIES,
                "promql_expr_test": [*_asked(WITH, "4m"), *_asked(WITHOUT, "6m")],
            }
        ],
    }
    written = tmp_path / "folds.yaml"
    written.write_text(yaml.safe_dump(case))
    promtool = str(resolve_binary("promtool", ROOT))
    done = subprocess.run(
        [promtool, "test", "rules", str(written)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
