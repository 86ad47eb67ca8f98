"""Alerts: a limit that may be given by what is beyond it."""

from __future__ import annotations

from imsobs.spec.expand.shape import Entry, each


def limits(data: Entry) -> Entry:
    """``below: 0.9`` is ``op: "<"`` and ``threshold: 0.9``; given with either, it stays."""

    def change(_: str, alert: Entry) -> Entry:
        if "below" not in alert or "threshold" in alert or "op" in alert:
            return alert
        rest = {key: value for key, value in alert.items() if key != "below"}
        return {**rest, "op": "<", "threshold": alert["below"]}

    return each(data, "alerts", change)
