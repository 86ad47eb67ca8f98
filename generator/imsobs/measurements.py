"""What drills in real time have measured of each alert: the file that keeps it.

``imsobs drill --real-time`` writes it, the page of notifications and the runbooks show it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from imsobs.files import read_regular

FILE = "notifications.json"


@dataclass(frozen=True)
class Measurement:
    """One alert, drilled. after: seconds from the first bad request to the notification.

    told: the receiver, or ``held back by ...``: then ``after`` is when Alertmanager knew the
    alert. queries: of the runbook, title -> series that it gave, None when it failed.
    """

    alert: str
    severity: str
    told: str
    after: float
    date: str
    queries: dict[str, int | None] = field(default_factory=dict)


def read(file: Path) -> dict[str, Measurement]:
    """Return the measurements by alert, none where the file is not there yet.

    Raises ValueError when it is no such file.
    """
    try:
        text = read_regular(file)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror}") from None
    try:
        rows = json.loads(text)
        return {str(name): _measurement(name, row) for name, row in rows.items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ValueError("is not what `imsobs drill --real-time` writes") from None


def _measurement(name: str, row: dict[str, Any]) -> Measurement:
    return Measurement(
        str(name),
        str(row["severity"]),
        str(row["told"]),
        float(row["after"]),
        str(row["date"]),
        dict(row["queries"]),
    )


def write(file: Path, rows: Iterable[Measurement]) -> None:
    """Write the file."""
    kept = {
        row.alert: {
            "severity": row.severity,
            "told": row.told,
            "after": row.after,
            "date": row.date,
            "queries": row.queries,
        }
        for row in rows
    }
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")
