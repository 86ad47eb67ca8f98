"""Services: who is expected to report a metric, and who owns the alerts on one."""

from __future__ import annotations

from collections.abc import Mapping

from imsobs.model import conventions
from imsobs.model.rules import ResolvedAlert
from imsobs.spec.schema.root import Spec


def named(spec: Spec, metric: str) -> list[str]:
    """Return the services that a metric names; of one that every spec has by itself, none."""
    given = spec.metrics.get(metric)
    return given.services if given is not None else []


def reporters(spec: Spec, metric: str, only: str | None = None) -> dict[str, tuple[str, ...]]:
    """Return who reports, as a person names it -> the values of service_name that it may have.

    Each service that the metric names by itself, else each of ``services``. Without that section
    the names are those of one service: any of them will do. only: this service alone.
    """
    own = named(spec, metric) or list(spec.services)
    if not own:
        who = {" or ".join(spec.service.names): tuple(spec.service.names)}
        return who if only is None else {only: (only,)}
    return {name: (name,) for name in own if only in (None, name)}


def owners(spec: Spec) -> dict[str, str]:
    """Return service -> the team that is told of its alerts, of those that say so."""
    return {name: one.owner for name, one in spec.services.items() if one.owner is not None}


def fixed_labels(alert: ResolvedAlert, spec: Spec) -> list[dict[str, str]]:
    """Return the labels that an alert always has, once for each team that may be told of it."""
    fixed = alert.fixed_labels
    of_service = conventions.SERVICE_NAME in (alert.carried or ())
    teams = dict.fromkeys(owners(spec).values()) if of_service else ()
    return [fixed, *({**fixed, "team": team} for team in teams if team != alert.team)]


def handed_over(labels: Mapping[str, str], spec: Spec) -> dict[str, str]:
    """Return the labels of an alert as Alertmanager gets them: with the team of its service."""
    owner = owners(spec).get(labels.get(conventions.SERVICE_NAME, ""))
    return {**labels, "team": owner} if owner is not None else dict(labels)
