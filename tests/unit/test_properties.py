"""Whatever is written into the spec: it renders, or every fault is told where it is."""

from __future__ import annotations

import copy
import datetime
import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from imsobs import write, yamlio
from imsobs.compile import read_spec, render_model
from imsobs.runtime.build.binaries import resolve_binary
from imsobs.spec.load import load
from imsobs.yamlio import parse

SPEC = Path(__file__).resolve().parents[2] / "spec" / "ims.yaml"
# With what packs give.
DATA: dict[str, Any] = load([SPEC])[0].data
Path_ = tuple[str | int, ...]
# file:line:column: key.path: message [subject/rule]
LINE = re.compile(r"\A[^\n]+:\d+:\d+: [^\n]*: [^\n]+ \[[a-z0-9-]+/[a-z0-9-]+\]\Z")


def _paths(data: Any, here: Path_ = ()) -> list[Path_]:
    found = [here] if here else []
    if isinstance(data, dict):
        for key, value in data.items():
            found += _paths(value, (*here, key))
    elif isinstance(data, list):
        for index, value in enumerate(data):
            found += _paths(value, (*here, index))
    return found


def _at(data: Any, path: Path_) -> Any:
    for part in path:
        data = data[part]
    return data


PATHS = _paths(DATA)
HOSTILE = [
    None, True, 0, -1, 7, 2**70, 1e308, -0.5, float("nan"), float("inf"),
    "", " ", "x", "yes", "0x10", "1e3", "5m", "-5m", "0s", "9999999h", "5 minutes",
    "{{", "{{ $labels.nobody }}", "${HOME}", "${env:HOME}", "\0{env:HOME}", "$$",
    "%(asctime)s", "<< model >>", "<% raw %>",
    "a\nb", "tab\there", "\u202e\u0000"[:1], "\U0001f480", "'\"`", "# not a comment", "---",
    "((((", "(a+)+$", "[z-a]", "*", "a" * 20_000, "up == 0", "sum(rate(", "rate(nothing[5m])",
    "ims_requests_total", "../../etc/passwd", "http://[::1", "2026-02-31",
    [], {}, [[]], [None], ["a", "a"], {"": ""}, {"a": {"b": {"c": "d"}}}, {"expr": "1"}, [1, "b"],
]  # fmt: skip
OPERATIONS = ("replace", "replace", "replace", "delete", "rename", "add", "copy")


@st.composite
def mutations(draw: st.DrawFn) -> list[tuple[str, Path_, Any]]:
    """Return one to three changes of the spec: operation, place, value."""
    count = draw(st.integers(1, 3))
    return [
        (
            draw(st.sampled_from(OPERATIONS)),
            draw(st.sampled_from(PATHS)),
            draw(st.one_of(st.sampled_from(HOSTILE), st.text(max_size=20), st.sampled_from(PATHS))),
        )
        for _ in range(count)
    ]


def mutated(changes: list[tuple[str, Path_, Any]]) -> Any:
    """Return the spec with changes; one whose place an earlier one removed is left out."""
    data = copy.deepcopy(DATA)
    for operation, path, given_value in changes:
        value = copy.deepcopy(_at(DATA, given_value)) if given_value in PATHS else given_value
        try:
            parent, key = _at(data, path[:-1]), path[-1]
            match operation:
                case "delete":
                    del parent[key]
                case "rename":
                    parent[str(value)[:60]] = parent.pop(key)
                case "add":
                    parent[str(value)[:60]] = value
                case _:
                    parent[key] = value
        except (KeyError, IndexError, TypeError, AttributeError):
            continue
    return data


def dump(data: Any, file: Path) -> None:
    """Write a whole spec: five times as fast as ``yaml.safe_dump``."""
    with file.open("w") as stream:
        yaml.dump(data, stream, Dumper=yaml.CSafeDumper, allow_unicode=True, sort_keys=False)


def rendered_or_refused(tmp_path: Path, data: Any) -> dict[str, bytes] | None:
    """Return the rendered files, or None when its problems are well formed."""
    file = tmp_path / "mutated.yaml"
    dump(data, file)
    compiled = read_spec([file])
    if compiled.model is not None:
        return render_model(compiled.model)
    lines = compiled.lines()
    assert lines
    for line in lines:
        assert LINE.match(line), line
        assert len(line) < 5_000, line[:300]
    return None


@given(changes=mutations())
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_mutation_renders_or_reports_its_faults(
    tmp_path: Path, changes: list[tuple[str, Path_, Any]]
) -> None:
    rendered_or_refused(tmp_path, mutated(changes))


