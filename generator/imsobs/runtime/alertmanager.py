"""Alertmanager's API: what is silenced, by whom, and the alerts that this concerns."""

from __future__ import annotations

import datetime
import getpass
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from imsobs.errors import ExitCode, ImsobsError
from imsobs.model import Model
from imsobs.model.metrics import identity_values
from imsobs.problems import available
from imsobs.runtime.loopback import json_of, loopback_client
from imsobs.runtime.process.plan import Plan

_SECONDS = 10.0
_PLACEHOLDER = "VALUE"


@dataclass(frozen=True)
class Silence:
    """One silence. matchers: as PromQL writes them. starts, ends: RFC 3339, UTC.

    state: active, pending or expired. hides: firing alerts that it hides now.
    """

    id: str
    state: str
    matchers: tuple[str, ...]
    starts: str
    ends: str
    by: str
    comment: str
    hides: int

    @property
    def alert(self) -> str | None:
        """The one alert that it is about, None when it names none."""
        prefix, _, rest = next(
            (m.partition("=") for m in self.matchers if m.startswith('alertname="')), ("", "", "")
        )
        return rest.strip('"') if prefix else None


def base_of(plan: Plan) -> str:
    """Return the base URL of the stack's Alertmanager; ImsobsError when the plan has none."""
    process = plan.processes.get("alertmanager")
    if process is None or process.url is None:
        raise ImsobsError("this stack has no Alertmanager", exit_code=ExitCode.INPUT)
    return process.url.rstrip("/")


def checked(model: Model, alert: str, labels: list[str]) -> dict[str, str]:
    """Return ``label=value`` texts as a mapping; ImsobsError with every one that cannot be.

    A silence with a name that no alert has would hide nothing and say so to nobody. Values are
    held against the spec where it knows all of them: services, environments, what the alert
    itself is labelled with.
    """
    if alert not in model.alerts:
        raise ImsobsError(
            f'there is no alert "{alert}"',
            remedy=available(alert, model.alerts),
            exit_code=ExitCode.INPUT,
        )
    entry = model.alerts[alert]
    carried = {*(entry.carried or ()), *entry.labels}
    known = {**identity_values(model.spec), **{k: [v] for k, v in entry.labels.items()}}
    found: dict[str, str] = {}
    wrong = []
    for text in labels:
        name, equals, value = text.partition("=")
        if not equals or not value:
            wrong.append(f'"{text}" is not label=value')
        elif entry.carried is not None and name not in carried:
            wrong.append(f'{alert} has no label "{name}"; {available(name, carried)}')
        elif value == _PLACEHOLDER:
            wrong.append(f"{name}: write the value of the alert in place of {_PLACEHOLDER}")
        elif name in known and value not in known[name]:
            wrong.append(f'{alert} has no {name} "{value}"; {available(value, known[name])}')
        elif name in found:
            wrong.append(f"{name} is given twice")
        found[name] = value
    if wrong:
        raise ImsobsError("\n".join(wrong), exit_code=ExitCode.INPUT)
    return found


class Alertmanager:
    """The API at ``base``; ImsobsError when it does not answer, or refuses."""

    def __init__(self, base: str) -> None:
        self._base = base

    def _ask(self, method: str, path: str, **more: Any) -> Any:
        url = f"{self._base}/api/v2/{path}"
        try:
            with loopback_client(_SECONDS) as client:
                answer = client.request(method, url, **more)
                if not answer.is_success:
                    said = " ".join(answer.text.split())[:300]
                    raise ImsobsError(f"Alertmanager answered HTTP {answer.status_code}: {said}")
                return json_of(answer) if answer.content.strip() else None
        except (httpx.HTTPError, ValueError) as error:
            raise ImsobsError(
                f"Alertmanager does not answer at {self._base} ({type(error).__name__})",
                remedy="imsobs status",
            ) from error

    def alerts(self) -> list[dict[str, Any]]:
        """Return every alert that it knows, silenced and inhibited ones too."""
        return list(self._ask("GET", "alerts"))

    def silences(self) -> list[Silence]:
        """Return the silences that hold or will, those that end first, first."""
        hidden: dict[str, int] = {}
        for alert in self.alerts():
            for one in alert["status"]["silencedBy"]:
                hidden[one] = hidden.get(one, 0) + 1
        rows = [_silence(row, hidden) for row in self._ask("GET", "silences")]
        return sorted(
            (row for row in rows if row.state != "expired"), key=lambda row: (row.ends, row.id)
        )

    def add(self, alert: str, labels: Mapping[str, str], seconds: int, comment: str) -> Silence:
        """Silence an alert, where it has these labels, for so many seconds from now on."""
        now = datetime.datetime.now(datetime.UTC)
        wanted = {"alertname": alert, **labels}
        body = {
            "matchers": [
                {"name": name, "value": value, "isRegex": False, "isEqual": True}
                for name, value in wanted.items()
            ],
            "startsAt": now.isoformat(),
            "endsAt": (now + datetime.timedelta(seconds=seconds)).isoformat(),
            "createdBy": _who(),
            "comment": comment,
        }
        made = self._ask("POST", "silences", json=body)["silenceID"]
        return next(row for row in self.silences() if row.id == made)

    def expire(self, wanted: str) -> list[Silence]:
        """End the silences of an alert, or the one whose id begins so; ImsobsError if none."""
        here = self.silences()
        chosen = [row for row in here if wanted == row.alert or row.id == wanted]
        if not chosen and len(wanted) >= 4:
            chosen = [row for row in here if row.id.startswith(wanted)]
            chosen = chosen if len(chosen) == 1 else []
        if not chosen:
            raise ImsobsError(
                f'no silence holds whose id or alert is "{wanted}"',
                remedy="imsobs silence list",
                exit_code=ExitCode.INPUT,
            )
        for row in chosen:
            self._ask("DELETE", f"silence/{row.id}")
        return chosen


def _who() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return "imsobs"


def _silence(row: Mapping[str, Any], hidden: Mapping[str, int]) -> Silence:
    operators = {(True, False): "=", (False, False): "!=", (True, True): "=~", (False, True): "!~"}
    matchers = tuple(
        f"{m['name']}{operators[m.get('isEqual', True), m['isRegex']]}" + _quoted(m["value"])
        for m in row["matchers"]
    )
    return Silence(
        row["id"],
        row["status"]["state"],
        matchers,
        row["startsAt"],
        row["endsAt"],
        row.get("createdBy", ""),
        row.get("comment", ""),
        hidden.get(row["id"], 0),
    )


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
