"""Incidents: which alerts of the availability objective fire, when, and what sloth's would do.

Each incident is a service's counters, minute by minute, after three days in which nothing failed.
promtool evaluates the rendered rules over them, and those that sloth generates for the same
objective: pages (severity critical), tickets (warning) and reports (none), with the minutes from
the incident's begin to the first firing. Rules are evaluated every two and a half minutes here.
The window of 30 days knows those three quiet days only, so an outage of five minutes is a breach.

Only the objective's own alerts are looked at. Where the errors are so many that an alert which
tells sooner fires as well (`told_by`: CriticalErrorRate and others), it holds these back.

Ours come a little later, because an alert holds for two minutes, a quarter of an hour or an hour
before it fires, and sloth's do not. What an incident must raise is asserted row by row in
`tests/native/test_incidents.py`.

    python -m bench.incidents
    IMSOBS_SLOTH=/usr/local/bin/sloth python -m bench.incidents
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bench import sloth
from bench.harness import ROOT, measured, say
from bench.incident_cases import INCIDENTS, Incident
from bench.incident_series import SERVICE, Fired, fired, our_rules
from bench.project import SPEC, components
from bench.report import Goal, Page, Table, write
from imsobs.compile import read_spec
from imsobs.errors import ImsobsError
from imsobs.runtime.build.binaries import resolve_binary

_KINDS = {"critical": "page", "warning": "ticket", "none": "report"}
_PRODUCTION = {"service_name": SERVICE, "deployment_environment_name": "production"}


def main() -> None:
    """Evaluate every incident and write the page."""
    parser = argparse.ArgumentParser(prog="python -m bench.incidents", description=__doc__)
    parser.add_argument("--out", type=Path, help="folder of the results")
    given = parser.parse_args()
    model = read_spec([SPEC]).model
    if model is None:
        raise SystemExit("the spec has problems: imsobs validate")
    with measured() as run, tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        rules = {"ours": our_rules(model, "availability", place)}
        try:
            slo = model.spec.slos["availability"]
            rules["sloth"] = sloth.rules(sloth.binary(), "availability", slo, _PRODUCTION, place)
        except ImsobsError as error:
            say(f"SKIPPED: the rows of sloth are empty, because {error}")
        found = _evaluated(rules, place)
    write(page(found, compared="sloth" in rules), run, given.out)


def _evaluated(rules: Mapping[str, Path], folder: Path) -> dict[str, dict[str, list[Fired]]]:
    """Return incident -> whose rules -> alerts that fired."""
    promtool = resolve_binary("promtool", ROOT)

    def one(number: int, incident: Incident) -> dict[str, list[Fired]]:
        place = folder / str(number)
        place.mkdir()
        result = {whose: fired(promtool, file, incident, place) for whose, file in rules.items()}
        say(f"  {incident.name}: {result}")
        return result

    with ThreadPoolExecutor() as pool:
        results = pool.map(one, range(len(INCIDENTS)), INCIDENTS)
        return {incident.name: result for incident, result in zip(INCIDENTS, results, strict=True)}


def verdict(alerts: list[Fired]) -> dict[str, float]:
    """Return ``page`` and ``ticket`` -> minutes to the first alert of that severity."""
    first: dict[str, float] = {}
    for alert in alerts:
        if (kind := _KINDS[alert.severity]) == "report":
            continue
        first[kind] = min(alert.minutes, first.get(kind, alert.minutes))
    return first


def page(found: Mapping[str, Mapping[str, list[Fired]]], *, compared: bool) -> Page:
    """Return the page. compared: sloth could be asked."""
    columns = ["incident", "our alerts, after minutes", "sloth's, after minutes", "why they differ"]
    table = Table("Incidents and what fires", columns)
    met = same = explained = 0
    for incident in INCIDENTS:
        ours = found[incident.name]["ours"]
        met += {alert.name: alert.minutes for alert in ours} == dict(incident.raises)
        theirs = found[incident.name].get("sloth")
        differs = theirs is not None and verdict(ours).keys() != verdict(theirs).keys()
        same += theirs is not None and not differs
        explained += differs and bool(incident.differs)
        table.rows.append(
            [
                incident.name,
                ", ".join(map(_alert, ours)) or "none",
                "not asked" if theirs is None else _listing(verdict(theirs)),
                incident.differs if differs or theirs is None else "",
            ]
        )
    total = len(INCIDENTS)
    goals = [
        Goal("every incident raises the alerts that it must", f"{met} of {total}", met == total)
    ]
    text = f"{same} the same, {explained} explained, of {total}" if compared else "not asked"
    goals.append(
        Goal(
            "sloth gives the same verdict, or why it does not is said",
            text,
            same + explained == total,
        )
    )
    return Page(
        "incidents",
        "Incidents",
        __doc__ or "",
        {**components("prometheus"), "sloth": sloth.VERSION if compared else "not built"},
        [table],
        goals,
        {
            name: {whose: [vars(alert) for alert in alerts] for whose, alerts in result.items()}
            for name, result in found.items()
        },
    )


def _alert(alert: Fired) -> str:
    name = alert.name.removeprefix("SLOAvailability")
    return f"{name} ({_KINDS[alert.severity]}) {alert.minutes:g}"


def _listing(found: Mapping[str, float]) -> str:
    return ", ".join(f"{kind} {minutes:g}" for kind, minutes in sorted(found.items())) or "none"


if __name__ == "__main__":
    main()
