"""Alerts: they can fire, say what they mean, and come with a test and a runbook."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from promql_parser import BinaryExpr, Expr

from imsobs import promql
from imsobs.checks import alert_tests, drills, thresholds
from imsobs.checks.rules import habits, mixing, mixing_apart, shown, spans, unknown
from imsobs.model import Model, conventions
from imsobs.model.alerts import used_labels
from imsobs.model.notification import FUNCTIONS, unknown_fields
from imsobs.model.rules import ResolvedAlert
from imsobs.problems import KeyPath, Problem, available, near, part
from imsobs.promql.windows import change_window
from imsobs.spec.schema.alerts import Runbook
from imsobs.spec.schema.base import seconds
from imsobs.spec.schema.drills import Drill

# Key of an alert or of its group -> check of one that is unknown.
_OWNERS = {"team": "alert/unknown-team", "dashboard": "alert/unknown-dashboard"}
_COMPARISONS = {"==", "!=", ">", ">=", "<", "<="}


def check(model: Model) -> Iterator[Problem]:
    """Yield alert/*, runbook/*, drill/*, promql/* and rule/* problems of every alert."""
    for name in [*model.spec.slos, *model.spec.anomalies]:
        section = "slos" if name in model.spec.slos else "anomalies"
        yield from _names(section, name, model)
    yield from _groups(model)
    yield from _facts(model)
    seen: set[KeyPath] = set()
    for alert in model.alerts.values():
        allowed = model.spec.alerts[alert.name].allow if alert.path[0] == "alerts" else {}
        for problem in _alert(alert, model, first=alert.path not in seen):
            if problem.check not in allowed:
                yield problem
        seen.add(alert.path)


def notes(model: Model) -> Iterator[Problem]:
    """Yield what an alert should have and can be rendered without."""
    for alert in model.alerts.values():
        if _is_skeleton(alert, model):
            message = (
                "the runbook is a skeleton with derived queries; write runbook: meaning, impact,"
                " causes, mitigation"
            )
            yield Problem(alert.path, message, "alert/missing-runbook")
        always = alert.test is not None and alert.test.always
        if alert.path[0] == "alerts" and alert.drill == Drill() and not always:
            message = "no drill can be derived; write drill, or say in drill.skip why there is none"
            yield Problem(alert.path, message, "alert/missing-drill")


def _is_skeleton(alert: ResolvedAlert, model: Model) -> bool:
    return alert.path[0] == "alerts" and model.spec.alerts[alert.name].runbook is None


def _names(section: str, name: str, model: Model) -> Iterator[Problem]:
    if section == "slos":
        slo = model.spec.slos[name]
        names = [*(burn.name for burn in slo.burn), slo.breach.name]
    else:
        names = [model.spec.anomalies[name].alert]
    for index, alert in enumerate(names):
        owner = model.alerts[alert].path
        if owner != (section, name) or alert in names[:index]:
            message = (
                f'the alert "{alert}" is also that of {".".join(map(str, owner))}; give it'
                " another name"
            )
            yield Problem((section, name), message, "alert/duplicate-name")


def _groups(model: Model) -> Iterator[Problem]:
    """The defaults of a group name what exists, and belong to a group that alerts have."""
    spec = model.spec
    groups = {alert.group: None for alert in spec.alerts.values()}
    for name, defaults in spec.alerting.groups.items():
        path = ("alerting", "groups", name)
        if name not in groups:
            message = f"no alert has this group; {available(name, groups)}"
            yield Problem(path, message, "alert/unused-group")
        for key, given, known in (
            ("team", defaults.team, spec.alerting.teams),
            ("dashboard", defaults.dashboard, spec.dashboards),
        ):
            if given is not None and given not in known:
                yield _undeclared((*path, key), key, given, known)


def _facts(model: Model) -> Iterator[Problem]:
    """The sentences that alerts end with read recorded series by a label that these have."""
    facts = model.spec.alerting.facts
    for name, fact in facts.items():
        path: KeyPath = ("alerting", "facts", name)
        if fact.series not in model.spec.rules:
            message = (
                f'"{fact.series}" is not a recorded rule;'
                f" {available(fact.series, model.spec.rules)}"
            )
            yield Problem((*path, "series"), message, "alert/unknown-fact")
        elif fact.label not in (labels := model.series[fact.series].labels):
            message = f'{fact.series} has no label "{fact.label}"; {available(fact.label, labels)}'
            yield Problem((*path, "label"), message, "alert/unknown-fact")
    for name, alert in model.spec.alerts.items():
        for index, wanted in enumerate(alert.facts):
            if wanted not in facts:
                message = f'fact "{wanted}" is not declared; {available(wanted, facts)}'
                path = ("alerts", name, "facts", index)
                yield Problem(path, message, "alert/unknown-fact")


def _belongs(alert: ResolvedAlert, model: Model) -> Iterator[Problem]:
    """The team and the dashboard of an alert are given, by itself or its group, and exist."""
    path, spec = alert.path, model.spec
    written = spec.alerts.get(alert.name)
    groups = spec.alerting.groups
    if written and not (alert.team and alert.dashboard) and written.group not in groups:
        meant = near(written.group, groups)
        if meant:
            message = f'group "{written.group}" is not declared in alerting.groups, which would'
            message += f' give team and dashboard; did you mean "{meant}"?'
            yield Problem((*path, "group"), message, "alert/unknown-group")
            return
    defaults = spec.alerting.groups.get(written.group) if written else None
    owners = (
        ("team", alert.team, spec.alerting.teams),
        ("dashboard", alert.dashboard, spec.dashboards),
    )
    lacks = [key for key, given, _ in owners if not given and written is not None]
    if written and lacks:
        message = (
            f"no {' and no '.join(lacks)}; give the alert its own, or all alerts of its group by"
            f" alerting.groups.{written.group}: {{{', '.join(f'{key}: ...' for key in lacks)}}}"
        )
        yield Problem(path, message, "alert/no-owner")
    for key, given, known in owners:
        of_group = defaults is not None and getattr(defaults, key) == given
        if key not in lacks and given not in known and not of_group:
            yield _undeclared((*path, key), key, given, known)


def _undeclared(path: KeyPath, key: str, given: str, known: Iterable[str]) -> Problem:
    message = f'{key} "{given}" is not declared; {available(given, known)}'
    return Problem(path, message, _OWNERS[key])


def _alert(alert: ResolvedAlert, model: Model, *, first: bool) -> Iterator[Problem]:
    path = alert.path
    yield from _belongs(alert, model)
    if alert.runbook is not None and first and not _is_skeleton(alert, model):
        yield from _runbook((*path, "runbook"), alert.runbook, model)
    if path[0] != "alerts":
        return
    if model.spec.alerts[alert.name].below is not None:
        message = "give threshold (with op), or below; an overlay changes the one that is given"
        yield Problem((*path, "below"), message, "alert/two-limits")
    wrong = list(_expression(alert, model))
    yield from wrong
    yield from _texts(alert, model)
    yield from thresholds.problems(alert, model)
    if alert.for_ is not None and 0 < seconds(alert.for_) < seconds(alert.interval):
        message = (
            f"{alert.for_} is shorter than the interval of evaluation, {alert.interval}, so it is"
            " as long as that; say so, or 0s for at once"
        )
        yield Problem((*path, "for"), message, "alert/short-for")
    yield from _burst(alert, model)
    if alert.for_ is None:
        message = "say how long it must hold before it fires (for: 5m); 0s means at once"
        yield Problem(path, message, "alert/missing-for")
    if alert.test is None and not wrong:
        message = (
            "an alert needs a test of its boundary; it is derived only when expr is one series, its"
            " rate or increase, and there is no guard"
        )
        yield Problem(path, message, "alert/missing-test")
    elif alert.test is not None:
        yield from alert_tests.test_problems((*path, "test"), alert, alert.test, model)
    yield from drills.of_alert((*path, "drill"), alert.drill, model)


def _burst(alert: ResolvedAlert, model: Model) -> Iterator[Problem]:
    """What fires on anything at all fires on what happens once."""
    window = change_window(alert.value, model.recorded)
    if window is None or (alert.op, alert.threshold) != (">", 0):
        return
    lasts, interval = seconds(alert.for_ or "0s"), seconds(alert.interval)
    if lasts + interval > window:
        message = (
            f"what happens once is seen for the {window:.0f} s that expr looks back, too short for"
            f" {alert.for_} and an evaluation ({alert.interval}), so it never fires; look back"
            " further, or wait less"
        )
        yield Problem((*alert.path, "for"), message, "alert/missed-burst")


def _expression(alert: ResolvedAlert, model: Model) -> Iterator[Problem]:
    for key, expr in (("expr", alert.value), ("guard", alert.guard)):
        if expr is not None:
            yield from unknown(expr, (*alert.path, key), model)
            yield from habits(expr, (*alert.path, key), model)
    if alert.guard is not None and not _is_condition(alert.guard):
        message = "a guard is a comparison, such as service:requests:rate5m > 0.05"
        yield Problem((*alert.path, "guard"), message, "alert/guard")
    for key, expr in (("expr", alert.value), ("guard", alert.guard)):
        if expr is not None:
            path = (*alert.path, key)
            yield from _mixing(expr, path, alert, model)
            yield from mixing_apart(expr, path, "alert/values-apart", model)


def _mixing(expr: str, path: KeyPath, alert: ResolvedAlert, model: Model) -> Iterator[Problem]:
    """Yield one problem for a metric whose service or environment is lost.

    The remedy names all labels that are to be kept, those of the texts included.
    """
    service = list(mixing(expr, conventions.SERVICE_NAME, path, "alert/service-label", model))
    environment = conventions.ENVIRONMENT
    lost = list(mixing(expr, environment, path, "alert/environment-label", model))
    if not lost:
        yield from service
    for problem in lost:
        both = any(f'of "{_metric(other)}"' in problem.message for other in service)
        names = [conventions.SERVICE_NAME] if both else []
        used = used_labels(f"{alert.summary} {alert.description}")
        kept = [*names, environment, *(n for n in used if n not in conventions.IDENTITY_LABELS)]
        label, are = ("labels", "are") if both else ("label", "is")
        message = (
            f'the {label} {" and ".join([*names, environment])} of "{_metric(problem)}" {are} lost;'
        )
        yield replace(problem, message=f"{message} aggregate and match by ({', '.join(kept)}, ...)")


def _metric(problem: Problem) -> str:
    return problem.message.split('"')[1]


def _is_condition(expr: str) -> bool:
    try:
        root = promql.parse(expr)
    except ValueError:
        return True
    return _compares(root)


def _compares(node: Expr) -> bool:
    node = promql.without_parentheses(node)
    if not isinstance(node, BinaryExpr):
        return False
    if str(node.op) in ("and", "or", "unless"):
        return _compares(node.lhs) and _compares(node.rhs)
    return str(node.op) in _COMPARISONS


def _texts(alert: ResolvedAlert, model: Model) -> Iterator[Problem]:
    written = model.spec.alerts[alert.name]
    for key, text, source in (
        ("summary", alert.summary, written.summary),
        ("description", alert.description, written.description),
    ):
        for field in unknown_fields(text):
            known = ", ".join(
                ["$who", "$amount", "$threshold", *(f"$value | {name}" for name in FUNCTIONS)]
            )
            message = f'"{field}" is not a known field; use $labels.NAME, $value, {known}'
            at = part(source, _found(source, field))
            yield Problem((*alert.path, key), message, "alert/unknown-field", part=at)
        for label in used_labels(text):
            if alert.carried is not None and label not in alert.carried:
                message = (
                    f'the expression drops the label "{label}"; {available(label, alert.carried)}'
                )
                at = part(source, _found(source, f"$labels.{label}", "$who"))
                yield Problem((*alert.path, key), message, "alert/dropped-label", part=at)


def _found(text: str, *wanted: str) -> int | None:
    return next((text.index(each) for each in wanted if each in text), None)


def _runbook(path: KeyPath, runbook: Runbook, model: Model) -> Iterator[Problem]:
    if not runbook.queries:
        yield Problem(
            path, "give the queries that a woken person runs first", "runbook/missing-queries"
        )
    for title, expr in runbook.queries.items():
        here: KeyPath = (*path, "queries", title)
        yield from unknown(expr, here, model)
        yield from mixing(expr, conventions.ENVIRONMENT, here, "runbook/environment-label", model)
        yield from spans(expr, here, model)
        yield from shown(expr, here)
        yield from mixing_apart(expr, here, "runbook/values-apart", model)
