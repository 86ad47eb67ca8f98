"""One order and one clock for what is exposed, however many send at once (ADR 11).

delta_to_cumulative adds a point to its series only when the point is newer than the last one,
and the Prometheus exporter keeps the newest. signal_to_metrics stamps a request when it begins
to count it, and requests overtake each other: the older stamp of two would be dropped, with
what it counted. So requests first pass a processor that hands them on one after the other, and
get their time after it.
"""

from __future__ import annotations

from typing import Any

QUEUE = "batch/derived"
_ID = 'datapoint.cache["id"]'
# Unix milliseconds (12 hexadecimal digits), and steps within one (3 digits).
_MILLISECONDS = f'ParseInt(Concat([Substring({_ID}, 0, 8), Substring({_ID}, 9, 4)], ""), 16)'
_STEPS = f"ParseInt(Substring({_ID}, 15, 3), 16)"


def queue() -> dict[str, Any]:
    """Return the batch processor that puts concurrent requests into one order.

    With a timeout of 0 it forwards each request at once, one at a time. Its channel holds a
    few requests; when it is full, senders block.
    """
    return {QUEUE: {"timeout": "0s"}}


def arrival() -> dict[str, Any]:
    """Return the group that gives data points the time of their arrival.

    Metrics that are exposed as received get it too, because a sender's clock may be set back.
    """
    return {"context": "datapoint", "statements": times()}


def times() -> list[str]:
    """Return the statements that give a data point the time of its arrival, in one order.

    The time is that of a UUIDv7: the wall clock's, except that it never goes back. If the clock
    itself were used and set back, points would be dropped until it has caught up. A step
    within a millisecond counts as 244 ns, so that the last (4095) ends before the next one.
    """
    return [
        f"set({_ID}, UUIDv7())",
        f"set(datapoint.time_unix_nano, {_MILLISECONDS} * 1000000 + {_STEPS} * 244)",
    ]


def begin() -> str:
    """Return the statement that sets the start time, one second before the first value.

    Without a start time, increase() does not count the first value of a series.
    """
    return 'set(datapoint.start_time, datapoint.time - Duration("1s"))'
