"""An alert from its expression to the person who is told."""

from __future__ import annotations

from collections.abc import Iterator

from imsobs.explain.explanation import Explanation, Row, placed
from imsobs.explain.readers import series_in
from imsobs.explain.record import read
from imsobs.model import Model, conventions
from imsobs.model.alerts import threshold_text
from imsobs.model.receivers import routes_of, situations
from imsobs.model.rules import ResolvedAlert
from imsobs.outputs.docs.last_step import told_within
from imsobs.outputs.docs.runbooks import holders, runbook_file
from imsobs.outputs.prometheus.rule_tests import test_file
from imsobs.problems import KeyPath
from imsobs.spec.load import Document
from imsobs.spec.schema.routing import Receiver

Labels = dict[str, str]


def explained(alert: ResolvedAlert, model: Model, document: Document) -> Explanation:
    """Return an alert's condition, times, route, receivers and proof."""
    state = alert.severity if alert.enabled else f"{alert.severity}, off"
    return Explanation(
        "alert",
        alert.name,
        placed(f"{state}: {alert.summary}", document, alert.path),
        {
            "condition": list(_condition(alert, document)),
            "reads": read(series_in(alert.expr), model, document),
            "timing": list(_timing(alert, model, document)),
            "told": list(_told(alert, model, document)),
            "held back by": [
                _inhibition(name, model, document) for name in holders(alert.name, model)
            ],
            "proof": list(_proof(alert, document)),
            "shown": list(_shown(alert, model, document)),
        },
    )


def _key(alert: ResolvedAlert, *key: str) -> KeyPath:
    return (*alert.path, *key) if alert.path[0] == "alerts" else alert.path


def _condition(alert: ResolvedAlert, document: Document) -> Iterator[Row]:
    yield placed(alert.value, document, _key(alert, "expr"))
    threshold = f"{alert.op} {threshold_text(alert.threshold, alert.unit)}"
    # A limit that is written as below has no key threshold.
    place = document.positions.get(_key(alert, "below")) or document.locate(
        _key(alert, "threshold")
    )
    yield Row(f"threshold: {threshold}", place.file, place.line)
    if alert.guard is not None:
        yield placed(f"and {alert.guard}", document, _key(alert, "guard"))


def _timing(alert: ResolvedAlert, model: Model, document: Document) -> Iterator[Row]:
    held = f"must hold for {alert.for_ or '0s'}"
    yield placed(f"{held}, evaluated every {alert.interval}", document, _key(alert, "for"))
    if alert.keep_firing_for:
        text = f"keeps firing for {alert.keep_firing_for}"
        yield placed(text, document, _key(alert, "keep_firing_for"))
    yield Row(f"somebody is told within {told_within(alert, model)} s of the condition being true")


def _told(alert: ResolvedAlert, model: Model, document: Document) -> Iterator[Row]:
    """Yield teams, routes and receivers, those of all services and environments together."""
    if not alert.enabled:
        yield placed("nobody: the alert is off", document, _key(alert, "enabled"))
        return
    spec = model.spec
    each = list(situations(alert, model))
    teams: dict[str, list[Labels]] = {}
    ways: dict[tuple[tuple[str, ...], str], list[Labels]] = {}
    for labels in each:
        teams.setdefault(labels.get("team", alert.team), []).append(labels)
        for name, receiver in routes_of(alert, labels, model):
            way = (("routing", "routes", name) if name else ("routing",), receiver)
            ways.setdefault(way, []).append(labels)
    for name, of in teams.items():
        if (team := spec.alerting.teams.get(name)) is not None:
            text = f"team {name}{_whose(of, each)}: {team.description}"
            yield placed(text, document, ("alerting", "teams", name))
    for (path, receiver), of in ways.items():
        route = f"route {path[-1]}" if len(path) == 3 else "the default route"
        yield placed(f"{route}{_whose(of, each)}", document, path)
        text = f"receiver {receiver}: {_channels(spec.receivers.get(receiver))}"
        yield placed(text, document, ("receivers", receiver))
        for mute in spec.routing.routes[path[-1]].mute if len(path) == 3 else []:
            text = f"not at times of {mute}: {spec.mutes[mute].description}"
            yield placed(text, document, ("mutes", mute))


def _whose(some: list[Labels], every: list[Labels]) -> str:
    """Return of which services and in which environments; empty where it is all of them."""
    if len(some) == len(every):
        return ""
    where: dict[str, list[str]] = {}
    for labels in some:
        own = labels.get(conventions.SERVICE_NAME, "")
        where.setdefault(own, []).append(labels[conventions.ENVIRONMENT])
    alike: dict[tuple[str, ...], list[str]] = {}
    for service, environments in where.items():
        alike.setdefault(tuple(environments), []).append(service)
    services = {labels.get(conventions.SERVICE_NAME, "") for labels in every}
    everywhere = {labels[conventions.ENVIRONMENT] for labels in every}
    return " and".join(
        ("" if len(of) == len(services) else f" of {', '.join(of)}")
        + ("" if len(at) == len(everywhere) else f" in {', '.join(at)}")
        for at, of in alike.items()
    )


def _channels(receiver: Receiver | None) -> str:
    if receiver is None:
        return "unknown"
    found = []
    if receiver.pagerduty is not None:
        found.append("PagerDuty")
    if receiver.slack is not None:
        found.append(f"Slack {receiver.slack.channel}")
    if receiver.email is not None:
        found.append(f"mail to {receiver.email.to}")
    if receiver.webhook is not None:
        found.append(f"web hook {receiver.webhook.url or receiver.webhook.url_file}")
    return ", ".join(found) or "kept in Alertmanager's page"


def _inhibition(name: str, model: Model, document: Document) -> Row:
    rule = model.spec.inhibitions[name]
    source = ", ".join(
        f"{label} {value if isinstance(value, str) else ' or '.join(value)}"
        for label, value in rule.source.items()
    )
    equal = f", of equal {', '.join(rule.equal)}" if rule.equal else ""
    return placed(f"{name}: while {source} fires{equal}", document, ("inhibitions", name))


def _proof(alert: ResolvedAlert, document: Document) -> Iterator[Row]:
    if alert.test is not None:
        yield placed(f"test {test_file(alert.name)}", document, _key(alert, "test"))
    drill = alert.why_no_drill
    text = f"no drill: {drill}" if drill else f"imsobs drill {alert.name} makes it fire"
    yield placed(text, document, _key(alert, "drill"))
    yield placed(f"runbook {runbook_file(alert.name)}", document, _key(alert, "runbook"))
    yield Row(f"linked as {alert.runbook_url}")


def _shown(alert: ResolvedAlert, model: Model, document: Document) -> Iterator[Row]:
    if alert.dashboard:
        yield placed(f"dashboard {alert.dashboard}", document, ("dashboards", alert.dashboard))
    for uid, dashboard in model.dashboards.items():
        for panel in dashboard.panels():
            if alert.name in panel.alerts:
                text = f'threshold in panel "{panel.title}" of {uid}'
                yield placed(text, document, panel.path)
