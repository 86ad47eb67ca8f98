"""What the spec does not have: series that nobody declared, and senders that nobody named."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from imsobs.model import Model, conventions
from imsobs.runtime.livecheck.window import Labels

# Prometheus makes these itself, of each target and each alert, and what begins with scrape_.
_ITS_OWN = ("up", "ALERTS", "ALERTS_FOR_STATE")
_SUFFIXES = ("_bucket", "_sum", "_count")


@dataclass(frozen=True)
class Undeclared:
    """Series of a name that is not in the spec. job, service: "" when they have none."""

    name: str
    job: str
    service: str
    series: int


@dataclass(frozen=True)
class Sender:
    """A service and environment that series carry and the spec does not name."""

    service: str
    environment: str
    series: int


def undeclared(model: Model, series: Sequence[Labels]) -> Iterator[Undeclared]:
    """Yield series that neither the spec declares nor a component of the stack exposes."""
    components = {*model.spec.stack.components()}
    found: Counter[tuple[str, str, str]] = Counter()
    names = {labels.get("__name__", "") for labels in series}
    for labels in series:
        name, job = labels.get("__name__", ""), labels.get("job", "")
        if name in model.series or job in components or _made_by_prometheus(name):
            continue
        found[_whole(name, names), job, labels.get(conventions.SERVICE_NAME, "")] += 1
    for (name, job, service), count in sorted(found.items()):
        yield Undeclared(name, job, service, count)


def _made_by_prometheus(name: str) -> bool:
    return name in _ITS_OWN or name.startswith("scrape_")


def _whole(name: str, names: set[str]) -> str:
    """Return the histogram that a series is part of, else its own name."""
    base = next((name.removesuffix(end) for end in _SUFFIXES if name.endswith(end)), name)
    return base if f"{base}_bucket" in names else name


def senders(model: Model, series: Sequence[Labels]) -> Iterator[Sender]:
    """Yield services and environments that were seen and are not named in the spec."""
    service = model.spec.service
    jobs = tuple(
        conventions.scrape_job(service.namespace, what)
        for what in ("metrics", "processes", "state")
    )
    found: Counter[tuple[str, str]] = Counter()
    for labels in series:
        if labels.get("job") not in jobs or conventions.SERVICE_NAME not in labels:
            continue
        who = labels[conventions.SERVICE_NAME], labels.get(conventions.ENVIRONMENT, "")
        if who[0] not in service.names or who[1] not in service.environments:
            found[who] += 1
    for (name, environment), count in sorted(found.items()):
        yield Sender(name, environment, count)
