"""One fault, one problem: those that only follow from another are left out.

A declaration that is at fault makes every reference to it a fault as well; what is to be
repaired is the declaration.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from imsobs.left_out import LeftOut
from imsobs.mentions import Mentions
from imsobs.problems import (
    ALIKE,
    Problem,
    bounded,
    dotted,
    listed,
    nearest,
)
from imsobs.spec.required import declaration

# Keys of a metric that decide which series it has.
_DECIDING = {"labels", "span", "event", "log", "sdk", "probe", "pipeline", "stack", "ratio", "rule"}
_NO_METRIC = {
    "metric/derived-name",
    "metric/one-source",
    "metric/unknown-source",
    "metric/unknown-label",
}
# What a message calls an entry that does not exist -> the section where it would stand.
_SECTIONS = {
    "label": "labels", "span": "sources", "log": "records", "event": "events", "metric": "metrics",
    "bucket list": "buckets", "dashboard": "dashboards", "receiver": "receivers", "mute": "mutes",
    "team": "alerting",
}  # fmt: skip
# Whose entries decide what others may name.
_DECIDING_SECTIONS = {"labels", "sources", "records", "events"}
# Whose entries others name; a faulty reference between them decides what the others may name.
_DECLARING = {"labels", "sources", "records", "events", "metrics", "buckets", "alerting"}
_NAMED = {*_SECTIONS.values(), "rules", "slos", "alerts", "anomalies"}
# Check -> one whose problem brings it about, of the same entry or of the whole spec.
_BECAUSE = {
    "metric/value": {"metric/base-unit"},
    "label/paths": {"label/one-set"},
    "metric/fold": {"metric/derived-name"},
    "alert/dropped-label": {"alert/environment-label", "promql/unknown-grouping-label"},
    "alert/guard": {"promql/unknown-metric"},
    "alert/unused-group": {"alert/no-owner", "alert/unknown-group"},
    "rule/raw-counter": {"rule/rate-after-aggregation", "promql/histogram-quantile"},
    "rule/short-range": {"stack/scrape-interval"},
    "rule/long-range": {"stack/retention-metrics", "stack/retention-slo"},
    "rule/division-by-zero": {"promql/no-common-label", "promql/unknown-grouping-label"},
    "rule/rate-after-aggregation": {"metric/expected-with"},
    "budget/cost": {"metric/value"},
    "alert/long-for": {"stack/retention-metrics"},
    "dashboard/environment-filter": {"dashboard/unknown-variable"},
    "dashboard/metric-kind": {"metric/fold"},
    "inhibition/environment-label": {"route/unknown-label"},
    "mute/unused": {"route/severity-unrouted"},
    "price/unused-source": {"price/unknown-vendor"},
    "route/severity-unrouted": {
        "route/unknown-value",
        "route/unknown-label",
        "route/matches-nothing",
    },
    "route/unknown-value": {
        "alert/no-owner",
        "alert/unknown-team",
        "alert/unknown-group",
        "alert/unused-group",
    },
}
_OF_THE_SPEC = {
    "stack/scrape-interval", "stack/retention-metrics", "stack/retention-slo",
    "metric/expected-with", "metric/value", "metric/fold", "alert/no-owner", "alert/unknown-team",
    "alert/unknown-group", "alert/unused-group", "price/unknown-vendor", "route/unknown-value",
    "route/unknown-label", "route/matches-nothing", "route/severity-unrouted",
}  # fmt: skip
# Checks of what an entry reads from others: no fault is seen while one of these is at fault.
_READING = {
    "alert/dropped-label", "alert/missing-test", "alert/unknown-fact", "dashboard/description",
    "dashboard/unit", "inhibition/never-equal", "promql/unknown-grouping-label",
    "promql/unknown-label", "promql/unknown-label-value", "slo/unknown-label", "slo/unknown-value",
}  # fmt: skip
# What a probe's series depend on besides its own entry.
_PROBED = {"component", "components", "health"}
_UNKNOWN = re.compile(
    r'^(?P<kind>[a-z_]+(?: list)?) "(?P<name>[^"]+)" is not (?:declared|in the catalogue)'
)
_QUOTED = re.compile(r'"([^"]+)"')
_GUESS = re.compile(r'did you mean "[^"]+"\?')
# What is told of an entry because no other names it, or nothing is left that it could name.
_ABSENT = {
    "alert/unused-group", "alert/unknown-fact", "route/unknown-value", "route/unknown-label",
    "route/matches-nothing",
}  # fmt: skip
# What follows a fault in a message: the remedy, which names much else.
_REMEDY = re.compile(r"; (?:did you mean|available|nearest|none is declared|add |or give).*")
_NAMES = re.compile(r'"([^"]+)"|\blabel (\w+)')
_LOST = re.compile(r'^metric "([^"]+)" has no label "([^"]+)"')
# Checks of two names, of which the first lacks the second.
_LACKS = {
    "drill/unknown-field", "metric/label-not-set", "promql/unknown-label", "slo/unknown-label",
}  # fmt: skip
# Messages about a name: told once, however many places it stands in.
_TOLD_ONCE = re.compile(
    r"is not (?:declared|in the catalogue)|has no label|no such label there|never is|"
    r"does not set the label|has no field|"
    r"are mixed with the others|no alert has this group|^no (?:team|dashboard)\b|"
    r"of every environment; add environment to"
)


def faulty_metrics(problems: Iterable[Problem]) -> frozenset[str]:
    """Return the metrics of which it is not known what series they have."""
    return frozenset(
        str(problem.path[1])
        for problem in problems
        if problem.path[:1] == ("metrics",)
        and (
            problem.check in _NO_METRIC or (len(problem.path) > 2 and problem.path[2] in _DECIDING)
        )
    )


def told_once(problems: list[Problem], left_out: LeftOut, mentions: Mentions) -> list[Problem]:
    """Return the problems without those that follow from others or say the same elsewhere."""
    checks = {(problem.path[:2], problem.check) for problem in problems}
    checks |= {((), check) for _, check in checks if check in _OF_THE_SPEC}

    def has_cause(problem: Problem) -> bool:
        causes = _BECAUSE.get(problem.check, set())
        return any((path, cause) in checks for path in (problem.path[:2], ()) for cause in causes)

    own = [p for p in problems if not _is_of(left_out, p) and not has_cause(p)]
    wrong: dict[str, Problem | None] = dict.fromkeys(map(str.lower, left_out.names))
    for problem, name in _wrong_names(own):
        wrong.setdefault(name.lower(), problem)

    def follows(problem: Problem) -> bool:
        name = _missing(problem)
        meant = nearest(name.lower(), wrong, 5, ALIKE) if name is not None else []
        causes = [wrong[other] for other in meant]
        return any(
            cause is None
            or (cause.path[:2] != problem.path[:2] and cause.message != problem.message)
            for cause in causes
        )

    once = _grouped([problem for problem in own if not follows(problem)])
    return list(bounded(_independent(once, left_out, mentions)))


def _independent(problems: list[Problem], left_out: LeftOut, mentions: Mentions) -> list[Problem]:
    """Return the problems without those of what mentions something that is at fault itself."""
    causes: dict[str, Problem | None] = dict.fromkeys(left_out.names)
    unsure = faulty_metrics(problems)
    for problem in problems:
        section, *rest = problem.path or ("",)
        unparsed = section in ("rules", "alerts") and problem.check.startswith("promql/")
        if rest and (section in _DECIDING_SECTIONS or rest[0] in unsure or unparsed):
            causes.setdefault(str(rest[0]), problem)
    for problem, name in _wrong_names(problems):
        causes.setdefault(name, problem)
    if _PROBED & causes.keys():
        causes.setdefault("probe", None)
    # Only the probes of a metric make the health routes values of a label.
    unprobed = mentions.health if "probe/off" in {p.check for p in problems} else None
    unprobed = mentions.health if any(map(mentions.is_metric, causes)) else unprobed
    lost = {tuple(pair) for p in problems for pair in _LOST.findall(p.message)}

    def depends(problem: Problem) -> bool:
        if problem.check.startswith(("spec/", "yaml/")):
            return False
        told = _REMEDY.sub("", problem.message)
        names = {name for found in _NAMES.findall(told) for name in found if name}
        if problem.check == "inhibition/never-equal":
            names |= set(re.findall(r"\w+", told))
        if problem.check in _READING:
            depth = 5 if problem.path[0] == "dashboards" else 2
            names |= mentions.reach_of(names) | mentions.reach(problem.path[:depth])
        if problem.check == "promql/unknown-label-value" and unprobed and unprobed in told:
            return True
        if problem.check == "promql/unknown-grouping-label":
            reads = mentions.reach(problem.path[:2])
            if any(f"({label})" in told and metric in reads for metric, label in lost):
                return True
        found = [causes[name] for name in names & causes.keys()]
        return any(cause is None or cause.path[:2] != problem.path[:2] for cause in found)

    return [problem for problem in problems if not depends(problem)]


def _missing(problem: Problem) -> str | None:
    """Return the name that a problem says does not exist."""
    unknown = _UNKNOWN.search(problem.message)
    if unknown:
        return unknown["name"]
    if problem.check == "alert/unused-group":
        return str(problem.path[-1])
    lacks = re.search(
        r'(?:no|not set the) label "([^"]+)"|no alert has the \w+ "([^"]+)"|\((\w+)\)": no such',
        problem.message,
    )
    return next((name for name in lacks.groups() if name), None) if lacks else None


def _is_of(left_out: LeftOut, problem: Problem) -> bool:
    """Return whether a problem is that an entry is gone which was left out as misshapen.

    It is named itself, or a series or an alert that would be made from it.
    """
    unknown = _UNKNOWN.search(problem.message)
    sections = {_SECTIONS.get(unknown["kind"])} if unknown else set()
    sections |= {"rules"} if "metrics" in sections else set()
    if sections & left_out.sections or {*problem.path[:1]} & left_out.missing:
        return True
    if problem.check == "route/severity-unrouted" and "alerting" in left_out.missing:
        return True
    named = _QUOTED.findall(_GUESS.sub("", problem.message))
    if problem.check in _ABSENT and left_out.alerts:
        return True
    if problem.check in ("route/severity-unrouted", "mute/unused") and left_out.routes:
        return True
    if problem.check == "alert/no-owner":
        named += re.findall(r"alerting\.groups\.(.+?): \{", problem.message)
        return bool({*named} & left_out.names) or "alerting" in left_out.sections
    for name in named:
        base = re.sub(r"_(?:bucket|sum|count)$", "", name)
        if {name, base, *name.split(":")[1:-1]} & left_out.names:
            return True
    return False


def _wrong_names(problems: Iterable[Problem]) -> Iterable[tuple[Problem, str]]:
    """Yield the names that declarations have or use wrongly, each with its problem.

    A name that another entry lacks, and that is close to one of these, is the right one.
    """
    for problem in problems:
        section = problem.path[0] if len(problem.path) > 1 else None
        declares = section in _DECLARING or problem.check == "alert/unknown-group"
        if len(problem.path) == 2 and section in _NAMED:
            yield problem, str(problem.path[1])
        elif declares and (unknown := _UNKNOWN.search(problem.message)):
            yield problem, unknown["name"]


def _grouped(problems: list[Problem]) -> list[Problem]:
    """Return the problems, of one name that is wrong in several places the first."""
    others: dict[str, list[str]] = {}
    kept: list[tuple[Problem, str]] = []
    for problem in problems:
        subject = _subject(problem)
        if subject in others:
            others[subject].append(dotted(problem.path))
        else:
            kept.append((problem, subject))
            if _TOLD_ONCE.search(problem.message):
                others[subject] = []
    return [
        replace(
            problem,
            message=problem.message
            + _declared(problem.message)
            + _also(dotted(problem.path), others.get(subject, [])),
        )
        for problem, subject in kept
    ]


def _declared(message: str) -> str:
    """Return how a name that is not declared, and that no other is near, would be declared."""
    unknown = _UNKNOWN.search(message)
    if unknown is None or _GUESS.search(message) or not unknown["name"]:
        return ""
    return declaration(unknown["kind"], unknown["name"])


def _subject(problem: Problem) -> str:
    """Return what a problem is about, without what a check adds of its own."""
    if problem.check == "dashboard/environment-filter":
        return ".".join(map(str, problem.path[:2])) + problem.message.partition("; ")[2]
    told = _REMEDY.sub("", problem.message)
    return " lacks ".join(_QUOTED.findall(told)) if problem.check in _LACKS else told


def _also(first: str, places: list[str]) -> str:
    distinct = [place for place in dict.fromkeys(places) if place != first]
    if not distinct:
        return ""
    return f"; also at {listed(distinct, most=3)}"
