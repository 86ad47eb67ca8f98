"""Alertmanager: its configuration, version, and silences that hide an alert for long."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from pathlib import Path

import httpx

from imsobs import artifacts, yamlio
from imsobs.model import Model
from imsobs.problems import KeyPath
from imsobs.runtime.alertmanager import Alertmanager
from imsobs.runtime.drift.compare import Difference, differences, shown, unfit
from imsobs.runtime.drift.prometheus import path_of
from imsobs.runtime.loopback import json_of

NAME = "alertmanager"
LONG = datetime.timedelta(days=1)
"""A silence of more is no longer for an incident: it is a change that the spec does not know."""
_SECTIONS: dict[str, KeyPath] = {
    "route": ("routing",),
    "receivers": ("receivers",),
    "inhibit_rules": ("inhibitions",),
    "time_intervals": ("mutes",),
}


def drift(
    client: httpx.Client, base: str, root: Path, model: Model, version: str
) -> Iterator[Difference]:
    """Yield what Alertmanager at ``base`` does otherwise than the files in ``root`` say."""
    base = base.rstrip("/")
    try:
        answer = client.get(f"{base}/api/v2/status")
        answer.raise_for_status()
        status = json_of(answer)
        running = yamlio.parse(status["config"]["original"])
    except (httpx.HTTPError, ValueError, KeyError):
        yield Difference(NAME, "API", "an answer", "none")
        return
    rendered = yamlio.parse((root / artifacts.ALERTMANAGER).read_text(encoding="utf-8"))
    for path, wanted, found in differences(rendered, running):
        # Alertmanager labels each receiver with its own name.
        if wanted is None and path[-1] == "labels" and found == {"name": path[-2]}:
            continue
        subject = ".".join(map(str, path))
        yield Difference(
            NAME, subject, shown(wanted), shown(found), _SECTIONS.get(str(path[0]), ())
        )
    told = status.get("versionInfo", {}).get("version", "")
    if told and unfit(version, told):
        yield Difference(NAME, "version", version, told, ("stack", NAME))
    for silence in Alertmanager(base).silences():
        begin, end = (datetime.datetime.fromisoformat(at) for at in (silence.starts, silence.ends))
        if end - begin > LONG:
            days = (end - begin).total_seconds() / 86400
            what = f"a silence of {days:.0f} days, {silence.id[:8]}: {', '.join(silence.matchers)}"
            yield Difference(NAME, "silences", "", what, path_of(model, silence.alert or ""))
