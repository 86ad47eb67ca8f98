"""Rows of a dashboard that shows objectives and bands: they follow from what is promised."""

from __future__ import annotations

from typing import Any

from imsobs.spec.expand.shape import Entry, each, is_number, mapping

_OF_SERVICE = '{service_name=~"$service", deployment_environment_name=~"$environment"}'
_BY_SERVICE = ["service_name", "deployment_environment_name"]
_WINDOW = "30d"
_BAND_SERIES = {"now": "value", "upper": "upper", "lower": "lower"}


def rows(data: Entry) -> Entry:
    """A dashboard with ``objectives`` has rows of every objective and band, before its own.

    What the spec writes in a row or panel of the same name wins, and null removes it.
    """

    def change(_: str, dashboard: Entry) -> Entry:
        own = dashboard.get("rows", {})
        if dashboard.get("objectives") is not True or not isinstance(own, dict):
            return dashboard
        derived = {
            **_objectives(mapping(data.get("slos"))),
            **_bands(mapping(data.get("anomalies"))),
        }
        return {**dashboard, "rows": _over(derived, own)}

    return each(data, "dashboards", change)


def _objectives(slos: Entry) -> Entry:
    left: Entry = {}
    bad: Entry = {}
    history: Entry = {}
    burning: Entry = {}
    for name, slo in slos.items():
        if not isinstance(name, str) or not isinstance(slo, dict):
            continue
        title, window = _title(name), slo.get("window", _WINDOW)
        objective, promise = slo.get("objective"), slo.get("description", "")
        budget = {
            "value": f"slo:{name}:error_budget_remaining",
            "fold": "min",
            "unit": "ratio",
            "thresholds": {"critical": 0, "below": True},
            "description": f"Share of the error budget of {window} that is left; below 0 the"
            f" objective is missed. {promise}".strip(),
        }
        left[f"{title} budget left"] = budget | {
            "show": "stat",
            "thresholds": {"warning": 0.25, "critical": 0, "below": True},
        }
        allowed = round(1 - objective, 12) if is_number(objective) else None
        bad[f"{title} bad events {window}"] = {
            "value": f"slo:{name}:error_ratio{window}",
            "fold": "max",
            "show": "stat",
            "unit": "ratio",
            "thresholds": {"critical": allowed},
            "description": f"Share of bad events over {window}. {promise}".strip(),
        }
        history[f"{title} budget"] = budget | {"by": _BY_SERVICE}
        burning[f"{title} burn rate"] = _burn_rate(name, slo, window)
    found = {
        "Are the promises kept": {**left, **bad},
        "Budget over time": history,
        "Speed of burning": burning,
    }
    return {row: panels for row, panels in found.items() if panels}


def _burn_rate(name: str, slo: Entry, window: Any) -> Entry:
    burn = slo.get("burn")
    alerts = [entry for entry in burn if isinstance(entry, dict)] if isinstance(burn, list) else []
    # Short windows first, as the alerts name them.
    given = [entry.get(key) for key in ("short", "long") for entry in alerts]
    windows = [text for text in dict.fromkeys(given) if isinstance(text, str)]
    factors = sorted({f for entry in alerts if is_number(f := entry.get("factor")) and f > 1})
    limits = dict(zip(("critical", "warning"), reversed(factors), strict=False))
    spent = f"scalar(1 - slo:{name}:objective)"
    return {
        "promql": {
            each_window: f"max(slo:{name}:error_ratio{each_window}{_OF_SERVICE}) / {spent}"
            for each_window in sorted(windows, key=_length)
        },
        "unit": "count",
        "thresholds": limits,
        "description": "How many times faster than planned the budget is used up, over each"
        f" window. At 1 it lasts exactly {window}.",
    }


def _length(window: str) -> tuple[int, int]:
    """Return an order of durations of one unit each, as windows are; others come last."""
    number, unit = window[:-1], "smhdw".find(window[-1:])
    return (unit, int(number)) if unit >= 0 and number.isdigit() else (9, 0)


def _bands(anomalies: Entry) -> Entry:
    panels: Entry = {}
    for name, band in anomalies.items():
        if not isinstance(name, str) or not isinstance(band, dict):
            continue
        fold, unit, scale = _measure(str(band.get("of", "")))
        panels[f"{_title(name)} and its band"] = {
            "promql": {
                legend: f"{fold}(anomaly:{name}:{series}{_OF_SERVICE}){scale}"
                for legend, series in _BAND_SERIES.items()
            },
            "unit": unit,
            "description": f"{band.get('description', '')} The band needs weeks of data."
            + (" Shown per hour." if scale else ""),
            "may_be_empty": "no requests yet",
        }
    return {"Is it usual": panels} if panels else {}


def _measure(rule: str) -> tuple[str, str, str]:
    """Return how values of a recorded rule are folded, their unit, and a factor.

    ``level:metric:operations`` shows it: what is spent per second is shown per hour.
    """
    metric = [*rule.split(":"), ""][1]
    word = metric.rpartition("_")[2]
    if word == "usd":
        return "sum", "USD", " * 3600"
    if word == "seconds":
        return "max", "s", ""
    return "sum", "requests_per_second" if word == "requests" else "per_second", ""


def _title(name: str) -> str:
    return name.replace("_", " ").capitalize()


def _over(derived: Any, own: Any) -> Any:
    """Return what is derived with what is written over it, key by key; null removes."""
    if not isinstance(derived, dict) or not isinstance(own, dict):
        return own
    merged = {
        key: _over(value, own[key]) if key in own else value for key, value in derived.items()
    }
    merged |= {key: value for key, value in own.items() if key not in derived}
    return {key: v for key, v in merged.items() if v is not None or key not in derived}
