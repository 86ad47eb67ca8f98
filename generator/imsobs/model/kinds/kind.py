"""What the model, the checks, the docs and the Collector's plan ask of a kind of source."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from imsobs.model import conventions
from imsobs.problems import KeyPath, Problem
from imsobs.promql.series import Allowed
from imsobs.spec.schema.metrics import Metric
from imsobs.spec.schema.root import Spec

if TYPE_CHECKING:
    # At run time they import the kinds.
    from imsobs.model import Model
    from imsobs.model.metrics import ResolvedMetric

Signal = Literal["span", "log"]


@dataclass(frozen=True)
class Counting:
    """Which signals a metric is counted from; ``outputs/collector/count.py`` writes the definition.

    signal: what is counted. mark: an attribute that only these signals have, None for all of
    them. any_of: attributes of which such a signal has at least one. constant: a label, and the
    value that it has whatever the signal says. stored: counted from what is stored, not from
    what came in.
    """

    signal: Signal
    mark: str | None = None
    any_of: tuple[str, ...] = ()
    constant: tuple[str, str] | None = None
    stored: bool = False


class Kind:
    """A kind of source. The attributes and methods here are the defaults of most kinds.

    Each module of this package that holds one names it ``KIND``.
    """

    # The key of a metric that names a source of this kind, and every key that does.
    name: ClassVar[str]
    keys: ClassVar[tuple[str, ...]]

    # Who makes its series: the Collector exposes them, or a rule of Prometheus records them.
    exposed: ClassVar[bool] = True
    recorded: ClassVar[bool] = False
    # The signal that it is counted from, None when it is counted elsewhere.
    signal: ClassVar[Signal | None] = None
    # Whether each process reports gauges of its own, so that they need ``fold``; and whether it
    # does so over and over, so that those of a process that ended go by themselves.
    folded: ClassVar[bool] = False
    repeated: ClassVar[bool] = False
    # Whether the service itself sends what is counted.
    sent: ClassVar[bool] = False
    # Whether it tells what the Collector's probe of the health routes saw.
    probed: ClassVar[bool] = False
    # Whether its metrics count HTTP requests, and with them those of the probe.
    counts_requests: ClassVar[bool] = False
    # Whether ``value`` and ``buckets`` say what of a signal is measured; whether ``value`` may be
    # an attribute; whether traces can be pointed at by exemplars.
    measured: ClassVar[bool] = False
    measures_attributes: ClassVar[bool] = False
    exemplars: ClassVar[bool] = False
    # Whether the spec chooses the name, so that it keeps to the conventions.
    named_here: ClassVar[bool] = True
    # Whether its labels are declared in ``labels``, and whether each log record gets them.
    labels_declared: ClassVar[bool] = True
    labels_of_records: ClassVar[bool] = False
    # Labels whose value is that of a ``Counting``.
    constants: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls) -> None:
        """Let the name be the only key where no others are given."""
        if "name" in vars(cls):
            cls.keys = vars(cls).get("keys", (cls.name,))

    def given(self, metric: Metric, spec: Spec) -> list[tuple[str, ...]]:
        """Return the sources that a metric names, once for each key that does."""
        values = [getattr(metric, key) for key in self.keys]
        return [
            tuple(value) if isinstance(value, list) else (value,)
            for value in values
            if value is not None
        ]

    def key_of(self, metric: Metric) -> str:
        """Return the key by which a metric names its source."""
        return next((key for key in self.keys if getattr(metric, key) is not None), self.name)

    def metrics(self, model: Model) -> list[ResolvedMetric]:
        """Return the metrics of this kind, in the spec's order."""
        return [metric for metric in model.metrics.values() if metric.kind is self]

    # --- labels

    def own_labels(
        self, labels: dict[str, Allowed], metric: Metric, spec: Spec
    ) -> dict[str, Allowed]:
        """Return a metric's own labels -> allowed values, of those that its page declares."""
        return labels

    def by_process(self, metric: ResolvedMetric) -> bool:
        """Return whether each process has its own series of a metric that is not folded."""
        return False

    def common_labels(self, metric: ResolvedMetric) -> dict[str, Allowed]:
        """Return the labels that series have besides the metric's own."""
        common: dict[str, Allowed] = dict.fromkeys(
            [*conventions.IDENTITY_LABELS, *conventions.SCRAPE_LABELS]
        )
        if metric.by_process:
            common[conventions.INSTANCE_ID] = None
            common[conventions.PROCESS_ROLE] = (
                *conventions.PROCESS_ROLES,
                conventions.UNKNOWN,
                conventions.OTHER,
            )
        return common

    def most_series(self, sources: tuple[str, ...], spec: Spec) -> int | None:
        """Return the most series of a service in an environment, where the labels do not say."""
        return None

    # --- checks

    def declared(self, spec: Spec) -> Mapping[str, object] | None:
        """Return what a source's name must be a key of, None when it names nothing of the spec."""
        return None

    def offered(self, source: str, spec: Spec) -> set[str] | None:
        """Return the labels that signals of a source carry, None when any may be asked for."""
        return None

    def enumerated(self, key: str, source: str, spec: Spec) -> tuple[str, ...]:
        """Return the values of what is no label, but ``when`` may choose by; empty for others."""
        return ()

    def values(self, source: str, spec: Spec) -> set[str]:
        """Return what ``value`` may say, of a kind that is measured."""
        return {"count"}

    def problems(self, path: KeyPath, metric: Metric) -> Iterator[Problem]:
        """Yield what else is wrong with a metric of this kind. path: of the metric."""
        yield from ()

    # --- docs

    def described(self, metric: ResolvedMetric, spec: Spec) -> str:
        """Return what the reference says of where a metric comes from, as Markdown."""
        raise NotImplementedError

    def events(self, metric: ResolvedMetric) -> tuple[str, ...]:
        """Return the events of the spec that a metric is counted from."""
        return ()

    # --- Collector

    def counted(self, metric: ResolvedMetric, model: Model) -> list[Counting]:
        """Return what a metric is counted from; empty where no signal is counted."""
        return []

    def marks(self, source: str, model: Model) -> list[str]:
        """Return the marks of a source's signals, one per set that a metric counts together."""
        sets = {metric.sources for metric in self.metrics(model)}
        return [conventions.presence_mark(*one) for one in sorted(sets) if source in one]


def quoted(metric: ResolvedMetric) -> str:
    """Return the names of a metric's sources as Markdown."""
    return " or ".join(f"`{name}`" for name in metric.sources)
