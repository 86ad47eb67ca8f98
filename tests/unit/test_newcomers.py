"""What a newcomer does first, as edits of the spec's text: each takes two places at most.

A place is a run of lines that changes. docs/developing.md lists the tasks; here each is done on a
copy of the spec, which must then be valid and render what was asked for.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from imsobs.compile import read_spec, render_model

ROOT = Path(__file__).resolve().parents[2]
SPEC = ROOT / "spec" / "ims.yaml"
MOST = 2
Rendered = dict[str, bytes]


def loaded(rendered: Rendered, path: str) -> Any:
    return yaml.safe_load(rendered[path])


def counted(rendered: Rendered, signal: str, name: str) -> dict[str, Any]:
    """Return the Collector's definition of a derived metric."""
    config = loaded(rendered, "collector/config.yaml")
    (found,) = (
        one
        for connector in config["connectors"].values()
        for one in (connector or {}).get(signal, [])
        if isinstance(one, dict) and one.get("name") == name
    )
    return dict(found)


def alert_names(rendered: Rendered) -> set[str]:
    return {
        rule["alert"]
        for path in rendered
        if path.startswith("alerts/rules/")
        for group in loaded(rendered, path).get("groups", [])
        for rule in group["rules"]
        if "alert" in rule
    }


def panel_titles(rendered: Rendered, dashboard: str) -> set[str]:
    board = json.loads(rendered[f"dashboards/{dashboard}.json"])
    return {panel["title"] for panel in board["panels"]}


def has_counter(rendered: Rendered) -> bool:
    keys = {
        one["key"] for one in counted(rendered, "spans", "ims_scheme_requests_total")["attributes"]
    }
    return "scheme" in keys and b"`scheme`" in rendered["docs/reference/labels.md"]


def has_histogram(rendered: Rendered) -> bool:
    found = counted(rendered, "logs", "ims_export_duration_seconds")
    return found["histogram"]["buckets"] == [0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300]


def has_alert(rendered: Rendered) -> bool:
    page = b"Requests wait for workers" in rendered["docs/runbooks/too-many-in-flight.md"]
    return page and "TooManyInFlight" in alert_names(rendered)


def has_objective(rendered: Rendered) -> bool:
    recorded = b"slo:models_answer:error_ratio" in b"".join(rendered.values())
    burning = [name for name in alert_names(rendered) if name.startswith("SLOModelsAnswer")]
    return recorded and len(burning) == 4


def has_price(rendered: Rendered) -> bool:
    page = b"## cohere\n\n### command-a\n" in rendered["docs/reference/prices.md"]
    config = rendered["collector/config.yaml"]
    return page and b'"model"], "command-a")' in config and b'"cohere\\ncommand-a' in config


def has_route(rendered: Rendered) -> bool:
    config = loaded(rendered, "alerts/alertmanager.yaml")
    names = {receiver["name"] for receiver in config["receivers"]}
    return "data-team" in names and "data-team" in json.dumps(config["route"])


RUNBOOK = """\
    runbook:
      meaning: {meaning}
      impact: Users wait longer.
      queries: {{Requests by status: service:ims_requests:rate5m}}
      causes: [More traffic than the service can take.]
      mitigation: [Add a replica.]
"""


@dataclass(frozen=True)
class Task:
    """Lines that are inserted below the first line that begins as the key says, and the result."""

    edits: dict[str, str]
    done: Callable[[Rendered], bool]


