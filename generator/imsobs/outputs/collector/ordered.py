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
    """Return the processor behind which there is one order.

    It hands on at once, one request after the other; when a few are waiting, senders wait.
    """
    return {QUEUE: {"timeout": "0s"}}


def arrival() -> dict[str, Any]:
    """Return the group that gives data points the time of their arrival.

    Also to what is exposed as it comes: the clock of a sender may be set back too.
    """
    return {"context": "datapoint", "statements": times()}


def times() -> list[str]:
    """Return the statements that give a data point the time of its arrival, in one order.

    A UUID of version 7 holds the wall clock's time, except that each is later than the one
    before also when the clock is set back: by it nothing would be taken until it has caught
    up. A step is written as 244 ns, so that the last one (4095) ends before the millisecond.
    """
    return [
        f"set({_ID}, UUIDv7())",
        f"set(datapoint.time_unix_nano, {_MILLISECONDS} * 1000000 + {_STEPS} * 244)",
    ]


def begin() -> str:
    """Return the statement that lets a series begin before its first value.

    Otherwise that value is invisible to increase().
    """
    return 'set(datapoint.start_time, datapoint.time - Duration("1s"))'
