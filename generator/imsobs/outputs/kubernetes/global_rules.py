"""Rules over all regions, for the ruler of the store that all of them write to (ADR 45).

Objectives, and whether anything comes from each region. All other rules are about one region, and
its own Prometheus evaluates them, even while the store is down.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from imsobs import artifacts
from imsobs.model import conventions
from imsobs.model.reporters import owners
from imsobs.model.rules import ResolvedAlert, number
from imsobs.model.slos import BY, SloNames, good_share, is_raw, windows
from imsobs.outputs.kubernetes.objects import Cluster
from imsobs.outputs.kubernetes.prometheus import external_labels
from imsobs.outputs.prometheus.rules import annotations_of
from imsobs.pages import YamlPage
from imsobs.promql.matchers import selector
from imsobs.spec.schema.base import seconds
from imsobs.spec.schema.slos import Slo

# Begins the names of what is evaluated over all regions.
RECORDS, ALERTS = "global_", "Global"
_ABSENT, _ABSENT_FOR = "RegionAbsent", "5m"
# A region's own alert fires first, and is in the store before the one over all regions may fire.
_LATER_S = 120

Rules = list[dict[str, Any]]


def pages(cluster: Cluster) -> Iterator[YamlPage]:
    """Yield the rule file; none where no store sees several regions."""
    given = cluster.spec.prometheus
    if len(cluster.spec.regions) > 1 and (given.remote_write or given.thanos):
        yield YamlPage(artifacts.KUBERNETES_GLOBAL_RULES, {"groups": list(_groups(cluster))})


def _groups(cluster: Cluster) -> Iterator[dict[str, Any]]:
    spec = cluster.model.spec
    # More often would find nothing new: the store gets a sample per scrape.
    fast = max(spec.alerting.fast, spec.scrape.interval, key=seconds)
    for name, slo in spec.slos.items():
        group = f"global-slo-{name.replace('_', '-')}"
        short = [window for window in windows(slo) if is_raw(window)]
        long = [window for window in windows(slo) if not is_raw(window)]
        yield _group(group, fast, _records(cluster, name, short))
        if long:
            yield _group(f"{group}-long", spec.alerting.slow, _records(cluster, name, long))
        yield _group(f"{group}-alerts", fast, list(_alerts(cluster, name, slo)))
    yield _group("global-regions", fast, [_absence(cluster)])


def _group(name: str, interval: str, rules: Rules) -> dict[str, Any]:
    return {"name": name, "interval": interval, "rules": rules}


def _records(cluster: Cluster, name: str, over: list[str]) -> Rules:
    """Return the events of all regions in each window, and the share of those that were bad."""
    slo, own = cluster.model.spec.slos[name], SloNames(name)
    where, found = _everywhere(cluster), {}
    for window in over:
        for counted in (own.events(window), own.bad_events(window)):
            # Both Prometheus of a region write it, where the store keeps one of them and where
            # it keeps both.
            once = f"max by ({BY}, cluster, region) ({selector(counted, where)})"
            found[RECORDS + counted] = f"sum by ({BY}) ({once})"
        bad, events = (RECORDS + each for each in (own.bad_events(window), own.events(window)))
        found[RECORDS + own.ratio(window)] = f"{bad} / ({events} > 0)"
    if slo.window in over:
        share = f"{RECORDS}{own.ratio(slo.window)} / {number(good_share(slo))}"
        found[RECORDS + own.of("error_budget_remaining")] = f"1 - {share}"
    return [{"record": record, "expr": expr} for record, expr in found.items()]


def _everywhere(cluster: Cluster) -> dict[str, str | list[str]]:
    """Return the labels of what comes from any region."""
    labels = [external_labels(cluster, region) for region in cluster.spec.regions]
    return {name: [each[name] for each in labels] for name in ("cluster", "region")}


def _alerts(cluster: Cluster, name: str, slo: Slo) -> Iterator[dict[str, Any]]:
    burning = {burn.name: burn for burn in slo.burn}
    for alert in cluster.model.alerts.values():
        if alert.path != ("slos", name) or not alert.enabled:
            continue
        expr = _renamed(alert.expr, name)
        if alert.name in burning:
            told = {**_everywhere(cluster), "alertname": alert.name, "alertstate": "firing"}
            expr += f"\nunless on ({BY}) {_lately(told, burning[alert.name].short)}"
        yield {
            "alert": ALERTS + alert.name,
            "expr": expr,
            "for": f"{seconds(alert.for_ or '0s') + _LATER_S}s",
            "labels": {
                **alert.labels,
                "team": _team(cluster, alert, slo),
                # An alert over all regions must not inhibit one of a region.
                "area": f"global-{alert.labels['area']}",
            },
            "annotations": {
                **{key: _renamed(text, name) for key, text in annotations_of(alert).items()},
                "summary": f"{alert.summary}, over all regions",
            },
        }


def _renamed(text: str, slo: str) -> str:
    """Return a text that reads what is recorded over all regions, where it read one region's."""
    prefix = SloNames(slo).of("")
    return text.replace(prefix, RECORDS + prefix)


def _lately(told: Mapping[str, str | list[str]], window: str) -> str:
    """Return the query of whether a region's own alert fired within a window.

    told: labels of that alert.
    """
    return f"max by ({BY}) (max_over_time({selector('ALERTS', told)}[{window}])) > 0"


def _team(cluster: Cluster, alert: ResolvedAlert, slo: Slo) -> str:
    """Return the team as a label: the owner's of the service.

    Not every ruler relabels what it hands over, as Prometheus does; labels are templates in all.
    """
    of = owners(cluster.model.spec)
    if slo.service is not None:
        return of.get(slo.service, alert.team)
    text = alert.team
    for service, owner in of.items():
        if owner != alert.team:
            own = f'{{{{ if eq $labels.{conventions.SERVICE_NAME} "{service}" }}}}'
            text = f"{own}{owner}{{{{ else }}}}{text}{{{{ end }}}}"
    return text


def _absence(cluster: Cluster) -> dict[str, Any]:
    """Return the alert on a region of which nothing comes."""
    model = cluster.model
    # Told to the team of the dead man's switch, with its links: the question is the same.
    watchdog = model.alerts.get("Watchdog")
    team = watchdog.team if watchdog else next(iter(model.spec.alerting.teams), "")
    links = {
        key: text
        for key, text in (annotations_of(watchdog) if watchdog else {}).items()
        if key.endswith("_url")
    }
    ups = []
    for region in cluster.spec.regions:
        labels = external_labels(cluster, region)
        ups.append(selector("up", {name: labels[name] for name in ("cluster", "region")}))
    return {
        "alert": _ABSENT,
        "expr": "\nor ".join(f"absent({up})" for up in ups),
        "for": _ABSENT_FOR,
        "labels": {"severity": "critical", "team": team, "area": "global-regions"},
        "annotations": {
            "summary": "Nothing is heard of the region {{ $labels.region }}",
            "description": (
                "No sample of the cluster {{ $labels.cluster }} has come for ten minutes: its"
                " Prometheus do not run, or do not reach the store. Objectives over all regions"
                " leave it out meanwhile."
            ),
            **links,
        },
    }