TASKS = {
    "a counter with a new label": Task(
        {
            "labels:": """\
  scheme: {description: Scheme of the URL., attributes: [url.scheme], values: [http, https]}
""",
            "metrics:": """\
  ims_scheme_requests_total: {span: http_request, labels: [scheme], description: By scheme.}
""",
        },
        has_counter,
    ),
    "a histogram from an event": Task(
        {
            "events:": """\
  export_finished:
    description: A data export ended.
    fields: {duration_seconds: {type: number, description: Time the export took.}}
""",
            "metrics:": """\
  ims_export_duration_seconds: {event: export_finished, buckets: job, description: Its time.}
""",
        },
        has_histogram,
    ),
    "an alert": Task(
        {
            "alerts:": """\
  TooManyInFlight:
    summary: '{{ $who }} answers {{ $amount }} requests at once'
    description: More than {{ $threshold }} requests are being answered.
    severity: warning
    group: requests
    expr: sum by (service_name, deployment_environment_name) (ims_in_flight_requests)
    threshold: 200
    for: 5m
    test: {series: {ims_in_flight_requests: {quiet: 200, fires: 201}}, value: 201}
    drill: {skip: The demo answers too quickly.}
"""
            + RUNBOOK.format(meaning="Requests wait for workers."),
        },
        has_alert,
    ),
    "a panel": Task(
        {
            "      Traffic and latency:": """\
        Retries: {rate: ims_vendor_retries_total, by: [reason]}
"""
        },
        lambda rendered: "Retries" in panel_titles(rendered, "ims-overview"),
    ),
    "an objective": Task(
        {
            "slos:": """\
  models_answer:
    description: Calls of models succeed.
    objective: 0.99
    total: ims_model_calls_total
    bad: {outcome: error}
    team: models
    dashboard: ims-slos
    burn: google-30d
    drill: {skip: As that of availability.}
"""
            + RUNBOOK.format(meaning="Calls of models fail too often."),
        },
        has_objective,
    ),
    "a vendor with a model and its price": Task(
        {
            "labels:": "  vendor: {values: {cohere: [cohere]}}\n",
            "# has none is unpriced;": """\
prices:
  cohere:
    command-a:
      - {from: 2026-03-01, source: https://cohere.com/pricing, checked: 2026-11-26,
         snapshots: [command-a, command-a-03-2025], input: 2.50, output: 10.00}
""",
        },
        has_price,
    ),
    "a route": Task(
        {
            "receivers:": '  data-team: {slack: {url_file: slack_url, channel: "#data"}}\n',
            "  routes:": "    data: {match: {area: queue}, receiver: data-team}\n",
        },
        has_route,
    ),
    "a dashboard": Task(
        {
            "dashboards:": """\
  ims-retries:
    title: IMS retries
    description: How often calls of models are repeated.
    rows: {Retries: {By reason: {rate: ims_vendor_retries_total, by: [reason]}}}
""",
        },
        lambda rendered: panel_titles(rendered, "ims-retries") >= {"By reason"},
    ),
}


def edited(text: str, edits: dict[str, str]) -> str:
    lines = text.splitlines(keepends=True)
    for start, added in edits.items():
        index = next(at for at, line in enumerate(lines) if line.startswith(start))
        lines.insert(index + 1, added)
    return "".join(lines)


def places(before: str, after: str) -> int:
    """Return how many runs of lines differ."""
    matcher = difflib.SequenceMatcher(None, before.splitlines(), after.splitlines(), autojunk=False)
    return sum(code != "equal" for code, *_ in matcher.get_opcodes())


@pytest.mark.parametrize("name", TASKS)
def test_a_task_of_a_newcomer_takes_two_places_at_most(name: str, tmp_path: Path) -> None:
    task, before = TASKS[name], SPEC.read_text()
    after = edited(before, task.edits)
    copy = tmp_path / "spec" / "ims.yaml"
    copy.parent.mkdir()
    copy.write_text(after)
    compiled = read_spec([copy])
    assert compiled.model is not None, compiled.lines()
    assert task.done(render_model(compiled.model))
    taken = places(before, after)
    assert taken <= MOST
    row = f"| {name} | {taken} |"
    assert row in (ROOT / "docs/developing.md").read_text(), f"docs/developing.md lacks: {row}"


def test_places_are_runs_of_changed_lines() -> None:
    assert places("a\nb\nc\n", "a\nb\nc\n") == 0
    assert places("a\nb\nc\n", "a\nx\ny\nb\nc\n") == 1
    assert places("a\nb\nc\n", "a\nx\nb\ny\n") == 2
