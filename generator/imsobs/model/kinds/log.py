"""Log records: a metric counts all of them, or those that an entry of ``records`` selects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from imsobs.model import conventions
from imsobs.model.kinds.kind import Counting, Kind
from imsobs.spec.schema.root import Spec

if TYPE_CHECKING:
    from imsobs.model import Model
    from imsobs.model.metrics import ResolvedMetric


class Log(Kind):
    """``log``: a name of ``records``, or ``all``."""

    name = "log"
    signal = "log"
    sent = True
    labels_of_records = True

    def declared(self, spec: Spec) -> Mapping[str, object]:
        """Return the entries of records, and the name of all."""
        return {conventions.EVERY_RECORD: None, **spec.records}

    def described(self, metric: ResolvedMetric, spec: Spec) -> str:
        """Return which records are counted."""
        if metric.sources == (conventions.EVERY_RECORD,):
            return "every log record"
        return f"log records: {spec.records[metric.sources[0]].description}"

    def counted(self, metric: ResolvedMetric, model: Model) -> list[Counting]:
        """Return every record, or those that an entry marks."""
        every = metric.sources == (conventions.EVERY_RECORD,)
        return [Counting("log", None if every else conventions.presence_mark(*metric.sources))]


KIND = Log()
