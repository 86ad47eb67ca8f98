"""A cluster after the manifests were applied: reconciled, scraped, and heard of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from typing import Any

import yaml

from imsobs import artifacts
from imsobs.errors import ImsobsError
from imsobs.runtime.cluster.kubectl import Kubectl
from imsobs.runtime.cluster.manifests import Manifests, Object, manifests
from imsobs.runtime.cluster.preflight import reached
from imsobs.runtime.doctor import Finding
from imsobs.runtime.loopback import loopback_client
from imsobs.runtime.process.plan import parse_plan
from imsobs.runtime.rules import running_rules
from imsobs.runtime.status import PrometheusApi

# The Service that prometheus-operator makes, and its port.
_SERVICE, _PORT = "prometheus-operated", 9090
# Kind of an operator -> how the StatefulSet that it makes of an object is called.
_MADE = {
    "OpenTelemetryCollector": "{}-collector",
    "Prometheus": "prometheus-{}",
    "Alertmanager": "alertmanager-{}",
}
_WATCHDOG = "Watchdog"
# More names would not be read.
_MOST = 5
_APPLY = "kubectl apply --server-side -k stack/kubernetes/base"
_LOG = "read the log of the operator, and kubectl describe"


def examine(
    pages: Mapping[str, bytes], kubectl: Kubectl | None, prometheus: str | None
) -> list[Finding]:
    """Return what runs of the rendered files and what does not.

    prometheus: its base URL; None: by a port that kubectl forwards.
    """
    wanted = manifests(pages)
    found = list(reached(kubectl))
    if found[-1].level == "ok" and kubectl is not None:
        found += _operated(wanted, kubectl)
        found += _ready(wanted, kubectl)
    elif prometheus is None:
        return found
    try:
        with ExitStack() as stack:
            if prometheus is None and kubectl is not None:
                forwarded = kubectl.forwarded(_SERVICE, _PORT, wanted.namespace)
                prometheus = stack.enter_context(forwarded)
            found += _seen(wanted, pages, str(prometheus))
    except ImsobsError as error:
        found.append(Finding("prometheus", "fail", error.message, error.remedy))
    return found


def _operated(wanted: Manifests, kubectl: Kubectl) -> Iterator[Finding]:
    """Yield whether the operators have done what the objects of their kinds say."""
    for kind in ("Prometheus", "Alertmanager"):
        for one in wanted.of(kind):
            name = f"{kind} {one['metadata']['name']}"
            answer = _got(one, kubectl)
            if answer is None:
                yield Finding("objects", "fail", f"there is no {name}", _APPLY)
                continue
            conditions = {each["type"]: each for each in _status(answer).get("conditions", [])}
            last = conditions.get("Reconciled", {})
            behind = last.get("observedGeneration", 0) < answer["metadata"].get("generation", 0)
            if not last or behind:
                detail = f"{name}: prometheus-operator has not looked at it since it changed"
                yield Finding("objects", "fail", detail, _LOG)
            elif last["status"] != "True":
                yield Finding("objects", "fail", f"{name}: {last.get('message', '')}", _LOG)
            else:
                yield Finding("objects", "ok", f"{name} is reconciled")


def _ready(wanted: Manifests, kubectl: Kubectl) -> Iterator[Finding]:
    """Yield whether all pods are ready, of what is rendered and of what operators make of it."""
    sets = [(one["metadata"]["name"], one, "") for one in wanted.of("StatefulSet")]
    for kind, made in _MADE.items():
        sets += [(made.format(one["metadata"]["name"]), one, kind) for one in wanted.of(kind)]
    for name, one, kind in sets:
        answer = kubectl.get("statefulset.apps", name, namespace=wanted.namespace)
        if answer.data is None:
            why = "is not there" if answer.absent else f"cannot be looked at: {answer.why}"
            remedy = f"read the log of {kind}'s operator" if kind else _APPLY
            yield Finding("pods", "fail", f"StatefulSet {name} {why}", remedy)
            continue
        asked, status = int(answer.data["spec"].get("replicas", 1)), _status(answer.data)
        ready, fresh = (int(status.get(f"{key}Replicas", 0)) for key in ("ready", "updated"))
        spec = one["spec"]
        least = int(spec.get("autoscaler", {}).get("minReplicas") or spec.get("replicas", 1))
        detail = f"{name}: {ready} of {asked} ready"
        if asked < least:
            detail = f"{name} has {asked} pods, {least} are rendered"
            yield Finding("pods", "fail", detail, _APPLY)
        elif ready < asked or fresh < asked:
            late = f", {asked - fresh} not replaced yet" if fresh < asked else ""
            remedy = f"kubectl -n {wanted.namespace} describe pods, and their logs"
            yield Finding("pods", "fail", detail + late, remedy)
        else:
            yield Finding("pods", "ok", detail)


def _got(one: Object, kubectl: Kubectl) -> Object | None:
    """Return an object of an operator's kind as the server has it."""
    group = one["apiVersion"].partition("/")[0]
    name, space = one["metadata"]["name"], one["metadata"]["namespace"]
    found: Object | None = kubectl.get(f"{one['kind'].lower()}.{group}", name, namespace=space).data
    return found