PROSE = st.text(
    st.characters(exclude_categories=("Cc", "Cf", "Cs", "Cn", "Zl", "Zp")), min_size=1, max_size=60
).filter(str.strip)
NAMES = st.from_regex(r"\A[a-z][a-z0-9_]{0,20}\Z")
AMOUNTS = st.floats(0, 1e6, allow_nan=False).map(lambda x: round(x, 9))
TINY = {
    "prices": {
        "openai": {"gpt-4o": [{"from": datetime.date(2024, 1, 1), "input": 1e-05, "output": 1e-9}]}
    },
    "sampling": {"rate": 1e-05},
}
DAYS = st.dates(datetime.date(2020, 1, 1), datetime.date(2030, 1, 1))


@st.composite
def extensions(draw: st.DrawFn) -> dict[str, Any]:
    """Return an overlay that a user could have written: a label, an event, metrics, prices."""
    label, event = f"own_{draw(NAMES)}", f"own_{draw(NAMES)}"
    values = draw(st.lists(PROSE, min_size=1, max_size=4, unique_by=str.casefold))
    counter = {
        "type": "counter",
        "description": draw(PROSE),
        "event": event,
        "labels": draw(st.sampled_from([[], [label], [label, "vendor"]])),
    }
    if label in counter["labels"] and draw(st.booleans()):
        counter["when"] = {label: draw(st.sampled_from(values))}
    histogram = {
        "type": "histogram",
        "description": draw(PROSE),
        "event": event,
        "value": "amount",
        "buckets": "own",
        "labels": [label],
    }
    vendor, model = draw(
        st.sampled_from([(v, m) for v, models in DATA["prices"].items() for m in models])
    )
    read = {"source": PROSE, "checked": DAYS}
    price = st.fixed_dictionaries({"input": AMOUNTS, "output": AMOUNTS, **read})
    bounds = st.lists(AMOUNTS.filter(bool), min_size=1, max_size=8, unique=True)
    runbook = {"meaning": draw(PROSE), "impact": draw(PROSE)}
    days = draw(st.lists(DAYS, min_size=1, max_size=3, unique=True))
    return {
        "labels": {label: {"description": draw(PROSE), "values": values}},
        "events": {
            event: {
                "description": draw(PROSE),
                "level": draw(st.sampled_from(["DEBUG", "INFO", "ERROR"])),
                "fields": {
                    label: {"label": label},
                    "vendor": {"label": "vendor"},
                    "amount": {"type": "number", "description": draw(PROSE)},
                },
            }
        },
        "buckets": {"own": sorted(draw(bounds))},
        "metrics": {"ims_own_total": counter, "ims_own_seconds": histogram},
        "prices": {vendor: {model: [{"from": day, **draw(price)} for day in sorted(days)]}},
        "alerts": {"FrequentRateLimiting": {"runbook": runbook}},
        "sampling": {"rate": draw(st.floats(0, 1))},
        "collector": {"queue_mib": draw(st.integers(2, 4096))},
    }


def rendered(tmp_path: Path, overlay: dict[str, Any]) -> dict[str, bytes]:
    """Return the files of the spec with an overlay that must be accepted."""
    file = tmp_path / "overlay.yaml"
    # With every text that could be read as a number in quotes, such as 1e100.
    file.write_text(yamlio.dump(overlay), "utf-8")
    compiled = read_spec([SPEC, file])
    assert compiled.model is not None, "\n".join(compiled.lines())
    files = render_model(compiled.model)
    again = read_spec([SPEC, file]).model
    assert again is not None
    assert render_model(again) == files
    return files


@given(overlay=extensions())
@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_valid_spec_renders_the_same_twice_and_reads_back(
    tmp_path: Path, overlay: dict[str, Any]
) -> None:
    files = rendered(tmp_path, overlay)
    for path, content in files.items():
        if path.endswith(".yaml"):
            assert parse(content.decode()) is not None, path
        elif path.endswith(".json"):
            json.loads(content)
    assert b"ims_own_total" in files["collector/config.yaml"]
    assert "ims_own_seconds" in files["docs/reference/metrics.md"].decode()


@pytest.mark.native
@pytest.mark.timeout(300)
@given(overlay=extensions())
@example(overlay=TINY)
@settings(
    max_examples=4,
    deadline=None,
    # Making a failure smaller would take minutes here.
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_any_valid_spec_is_accepted_by_the_real_programs(
    tmp_path: Path, overlay: dict[str, Any]
) -> None:
    root = tmp_path / "project"
    root.mkdir(exist_ok=True)
    write.apply(root, write.changes(root, rendered(tmp_path, overlay)))
    binaries = {name: resolve_binary(name, SPEC.parents[1]) for name in ("otelcol", "promtool")}
    rules = sorted(str(path) for path in (root / "alerts" / "rules").glob("*.yaml"))
    for command in (
        [binaries["otelcol"], "validate", "--config", "collector/config.yaml"],
        [binaries["promtool"], "check", "config", "stack/prometheus.yaml"],
        [binaries["promtool"], "check", "rules", *rules],
    ):
        done = subprocess.run(
            command, cwd=root, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
