"""Every alert of the spec, resolved: those written, those of objectives and those of bands."""

from __future__ import annotations

import re

from promql_parser import BinaryExpr

from imsobs import artifacts, promql
from imsobs.model import conventions
from imsobs.model.alert_tests import at_limit, completed
from imsobs.model.alert_units import unit_of
from imsobs.model.anomalies import anomaly_alerts
from imsobs.model.derived_drills import derived_drill
from imsobs.model.derived_tests import derived_test
from imsobs.model.facts import facts_template
from imsobs.model.metrics import ResolvedMetric
from imsobs.model.notification import amount, humanized
from imsobs.model.rules import WHO, ResolvedAlert, number, output_labels
from imsobs.model.runbook_skeleton import skeleton
from imsobs.model.slo_alerts import slo_alerts
from imsobs.problems import KeyPath
from imsobs.promql.series import Series
from imsobs.spec.schema.alerting import AlertGroup
from imsobs.spec.schema.alerts import Alert
from imsobs.spec.schema.root import Spec

# Set operators, and all binary operators that bind less tightly than a comparison, or as tightly.
_SET = {"and", "or", "unless"}
_LOOSE = {*_SET, "==", "!=", ">", ">=", "<", "<="}
_FIELD = re.compile(r"\{\{\s*\$(who|amount|threshold)\s*\}\}")
_LABEL = re.compile(r"\$labels\.([a-zA-Z_][a-zA-Z0-9_]*)")


def resolve_alerts(
    spec: Spec,
    metrics: dict[str, ResolvedMetric],
    series: dict[str, Series],
    limits: dict[str, float],
) -> dict[str, ResolvedAlert]:
    """Return alert name -> alert, in the order of the spec.

    limits: selector of a recorded limit of the stack -> its value.
    """
    found = {}
    for name, alert in spec.alerts.items():
        whole = _completed(at_limit(alert, limits), spec, metrics, series)
        found[name] = _resolve(name, whole, ("alerts", name), "alerting", spec, series)
    for name, (slo, alert) in slo_alerts(spec).items():
        found.setdefault(name, _resolve(name, alert, ("slos", slo), "slo", spec, series))
    for name, (band, alert) in anomaly_alerts(spec).items():
        path = ("anomalies", band)
        found.setdefault(name, _resolve(name, alert, path, "alerting", spec, series))
    return found


def _completed(
    alert: Alert, spec: Spec, metrics: dict[str, ResolvedMetric], series: dict[str, Series]
) -> Alert:
    """Return an alert with what its author left to be derived: unit, test, drill, runbook."""
    filled: dict[str, object] = {}
    if "unit" not in alert.model_fields_set:
        alert = alert.model_copy(update={"unit": unit_of(alert.expr, metrics)})
    if alert.test is None:
        filled["test"] = derived_test(alert, spec, series, metrics)
    if "drill" not in alert.model_fields_set:
        filled["drill"] = derived_drill(alert, spec, series, metrics) or alert.drill
    if alert.runbook is None:
        filled["runbook"] = skeleton(alert, filled_in(alert.description, alert), series)
    return alert.model_copy(update=filled)


def condition(alert: Alert, series: dict[str, Series]) -> str:
    """Return the whole condition: value, comparison, guard.

    The guard is matched on the labels that it has, when they are fewer than the value's.
    """
    value = f"({alert.expr})" if _operator(alert.expr) in _LOOSE else alert.expr
    expr = f"{value} {alert.op} {number(alert.threshold)}"
    if alert.guard is None:
        return expr
    have, other = output_labels(alert.expr, series), output_labels(alert.guard, series)
    matching = "and"
    if have is not None and other is not None and other != have:
        matching = f"and on ({', '.join(sorted(other & have))})"
    guard = f"({alert.guard})" if _operator(alert.guard) in _SET else alert.guard
    return f"{expr}\n{matching} {guard}"


def at_threshold(alert: ResolvedAlert, threshold: float) -> str:
    """Return the whole condition of an alert with another threshold."""
    # The value stands first, in parentheses or not.
    end = alert.expr.index(alert.value) + len(alert.value)
    own, other = (f" {alert.op} {number(value)}" for value in (alert.threshold, threshold))
    return alert.expr[:end] + alert.expr[end:].replace(own, other, 1)


