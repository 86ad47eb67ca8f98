"""Which series a Prometheus holds of a range, each asked for once."""

from __future__ import annotations

from collections.abc import Mapping

from imsobs import promql
from imsobs.backtest.prometheus import Prometheus
from imsobs.model.rules import Record

# A record of which nothing is there by then has been recorded for less than the range.
_BEGINNING_SECONDS = 3600


class History:
    """The series between two times, Unix seconds."""

    def __init__(self, source: Prometheus, first: float, last: float) -> None:
        self._source, self._first, self._last = source, first, last
        self._known: dict[tuple[str, bool], bool] = {}

    def has(self, name: str, *, from_start: bool = False) -> bool:
        """Return whether there is a series of a name; from_start: where the range begins."""
        if (name, from_start) not in self._known:
            end = min(self._last, self._first + _BEGINNING_SECONDS) if from_start else self._last
            self._known[name, from_start] = self._source.has(name, self._first, end)
        return self._known[name, from_start]

    def can_compute(self, name: str, records: Mapping[str, Record]) -> bool:
        """Return whether there is anything that a record could be computed from.

        A store that keeps records for longer than what they were made of has nothing else.
        """
        waiting, seen = [name], {name}
        while waiting:
            read = promql.metric_names(records[waiting.pop()].expr)
            if not read or any(self.has(one) for one in read if one != name):
                return True
            waiting += [one for one in read if one in records and one not in seen]
            seen |= {*read}
        return False
