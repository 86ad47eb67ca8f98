"""Redaction: what a span and a log record cost, and what they cost before known secrets.

Traces and logs of the demo service are sent again to a Collector that stores only, as in the
benchmark of the Collector, with the redaction in several forms, in turns. *before* is one
processor with the ten patterns that the spec had (bench/redaction_before.yaml). *every value
searched* is what is rendered without its test for plain values. *stack traces*: each record
carries one of two kilobytes, of which every character is searched.

    python -m bench.redaction            # four minutes
    python -m bench.redaction --quick
"""

from __future__ import annotations

import argparse
import re
import tempfile
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path

import yaml

from bench import catalogues, otelcol
from bench.harness import alternate, measured, say, spread
from bench.otelcol import Config, Measure, measure
from bench.project import components
from bench.record import record_demo
from bench.replay import Payload, log_payloads, trace_payloads
from bench.report import Goal, Page, Table, write
from imsobs.outputs.collector.store import KEYS, VALUES

BEFORE = Path(__file__).with_name("redaction_before.yaml")
FORMS = ("none", "before", "as rendered", "every value searched")
_FRAME = (
    '  File "/app/gateway/handlers/chat.py", line 118, in complete\n    answer = await call(req)\n'
)
STACK = f"Traceback (most recent call last):\n{_FRAME * 20}TimeoutError: no answer in 30 s"


def main() -> None:
    """Run the benchmark and write its page."""
    parser = argparse.ArgumentParser(prog="python -m bench.redaction", description=__doc__)
    parser.add_argument("--items", type=int, default=20_000, help="spans or records a sample")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="small and rough")
    parser.add_argument("--out", type=Path, help="folder of the results")
    given = parser.parse_args()
    if given.quick:
        given.items, given.rounds = 4_000, 1
    with measured() as run, tempfile.TemporaryDirectory() as folder:
        page = _benchmark(given, Path(folder))
    write(page, run, given.out)


def _form(config: Config, name: str) -> Config:
    """Return the configuration with its redaction in one of the forms."""
    changed = deepcopy(config)
    processors = changed["processors"]
    if name == "every value searched":
        del processors[VALUES]["allowed_values"]
        return changed
    if name == "as rendered":
        return changed
    before = yaml.safe_load(BEFORE.read_text("utf-8")) if name == "before" else {}
    del processors[KEYS], processors[VALUES]
    processors |= before
    for pipeline in changed["service"]["pipelines"].values():
        steps = pipeline.get("processors", [])
        if KEYS in steps:
            at = steps.index(KEYS)
            steps[at : at + 2] = list(before)
    return changed


def _payloads(folder: Path) -> dict[str, tuple[str, list[Payload]]]:
    """Return what is sent -> its signal, and the requests."""
    recorded = record_demo(folder, 100)
    logs = recorded.all_logs()
    traced = type(logs)()
    traced.CopyFrom(logs)
    for resource in traced.resource_logs:
        for scope in resource.scope_logs:
            for record in scope.log_records:
                attribute = record.attributes.add()
                attribute.key = "exception.stacktrace"
                attribute.value.string_value = STACK
    return {
        "spans": ("traces", trace_payloads(recorded.all_traces())),
        "log records": ("logs", log_payloads(logs)),
        "log records with stack traces": ("logs", log_payloads(traced)),
    }


def _run(
    config: Config, place: Path, signal: str, requests: list[Payload], items: int
) -> Callable[[], Measure]:
    return lambda: measure(config, place, signal, requests, items, count_series=False)


def _benchmark(given: argparse.Namespace, folder: Path) -> Page:
    say("recording the demo ...")
    payloads = _payloads(folder / "record")
    whole = otelcol.store_only(otelcol.full(catalogues.real()))
    runs = {
        f"{what}/{name}": _run(
            _form(whole, name), folder / re.sub(r"\W+", "-", f"{what}-{name}"), signal, requests,
            given.items,
        )
        for what, (signal, requests) in payloads.items()
        for name in FORMS
    }  # fmt: skip
    samples = alternate(runs, given.rounds)
    cost = {name: [m.cpu_us for m in found] for name, found in samples.items()}
    table = Table("CPU time of one item (us)", ["", *FORMS, "as rendered : before"])
    ratios = {}
    for what in payloads:
        # Round by round: what else the machine did fell on both.
        pairs = zip(cost[f"{what}/as rendered"], cost[f"{what}/before"], strict=True)
        ratios[what] = spread([new / old for new, old in pairs])
        shown = [spread(cost[f"{what}/{name}"]).show() for name in FORMS]
        table.rows.append([what, *shown, ratios[what].show(2)])
    goals = [
        Goal(
            f"{what} cost no more than before known secrets were searched for",
            f"{ratios[what].show(2)} times",
            ratios[what].median <= 1,
        )
        for what in ("spans", "log records")
    ]
    settings = {"items": given.items, "rounds": given.rounds}
    return Page(
        "redaction", "Benchmark: redaction", __doc__ or "", components("otelcol"), [table], goals,
        cost, settings, cost,
    )  # fmt: skip


if __name__ == "__main__":
    main()
