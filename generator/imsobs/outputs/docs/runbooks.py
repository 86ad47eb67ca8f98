"""Runbooks: one page per alert, and the references of alerts and objectives."""

from __future__ import annotations

from collections.abc import Iterator

from imsobs import artifacts
from imsobs.model import Model, conventions
from imsobs.model.notification import expand
from imsobs.model.receivers import may_match
from imsobs.model.reporters import fixed_labels
from imsobs.model.rules import ResolvedAlert, number
from imsobs.model.slos import SloNames, events_of_few, good_share, windows
from imsobs.outputs.docs.last_step import last_step, told_within
from imsobs.pages import TextPage

MEANINGS = {
    "critical": "Wakes the person on call: users are hurt now, or soon.",
    "warning": "Notifies the owning team, which looks at it in working hours.",
    "info": "Notified only beside a more severe alert of the same service.",
    "none": "Notifies no person: it serves the alerting itself, as a watchdog does.",
}


def plan(model: Model) -> Iterator[TextPage]:
    """Yield docs/runbooks/<alert>.md, docs/reference/alerts.md and docs/reference/slos.md."""
    for alert in model.alerts.values():
        yield TextPage(
            runbook_file(alert.name),
            "docs/runbook.md.j2",
            {
                "alert": alert,
                "team": model.spec.alerting.teams.get(alert.team),
                "meaning_of": MEANINGS[alert.severity],
                "example": example(alert),
                "silence": silence(alert),
                "threshold": number(alert.threshold),
                "holders": holders(alert.name, model),
                "last_step": last_step(alert, model),
                "told_within": told_within(alert, model),
                "measured": model.measured.get(alert.name),
            },
        )
    alerts = list(model.alerts.values())
    yield TextPage(
        f"{artifacts.REFERENCE}/alerts.md",
        "docs/alerts.md.j2",
        {
            "alerts": alerts,
            "stem": conventions.alert_file_stem,
            "number": number,
            "meanings": MEANINGS,
        },
    )
    yield TextPage(
        f"{artifacts.REFERENCE}/slos.md",
        "docs/slos.md.j2",
        {
            "slos": model.spec.slos,
            "names": SloNames,
            "number": number,
            "good_share": good_share,
            "windows": windows,
            "few": events_of_few,
            "stem": conventions.alert_file_stem,
            "anomalies": model.spec.anomalies,
        },
    )


def runbook_file(alert: str) -> str:
    """Return the path of an alert's runbook."""
    return f"{artifacts.RUNBOOKS}/{conventions.alert_file_stem(alert)}.md"


def example(alert: ResolvedAlert) -> dict[str, str]:
    """Return a notification's texts as they read, from the values of the alert's test."""
    if alert.test is None:
        return {}
    labels = {**alert.test.labels, **alert.labels}
    return {
        "summary": expand(alert.summary, labels, alert.test.shown),
        "description": " ".join(
            [expand(alert.description, labels, alert.test.shown), *filter(None, [alert.test.facts])]
        ),
    }


def silence(alert: ResolvedAlert) -> str:
    """Return the command that silences an alert for two hours."""
    own = sorted((alert.carried or frozenset()) - set(alert.labels))
    labels = [f"{label}=VALUE" for label in own]
    return " ".join(["imsobs silence", alert.name, *labels, "--for 2h"])


def holders(alert: str, model: Model) -> list[str]:
    """Return the names of the inhibitions that may hold this alert back."""
    each = fixed_labels(model.alerts[alert], model.spec)
    return [
        name
        for name, rule in model.spec.inhibitions.items()
        if any(may_match(rule.target, one) and rule.target.keys() & one.keys() for one in each)
    ]
