"""Incidents as series and questions for promtool, and the alerts that it found to fire."""

from __future__ import annotations

import json
import math
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from bench.incident_cases import QUIET_MINUTES, Incident, Phase
from imsobs.model import Model
from imsobs.outputs.prometheus import rules

# A divisor of five minutes, in which the longer windows count.
EVALUATION_SECONDS = 150
SERVICE = "ims-core"
_FOUND = re.compile(r"\{([^}]*)\} ([-+.\dE]+)")
_LABEL = re.compile(r'(\w+)="([^"]*)"')


def increments(incident: Incident) -> tuple[list[int], list[int], set[int]]:
    """Return answered and failed requests of each minute, and the minutes of restarts.

    Whole requests: at 18 an hour there is one every three or four minutes.
    """
    first = incident.phases[0].per_hour
    quiet = Phase(QUIET_MINUTES, first if incident.before is None else incident.before)
    good: list[int] = []
    bad: list[int] = []
    restarts: set[int] = set()
    requests = failures = 0.0
    for phase in (quiet, *incident.phases):
        if phase.restarts:
            restarts.add(len(good))
        for minute in range(phase.minutes):
            arrived = _whole(requests + phase.per_hour / 60) - _whole(requests)
            requests += phase.per_hour / 60
            failed = int(minute < phase.failures)
            if not phase.failures:
                failed = _whole(failures + arrived * phase.failing) - _whole(failures)
                failures += arrived * phase.failing
            good.append(max(0, arrived - failed))
            bad.append(failed)
    return good, bad, restarts


def _whole(value: float) -> int:
    return math.floor(value + 1e-9)


def notation(steps: Sequence[int], restarts: set[int]) -> str:
    """Return a counter's samples, one a minute and the first 0, in promtool's notation."""
    runs = [[0, 0, 0]]  # first value, step, samples after the first
    value = 0
    for minute, step in enumerate(steps):
        value = step if minute in restarts else value + step
        last = runs[-1]
        if minute not in restarts and (last[2] == 0 or last[1] == step):
            last[1:] = [step, last[2] + 1]
        else:
            runs.append([value, 0, 0])
    return " ".join(f"{start}+{step}x{count}" for start, step, count in runs)


@dataclass(frozen=True)
class Fired:
    """An alert that fired: minutes from the incident's begin to its first firing."""

    name: str
    severity: str
    minutes: float


def our_rules(model: Model, objective: str, folder: Path) -> Path:
    """Return a file of the rendered rules of one objective, records before alerts."""
    (page,) = (p for p in rules.plan(model) if p.path == rules.rule_file("slo"))
    group = f"slo-{objective.replace('_', '-')}"
    groups = [entry for entry in page.sections["groups"] if entry["name"].startswith(group)]
    file = folder / "ours.yaml"
    file.write_text(yaml.safe_dump({"groups": groups}), encoding="utf-8")
    return file


def fired(promtool: Path, rule_file: Path, incident: Incident, folder: Path) -> list[Fired]:
    """Return the alerts that fire from the incident's begin on, the first ones first."""
    answer = _answer(promtool, rule_file, incident, _question(incident, {}), folder)
    found = {
        (labels["alertname"], labels["severity"]): float(value)
        for line in answer.splitlines()
        if line.strip().startswith("got:")
        for labels, value in ((dict(_LABEL.findall(text)), v) for text, v in _FOUND.findall(line))
    }
    if answer and not found:
        raise RuntimeError(answer)
    alerts = [Fired(name, severity, minutes) for (name, severity), minutes in found.items()]
    return sorted(alerts, key=lambda alert: (alert.minutes, alert.name))


def disagreement(
    promtool: Path, rule_file: Path, incident: Incident, severities: Mapping[str, str], folder: Path
) -> str:
    """Return what promtool has against the alerts that an incident raises, empty when nothing.

    severities: of each alert.
    """
    expected = {
        f'{{alertname="{name}",severity="{severities[name]}"}}': minutes
        for name, minutes in incident.raises.items()
    }
    return _answer(promtool, rule_file, incident, _question(incident, expected), folder)


def _question(incident: Incident, expected: Mapping[str, float]) -> dict[str, Any]:
    """Return what promtool is asked: minutes to the first firing of each alert, exactly these."""
    span, step = f"{incident.minutes}m", f"{EVALUATION_SECONDS}s"
    when = f'min_over_time(timestamp(ALERTS{{alertstate="firing"}})[{span}:{step}])'
    return {
        "expr": f"min by (alertname, severity) ({when}) / 60 - {QUIET_MINUTES}",
        "eval_time": f"{QUIET_MINUTES + incident.minutes}m",
        "exp_samples": [{"labels": labels, "value": value} for labels, value in expected.items()],
    }


def _answer(
    promtool: Path, rule_file: Path, incident: Incident, question: dict[str, Any], folder: Path
) -> str:
    good, bad, restarts = increments(incident)
    labels = f'service_name="{SERVICE}",deployment_environment_name="{incident.environment}"'
    labels += ',method="POST",route="/v1/generate",status_class='
    series = {"2xx": good} | ({"5xx": bad} if any(bad) else {})
    groups = yaml.safe_load(rule_file.read_text(encoding="utf-8"))["groups"]
    case = {
        "rule_files": [str(rule_file)],
        "evaluation_interval": f"{EVALUATION_SECONDS}s",
        "group_eval_order": [group["name"] for group in groups],
        "tests": [
            {
                "interval": "1m",
                "input_series": [
                    {
                        "series": f'ims_requests_total{{{labels}"{status}"}}',
                        "values": notation(steps, restarts),
                    }
                    for status, steps in series.items()
                ],
                "promql_expr_test": [question],
            }
        ],
    }
    file = folder / f"{rule_file.stem}.json"
    file.write_text(json.dumps(case), encoding="utf-8")
    command = [str(promtool), "test", "rules", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else done.stdout + done.stderr