def _operator(expr: str) -> str | None:
    """Return the binary operator that an expression applies last, None when there is none."""
    try:
        root = promql.parse(expr)
    except ValueError:
        return None
    return str(root.op) if isinstance(root, BinaryExpr) else None


def filled_in(text: str, alert: Alert) -> str:
    """Return a notification text with the spec's own fields written as Prometheus reads them.

    ``{{ $who }}`` is the service and its environment. ``{{ $amount }}`` is the value and
    ``{{ $threshold }}`` the threshold, in the alert's unit: ``20%``, ``10m 0s``, ``$100``, or as a
    bare number.
    """
    fields = {
        "who": WHO,
        "amount": amount("$value", alert.unit),
        "threshold": threshold_text(alert.threshold, alert.unit),
    }
    return _FIELD.sub(lambda match: fields[match[1]], text)


def threshold_text(threshold: float, unit: str) -> str:
    """Return a threshold as people read it."""
    match unit:
        case "ratio":
            return f"{number(round(threshold * 100, 10))}%"
        case "seconds":
            return humanized("humanizeDuration", threshold)
        case "usd":
            return f"${number(threshold)}"
        case "per_second":
            return f"{number(threshold)}/s"
    return number(threshold)


def used_labels(text: str) -> list[str]:
    """Return the labels that a notification text refers to."""
    return list(dict.fromkeys(_LABEL.findall(text)))


def _resolve(
    name: str, alert: Alert, path: KeyPath, file: str, spec: Spec, series: dict[str, Series]
) -> ResolvedAlert:
    carried = output_labels(alert.expr, series)
    group = spec.alerting.groups.get(alert.group, AlertGroup())
    team = alert.team or group.team or ""
    dashboard = alert.dashboard or group.dashboard or ""
    # Alerts of one area: a more severe one inhibits the others.
    facts = spec.alerting.facts
    added = {**alert.labels, "severity": alert.severity, "team": team, "area": alert.group}
    return ResolvedAlert(
        name=name,
        expr=condition(alert, series),
        value=alert.expr,
        op=alert.op,
        threshold=alert.threshold,
        unit=alert.unit,
        guard=alert.guard,
        for_=alert.for_,
        keep_firing_for=alert.keep_firing_for,
        severity=alert.severity,
        team=team,
        group=f"{alert.group}-alerts",
        interval=spec.alerting.fast,
        labels=added,
        carried=None if carried is None else carried | frozenset(added),
        summary=filled_in(alert.summary, alert),
        description=filled_in(alert.description, alert),
        facts=facts_template(
            [facts[fact] for fact in alert.facts if fact in facts], carried, series
        ),
        reads=tuple(facts[fact].series for fact in alert.facts if fact in facts),
        runbook_url=_runbook_url(name, spec),
        dashboard=dashboard,
        dashboard_url=_dashboard_url(spec, dashboard, carried or frozenset()),
        enabled=alert.enabled,
        runbook=alert.runbook,
        test=None if alert.test is None else completed(alert.test, carried, spec, series),
        drill=alert.drill,
        file=file,
        path=path,
    )


def _runbook_url(name: str, spec: Spec) -> str:
    return f"{spec.alerting.runbooks or artifacts.RUNBOOKS}/{conventions.alert_file_stem(name)}.md"


def _dashboard_url(spec: Spec, dashboard: str, carried: frozenset[str]) -> str:
    """Return where a dashboard is shown, or its file where no Grafana is known."""
    grafana = spec.stack.grafana
    own = f"http://127.0.0.1:{grafana.ports.http}" if grafana else None
    base = spec.alerting.dashboards or own
    if base is None:
        return f"{artifacts.DASHBOARDS}/{dashboard}.json"
    chosen = [
        f"var-{variable}={{{{ $labels.{label} }}}}"
        for variable, label in conventions.VARIABLE_LABELS.items()
        if label in carried
    ]
    return f"{base}/d/{dashboard}" + (f"?{'&'.join(chosen)}" if chosen else "")
