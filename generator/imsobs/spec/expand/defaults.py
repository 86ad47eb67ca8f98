"""Sections that are left out, as far as their defaults follow from other sections."""

from __future__ import annotations

import re
from typing import Any

from imsobs.spec.expand.shape import Entry, each, mapping

# Kept on Alertmanager's page.
_NOBODY = "nobody"
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


def teams(data: Entry) -> Entry:
    """Without teams there is one, named after the namespace."""
    alerting = data.get("alerting", {})
    namespace = mapping(data.get("service")).get("namespace")
    if not isinstance(alerting, dict) or "teams" in alerting or not _is_name(namespace):
        return data
    team = {
        "description": f"Everybody who works on {namespace}.",
        "escalation": "Ask whoever changed the service last.",
    }
    return {**data, "alerting": {**alerting, "teams": {namespace: team}}}


def owners(data: Entry) -> Entry:
    """The only team owns what names none; objectives are on the dashboard that shows them all.

    Of several teams it is the owner of the first service: alerts on another go to its own.
    """
    alerting = mapping(data.get("alerting"))
    known = list(mapping(alerting.get("teams")))
    services = [mapping(one).get("owner") for one in mapping(data.get("services")).values()]
    known = known if len(known) == 1 else [one for one in services if _is_name(one)][:1]
    shown = [
        uid
        for uid, dashboard in mapping(data.get("dashboards")).items()
        if mapping(dashboard).get("objectives") is True
    ]

    def alert(_: str, entry: Entry) -> Entry:
        group = entry.get("group")
        shared = mapping(mapping(alerting.get("groups")).get(group)) if _is_name(group) else {}
        return entry if "team" in shared else _owned(entry)

    def promise(_: str, entry: Entry) -> Entry:
        given = _owned(entry)
        return {"dashboard": shown[0], **given} if shown else given

    def _owned(entry: Entry) -> Entry:
        return {"team": known[0], **entry} if known else entry

    return each(each(each(data, "alerts", alert), "slos", promise), "anomalies", promise)


def receivers(data: Entry) -> Entry:
    """Without receivers nobody is notified; the first that notifies somebody gets the rest."""
    filled = {"receivers": {_NOBODY: {}}, **data}
    routing = filled.get("routing", {})
    known = filled["receivers"]
    if not isinstance(routing, dict) or not isinstance(known, dict) or "receiver" in routing:
        return filled
    names = [name for name, entry in known.items() if entry] or list(known)
    return filled | ({"routing": {**routing, "receiver": names[0]}} if names else {})


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and bool(_NAME.fullmatch(value))
