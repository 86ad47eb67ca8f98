"""From files to a checked model, and from a model to rendered files."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from imsobs import checks, write
from imsobs.findings.finding import Finding, Level
from imsobs.follow_ons import faulty_metrics, told_once
from imsobs.left_out import LeftOut
from imsobs.mentions import Mentions
from imsobs.model import Model, resolve
from imsobs.pages import render
from imsobs.places import Places
from imsobs.problems import Problem
from imsobs.redaction.hide import hide
from imsobs.spec.expand import expand
from imsobs.spec.load import Document, load
from imsobs.spec.measured import measured
from imsobs.spec.origin import or_of_a_pack, told_where_written
from imsobs.spec.parse import parse
from imsobs.spec.required import LACKS
from imsobs.spec.schema.root import Spec
from imsobs.spec.twice import twice

# What much else refers to, and would be at fault for when a default took its place.
_TAKEN_FOR_GRANTED = {("alerting", "teams"), ("routing", "routes"), ("budget", "monthly_usd")}

# Sections that mean something as a whole: without a key of them, others would be at fault.
_AS_A_WHOLE = ("kubernetes",)
# Sections whose entries are those of the sections within.
_OF_SECTIONS = (("alerting",), ("routing",))


@dataclass(frozen=True)
class Compiled:
    """The outcome of reading a spec: a model, or problems in the order of the file.

    notes: what the model lacks without being wrong; none while there are problems.
    """

    document: Document
    problems: list[Problem]
    model: Model | None
    notes: list[Problem] = field(default_factory=list)

    def lines(self) -> list[str]:
        """Return one line per problem: place, key path, remedy, check id."""
        return [self.document.format(problem) for problem in self.problems]

    def findings(self) -> list[Finding]:
        """Return problems and notes at their places, each titled with its check."""
        told = [(Level.error, problem) for problem in self.problems]
        told += [(Level.note, note) for note in self.notes]
        found = []
        for level, one in told:
            place, message = self.document.told(one)
            found.append(Finding(level, place, one.check, message, one.path))
        return found


def read_spec(files: list[Path]) -> Compiled:
    """Load, parse and check the spec (with overlays), gathering every problem."""
    document, problems = load(files)
    if not document.readable:
        return Compiled(document, _hidden(problems), None)
    spec, shape_problems = parse(document.data)
    # What could not be read is no value, and not a wrong one as well.
    unread = {problem.path for problem in problems if problem.path}
    shape_problems = told_where_written(shape_problems, document)
    problems += [problem for problem in shape_problems if problem.path not in unread]
    problems += twice(document.data)
    if not document.packs.complete:
        problems = [problem for problem in problems if not _may_be_given(problem, document.data)]
        return Compiled(document, _sorted(problems, document), None)
    problems = [or_of_a_pack(problem, document.packs.given) for problem in problems]
    left_out = LeftOut()
    if spec is None:
        spec, left_out = _salvage(document.data, shape_problems)
    model = None
    if spec is not None:
        model, found = _checked(spec, frozenset(left_out.names))
        # A value that is misshapen is judged as its default, which nobody wrote.
        misshapen = {problem.path for problem in shape_problems}
        found = [problem for problem in found if problem.path not in misshapen]
        problems += told_once(found, left_out, Mentions(document.data))
        kept, unread_file = measured(spec, document)
        model = replace(model, measured=kept)
        problems += unread_file
    if problems or model is None:
        return Compiled(document, _sorted(problems, document), None)
    return Compiled(document, [], model, _sorted(checks.notes(model), document))


def _checked(spec: Spec, dropped: frozenset[str]) -> tuple[Model, list[Problem]]:
    """Return the model and what the checks find.

    Of a metric whose labels or source are at fault, and of one that was left out as misshapen,
    only that is told: what reads it cannot be judged.
    """
    model = resolve(spec, dropped)
    found = checks.run(model)
    if unsure := faulty_metrics(found) - dropped:
        model = resolve(spec, dropped | unsure)
        found = checks.run(model)
    return model, found


def _hidden(problems: list[Problem]) -> list[Problem]:
    """Return the problems, whose messages repeat no secret that is put into a spec by mistake."""
    return [replace(problem, message=hide(problem.message)) for problem in problems]


def _may_be_given(problem: Problem, data: dict[str, Any]) -> bool:
    """Return whether a pack that is missing could give what the problem is about.

    That is a key that lacks, or what a null removes.
    """
    if problem.check == "spec/type" and len(problem.path) > 1:
        value: Any = data
        for key in problem.path:
            value = value.get(key, problem) if isinstance(value, dict) else problem
        return value is None
    keys = len(problem.path) + problem.message.startswith(LACKS)
    return problem.check == "spec/missing-key" and keys > 2


def _sorted(problems: list[Problem], document: Document) -> list[Problem]:
    def order(problem: Problem) -> tuple[str, int, int, str]:
        place, message = document.told(problem)
        return place.file, place.line, place.column, message

    # What an alias repeats has one place, and is told of its first entry.
    once: dict[tuple[object, ...], Problem] = {}
    for problem in problems:
        once.setdefault((*order(problem), problem.check), problem)
    return _hidden(sorted(once.values(), key=order))


def _salvage(data: dict[str, Any], problems: list[Problem]) -> tuple[Spec | None, LeftOut]:
    """Return the spec without its misshapen entries, so that the rest is checked too.

    Also returns what was left out; what refers to that is not at fault.
    """
    pruned = copy.deepcopy(data)
    complete = expand(data)
    left_out = LeftOut()
    # Of a section of entries, one that is misshapen is left out, and the others stay.
    whole = (p.path if p.path[:1] in _OF_SECTIONS else p.path[:2] for p in problems)
    if any(path in _TAKEN_FOR_GRANTED for path in whole):
        return None, left_out
    for problem in problems:
        section, *rest = problem.path or ("",)
        if section in _AS_A_WHOLE:
            pruned.pop(str(section), None)
        entries = pruned.get(str(section))
        if len(rest) > 1 and (section,) in _OF_SECTIONS and isinstance(entries, dict):
            left_out.add(problem.path, None)
            entries = entries.get(rest.pop(0))
            if isinstance(entries, dict):
                entries.pop(rest[0], None)
        elif rest and isinstance(entries, dict):
            if rest[0] in entries:
                del entries[rest[0]]
                left_out.add(problem.path, complete[str(section)].get(rest[0]))
            left_out.names.add(str(rest[0]))
        elif section not in Spec.model_fields:
            left_out.add_section(str(section), Spec.model_fields, pruned.pop(str(section), None))
    spec, still = parse(pruned)
    return (spec, left_out) if not still else (None, left_out)


def render_model(model: Model) -> dict[str, bytes]:
    """Return path -> bytes of every generated file, the manifest included."""
    from imsobs.outputs import plan_all

    return write.with_manifest(render(plan_all(model)))


def places(model: Model) -> Places:
    """Return which entry of the spec the places of the rendered files are made from."""
    from imsobs.outputs.places import places

    return places(model)


def dashboards(model: Model) -> list[dict[str, Any]]:
    """Return the dashboards in Grafana's own schema, in the spec's order."""
    from imsobs.outputs import grafana

    return [page.data for page in grafana.plan(model)]
