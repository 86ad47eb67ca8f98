"""Incidents: what happens to a service minute by minute, and which alerts it must raise when.

Times of alerts are minutes from the incident's begin to the first evaluation at which the alert
fires, its ``for`` included.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

QUIET_MINUTES = 3 * 24 * 60
FAST = "SLOAvailabilityBurnFast"
MEDIUM = "SLOAvailabilityBurnMedium"
SLOW = "SLOAvailabilityBurnSlow"
BREACH = "SLOAvailabilityBreach"


@dataclass(frozen=True)
class Phase:
    """So many minutes with so many requests an hour, of which this share fails.

    failures: instead of a share, how many requests fail, one a minute from the phase's begin on.
    restarts: the Collector starts anew at its begin, and with it the counters.
    """

    minutes: int
    per_hour: float
    failing: float = 0.0
    failures: int = 0
    restarts: bool = False


@dataclass(frozen=True)
class Incident:
    """What happens, and the alerts that it raises: name -> minutes.

    phases: from the begin on; before, there were three days of the first phase's traffic (or of
    ``before`` requests an hour) without a failure. environment: of the service. differs: why
    sloth's verdict is another, where it is.
    """

    name: str
    phases: tuple[Phase, ...]
    raises: Mapping[str, float] = field(default_factory=dict)
    differs: str = ""
    before: float | None = None
    environment: str = "production"

    @property
    def minutes(self) -> int:
        """Length of the incident and of what is looked at after it."""
        return sum(phase.minutes for phase in self.phases)


_BUSY = 36_000  # 10 requests a second
_AFTER = 120
_OUTAGE = {FAST: 5, BREACH: 65, MEDIUM: 20, SLOW: 65}
_FEW = "sloth judges the share alone, which a few failures decide when there is little traffic"


def _then(*phases: Phase) -> tuple[Phase, ...]:
    """Return the phases, and two hours in which all is well again."""
    return (*phases, Phase(_AFTER, phases[-1].per_hour))


def _flapping(times: int, bad: Phase, good: Phase) -> tuple[Phase, ...]:
    return (bad, good) * times


INCIDENTS = (
    Incident("no traffic", (Phase(360, 0),)),
    Incident("10 requests a second, none fails", (Phase(360, _BUSY),)),
    Incident(
        "none fails, the Collector starts anew twice",
        (Phase(60, _BUSY, restarts=True), Phase(120, _BUSY, restarts=True)),
    ),
    Incident("2 % fail for 20 minutes", _then(Phase(20, _BUSY, 0.02))),
    Incident("2 % fail for an hour", _then(Phase(60, _BUSY, 0.02)), {FAST: 47.5}),
    Incident("5 % fail for 10 minutes", _then(Phase(10, _BUSY, 0.05))),
    Incident("5 % fail for half an hour", _then(Phase(30, _BUSY, 0.05)), {FAST: 22.5}),
    Incident(
        "5 % fail for half an hour, in which the Collector starts anew",
        _then(Phase(10, _BUSY, 0.05), Phase(20, _BUSY, 0.05, restarts=True)),
        {FAST: 22.5},
    ),
    Incident("1 % fail for 5 hours", _then(Phase(300, _BUSY, 0.01)), {MEDIUM: 232.5}),
    Incident("0.5 % fail for 12 hours", _then(Phase(720, _BUSY, 0.005))),
    Incident("0.5 % fail for 18 hours", _then(Phase(1080, _BUSY, 0.005)), {SLOW: 925}),
    Incident("0.15 % fail for 3 days", (Phase(4320, _BUSY, 0.0015),), {SLOW: 2945}),
    Incident("0.08 % fail for 3 days", (Phase(4320, _BUSY, 0.0008),)),
    Incident("all fail for 5 minutes", _then(Phase(5, _BUSY, 1)), _OUTAGE),
    Incident("all fail for an hour", _then(Phase(60, _BUSY, 1)), _OUTAGE),
    Incident(
        "half fail for 2 minutes of every 20, for 3 hours",
        _flapping(9, Phase(2, _BUSY, 0.5), Phase(18, _BUSY)),
        {FAST: 5, MEDIUM: 57.5, BREACH: 145, SLOW: 145},
    ),
    Incident("one of 18 an hour fails", (Phase(360, 18, failures=1),), {}, _FEW),
    Incident("one of 60 an hour fails", (Phase(360, 60, failures=1),), {}, _FEW),
    Incident("one of 115 an hour fails", (Phase(360, 115, failures=1),)),
    Incident("one of 1000 an hour fails", (Phase(360, 1000, failures=1),)),
    Incident("four of 18 an hour fail", (Phase(360, 18, failures=4),), {}, _FEW),
    Incident("five of 115 an hour fail", (Phase(360, 115, failures=5),), {FAST: 7.5, MEDIUM: 20}),
    Incident(
        "the only request after three days without any fails",
        (Phase(1, 60, 1), Phase(360, 0)),
        {},
        _FEW,
        before=0,
    ),
    Incident(
        "all of 115 an hour fail, for an hour",
        _then(Phase(60, 115, 1)),
        {FAST: 7.5, BREACH: 65, MEDIUM: 20, SLOW: 65},
    ),
    Incident(
        "all of 18 an hour fail, for 2 hours",
        _then(Phase(120, 18, 1)),
        {FAST: 20, BREACH: 80, MEDIUM: 32.5, SLOW: 80},
    ),
    Incident(
        "all of 3 an hour fail, for a day",
        (Phase(1440, 3, 1),),
        {BREACH: 160, MEDIUM: 115, SLOW: 160},
    ),
    Incident(
        "all fail in staging, none in production",
        _then(Phase(60, _BUSY, 1)),
        _OUTAGE,
        "sloth knows one series of an objective; its queries here are those of production",
        environment="staging",
    ),
)