def _status(found: Object) -> Object:
    status: Object = found.get("status") or {}
    return status


def _seen(wanted: Manifests, pages: Mapping[str, bytes], base: str) -> Iterator[Finding]:
    """Yield what Prometheus says: targets, rules, Alertmanagers, the Watchdog, series."""
    with loopback_client(10) as client:
        api = PrometheusApi(client, base)
        targets = api.get("targets", state="active")
        if targets is None:
            remedy = "name its address with --prometheus"
            yield Finding("prometheus", "fail", f"it does not answer at {base}", remedy)
            return
        yield from _targets(wanted, targets["activeTargets"])
        rules = running_rules(client, base) or []
        running = Counter((rule.alert, rule.name) for rule in rules)
        yield from _rules(wanted, running, {rule.name: rule.ill for rule in rules if rule.ill})
        yield from _alerting(wanted, api)
        yield _series(api, pages)


def _targets(wanted: Manifests, targets: list[dict[str, Any]]) -> Iterator[Finding]:
    for job in _jobs(wanted):
        own = [one for one in targets if one["labels"].get("job") == job]
        down = [one for one in own if one["health"] != "up"]
        if not own:
            remedy = "kubectl get podmonitors, and the pods' labels"
            yield Finding("targets", "fail", f"{job} has none", remedy)
        elif down:
            why = down[0].get("lastError") or "not scraped yet"
            detail = f"{job}: {len(down)} of {len(own)} are not up ({why})"
            yield Finding("targets", "fail", detail, "read the pods' logs, and the NetworkPolicies")
        else:
            yield Finding("targets", "ok", f"{job}: {len(own)} up")


def _jobs(wanted: Manifests) -> list[str]:
    """Return the jobs that the monitors name."""
    named = (
        rule["replacement"]
        for monitor in wanted.of("PodMonitor")
        for endpoint in monitor["spec"]["podMetricsEndpoints"]
        for rule in endpoint["relabelings"]
        if rule.get("targetLabel") == "job"
    )
    return list(dict.fromkeys(named))


def _rendered(wanted: Manifests) -> Counter[tuple[bool, str]]:
    """Return (whether it is an alert, name) of the rules, mounted as files or as objects."""
    files = [yaml.load(text, yaml.CSafeLoader) for _, text in wanted.rule_files()]
    rules = (rule for file in files for group in file["groups"] for rule in group["rules"])
    return Counter(("alert" in rule, rule.get("alert") or rule["record"]) for rule in rules)


def _rules(
    wanted: Manifests, running: Counter[tuple[bool, str]], ill: Mapping[str, str]
) -> Iterator[Finding]:
    missing = _rendered(wanted) - running
    if missing:
        names = sorted(name for _, name in missing)
        more = f" and {len(names) - _MOST} more" if len(names) > _MOST else ""
        detail = f"{missing.total()} are not loaded: {', '.join(names[:_MOST])}{more}"
        remedy = "wait a minute after apply; then the logs of Prometheus and of its operator"
        yield Finding("rules", "fail", detail, remedy)
    for name, why in list(ill.items())[:_MOST]:
        yield Finding("rules", "fail", f"{name}: {why}", "kubectl apply what is rendered now")
    if not missing and not ill:
        yield Finding("rules", "ok", f"{_rendered(wanted).total()} are loaded and evaluated")


def _alerting(wanted: Manifests, api: PrometheusApi) -> Iterator[Finding]:
    (alertmanager,) = wanted.of("Alertmanager")
    replicas = alertmanager["spec"]["replicas"]
    known = len((api.get("alertmanagers") or {}).get("activeAlertmanagers", []))
    detail = f"Prometheus sends to {known} of {replicas} Alertmanagers"
    if known < replicas:
        remedy = "kubectl get endpointslices, and the Role of prometheus"
        yield Finding("alerting", "fail", detail, remedy)
    else:
        yield Finding("alerting", "ok", detail)
    if (True, _WATCHDOG) not in _rendered(wanted):
        return
    alerts = (api.get("alerts") or {}).get("alerts", [])
    if any(a["labels"].get("alertname") == _WATCHDOG and a["state"] == "firing" for a in alerts):
        yield Finding("alerting", "ok", f"{_WATCHDOG} fires, as it always must")
    else:
        detail = f"{_WATCHDOG} does not fire: rules are not evaluated"
        yield Finding("alerting", "fail", detail, "read the log of Prometheus")


def _series(api: PrometheusApi, pages: Mapping[str, bytes]) -> Finding:
    """Return whether anything came of the services, by what the Collectors count of themselves."""
    queries = parse_plan(pages[artifacts.NATIVE].decode()).queries
    came = {
        "spans": api.number(queries.spans_received),
        "log records": api.number(queries.logs_received),
        "metric points": api.number(queries.metric_points_received),
    }
    detail = ", ".join(f"{count or 0:,} {what}" for what, count in came.items())
    if not any(came.values()):
        remedy = "the annotation of the Deployment, kubernetes.senders; then imsobs live-check"
        return Finding("series", "fail", "no service has sent anything", remedy)
    return Finding("series", "ok", f"received: {detail}")
