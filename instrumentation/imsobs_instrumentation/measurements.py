"""Measurements that no view keeps are not made; others have only the attributes that are kept.

The SDK makes an object of each measurement and checks, copies, sorts and hashes its attributes for
every view that matches, before a view drops them. Which ones are kept is in its configuration file
(`settings`). What is added to a counter is added up here, and the SDK gets the sum when it
collects.
"""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from opentelemetry import metrics
from opentelemetry.context import Context
from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.sdk.metrics import Meter, MeterProvider
from opentelemetry.util.types import Attributes

from imsobs_instrumentation.settings import Settings

# Calls back while the SDK collects. It observes nothing, so no metric has this name.
COLLECTING = "imsobs.collecting"
_Kept = tuple[tuple[str, Any], ...]
_Give = Callable[..., None]


def install(provider: MeterProvider, settings: Settings) -> None:
    """Let the meters of a provider make what its views keep."""
    kept = settings.kept
    if kept is None:
        return
    get_meter, sums = provider.get_meter, None if settings.exemplars else Sums()

    @functools.wraps(get_meter)
    def sparing(*args: Any, **kwargs: Any) -> metrics.Meter:
        meter = get_meter(*args, **kwargs)
        return SparingMeter(meter, kept, sums) if isinstance(meter, Meter) else meter

    provider.get_meter = sparing  # type: ignore[method-assign]


class Sums:
    """What was added and the SDK has not been given yet."""

    def __init__(self) -> None:
        self._forget()
        if hasattr(os, "register_at_fork"):
            # What waits is the parent's, which gives it to its own SDK.
            os.register_at_fork(after_in_child=self._forget)

    def _forget(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[tuple[_Give, _Kept], int] = {}

    def add(self, give: _Give, attributes: _Kept, amount: int) -> None:
        """Add an amount; `give` gets the sum of all with the same attributes."""
        key = give, attributes
        with self._lock:
            self._waiting[key] = self._waiting.get(key, 0) + amount

    def collect(self, _: CallbackOptions) -> Iterable[Observation]:
        """Give the SDK what waits, and observe nothing."""
        with self._lock:
            waiting, self._waiting = self._waiting, {}
        for (give, attributes), amount in waiting.items():
            give(amount, dict(attributes))
        return ()


class SparingMeter(metrics.Meter):
    """A meter of the SDK's, whose instruments make what views keep.

    sums: None where each measurement must reach the SDK at its time, because it may become an
    exemplar.
    """

    def __init__(self, meter: Meter, kept: Mapping[str, frozenset[str]], sums: Sums | None) -> None:
        super().__init__(meter.name, meter.version, meter.schema_url)
        self._meter = meter
        self._kept = kept
        self._sums = sums
        self._collects = False

    def _names(self, instrument: str) -> tuple[str, ...] | None:
        """Return the attributes that are kept of an instrument; None: it is dropped."""
        kept = self._kept.get(instrument.lower())
        return None if kept is None else tuple(sorted(kept))

    def _collected(self) -> Sums | None:
        if self._sums is not None and not self._collects:
            self._collects = True
            self._meter.create_observable_counter(COLLECTING, [self._sums.collect])
        return self._sums

    def create_counter(self, name: str, unit: str = "", description: str = "") -> metrics.Counter:
        """Return a counter."""
        if (names := self._names(name)) is None:
            return metrics.NoOpCounter(name, unit, description)
        made = self._meter.create_counter(name, unit, description)
        return SparingCounter(made, names, self._collected())

    def create_up_down_counter(
        self, name: str, unit: str = "", description: str = ""
    ) -> metrics.UpDownCounter:
        """Return an up-down counter."""
        if (names := self._names(name)) is None:
            return metrics.NoOpUpDownCounter(name, unit, description)
        made = self._meter.create_up_down_counter(name, unit, description)
        return SparingUpDownCounter(made, names, self._collected())

    def create_histogram(
        self, name: str, unit: str = "", description: str = "", **advice: Any
    ) -> metrics.Histogram:
        """Return a histogram."""
        if (names := self._names(name)) is None:
            return metrics.NoOpHistogram(name, unit, description, **advice)
        return SparingHistogram(
            self._meter.create_histogram(name, unit, description, **advice), names
        )

    def create_gauge(self, *args: Any, **kwargs: Any) -> Any:
        """Return the SDK's gauge."""
        return self._meter.create_gauge(*args, **kwargs)

    def create_observable_counter(self, *args: Any, **kwargs: Any) -> metrics.ObservableCounter:
        """Return the SDK's observable counter."""
        return self._meter.create_observable_counter(*args, **kwargs)

    def create_observable_gauge(self, *args: Any, **kwargs: Any) -> metrics.ObservableGauge:
        """Return the SDK's observable gauge."""
        return self._meter.create_observable_gauge(*args, **kwargs)

    def create_observable_up_down_counter(
        self, *args: Any, **kwargs: Any
    ) -> metrics.ObservableUpDownCounter:
        """Return the SDK's observable up-down counter."""
        return self._meter.create_observable_up_down_counter(*args, **kwargs)


def _kept(attributes: Attributes, names: tuple[str, ...]) -> Attributes:
    # What is not a dictionary is left to the SDK, which may refuse it and log that.
    if type(attributes) is not dict:
        return attributes
    return {name: attributes[name] for name in names if name in attributes}


def _add(
    give: _Give,
    names: tuple[str, ...],
    sums: Sums | None,
    amount: float,
    attributes: Attributes,
    context: Context | None,
) -> None:
    """Add at once, or to the sums: those take whole numbers whose attributes are all texts.

    Other values may be equal without being the same: 1, 1.0 and True.
    """
    kept = _kept(attributes, names)
    if sums is not None and type(amount) is int and (kept is None or type(kept) is dict):
        items = tuple(kept.items()) if kept else ()
        for _, value in items:
            if type(value) is not str:
                break
        else:
            sums.add(give, items, amount)
            return
    give(amount, kept, context)


class SparingCounter(metrics.Counter):
    """A counter of the SDK's, with the attributes that are kept."""

    def __init__(self, made: metrics.Counter, names: tuple[str, ...], sums: Sums | None) -> None:
        self._give, self._names, self._sums = made.add, names, sums

    def add(
        self, amount: float, attributes: Attributes = None, context: Context | None = None
    ) -> None:
        """Add an amount."""
        # The SDK refuses a negative one.
        sums = self._sums if amount >= 0 else None
        _add(self._give, self._names, sums, amount, attributes, context)


class SparingUpDownCounter(metrics.UpDownCounter):
    """An up-down counter of the SDK's, with the attributes that are kept."""

    def __init__(
        self, made: metrics.UpDownCounter, names: tuple[str, ...], sums: Sums | None
    ) -> None:
        self._give, self._names, self._sums = made.add, names, sums

    def add(
        self, amount: float, attributes: Attributes = None, context: Context | None = None
    ) -> None:
        """Add an amount."""
        _add(self._give, self._names, self._sums, amount, attributes, context)


class SparingHistogram(metrics.Histogram):
    """A histogram of the SDK's, with the attributes that are kept."""

    def __init__(self, made: metrics.Histogram, names: tuple[str, ...]) -> None:
        self._give, self._names = made.record, names

    def record(
        self, amount: float, attributes: Attributes = None, context: Context | None = None
    ) -> None:
        """Record an amount."""
        self._give(amount, _kept(attributes, self._names), context)
