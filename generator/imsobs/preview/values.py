"""Numbers as Grafana writes them, by unit, and round axis ticks."""

from __future__ import annotations

import math
from datetime import UTC, datetime

_SHORT = ((1e12, " T"), (1e9, " Bil"), (1e6, " Mil"), (1e3, " K"))
_RATES = {"reqps": "req/s", "cps": "c/s", "cpm": "c/m"}


def text(value: float, unit: str) -> str:
    """Return a value with its unit (an id of Grafana's): 0.25, ``s`` -> ``250 ms``."""
    match unit:
        case "s":
            return _seconds(value)
        case "bytes":
            return _bytes(value)
        case "binBps":
            return _bytes(value) + "/s"
        case "currencyUSD":
            return _dollars(value)
        case "locale":
            return f"{value:,.3f}".rstrip("0").rstrip(".")
        case "percentunit":
            return f"{plain(value * 100)}%"
        case "percent":
            return f"{plain(value)}%"
        case "dateTimeFromNow":
            return datetime.fromtimestamp(value, UTC).strftime("%Y-%m-%d %H:%M")
    number = _short(value)
    return f"{number} {_RATES[unit]}" if unit in _RATES else number


def plain(value: float) -> str:
    """Return a number with three significant digits, without trailing zeros."""
    if value == 0 or not math.isfinite(value):
        return "0" if value == 0 else str(value)
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:.{min(digits, 9)}f}".rstrip("0").rstrip(".") if digits else f"{value:.0f}"


def _short(value: float) -> str:
    for size, suffix in _SHORT:
        if abs(value) >= size:
            return plain(value / size) + suffix
    return plain(value)


def _seconds(value: float) -> str:
    size = abs(value)
    for factor, below, unit in (
        (1e6, 1e-3, "µs"),
        (1e3, 1, "ms"),
        (1, 60, "s"),
        (1 / 60, 3600, "min"),
        (1 / 3600, 86400, "h"),
    ):
        if 0 < size < below:
            return f"{plain(value * factor)} {unit}"
    return "0 s" if size == 0 else f"{plain(value / 86400)} d"


def _bytes(value: float) -> str:
    for power, unit in ((4, "TiB"), (3, "GiB"), (2, "MiB"), (1, "KiB")):
        if abs(value) >= 1024**power:
            return f"{plain(value / 1024**power)} {unit}"
    return f"{plain(value)} B"


def _dollars(value: float) -> str:
    size = abs(value)
    sign = "-" if value < 0 else ""
    if size >= 1000:
        return f"{sign}${_short(size)}"
    return f"{sign}${size:.2f}" if size >= 0.1 or size == 0 else f"{sign}${plain(size)}"


def ticks(low: float, high: float, unit: str = "short", count: int = 4) -> list[float]:
    """Return about ``count`` values that cover low to high and are round in their unit."""
    if not high > low:
        high = low + (abs(low) or 1)
    scale = _scale(max(abs(low), abs(high)), unit)
    low, high = low / scale, high / scale
    raw = (high - low) / count
    power = 10 ** math.floor(math.log10(raw))
    step = next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= raw * 0.999)
    first, last = math.floor(low / step), math.ceil(high / step - 1e-9)
    return [round(index * step, 12) * scale for index in range(first, last + 1)]


def _scale(size: float, unit: str) -> float:
    """Return what a unit is counted in at this size: minutes, hours, days, KiB, MiB."""
    if unit == "s":
        return next((float(s) for s in (86400, 3600, 60) if size >= 2 * s), 1.0)
    if unit in ("bytes", "binBps"):
        return next((1024.0**p for p in (4, 3, 2, 1) if size >= 2 * 1024**p), 1.0)
    return 1.0


def time_ticks(start: float, end: float, count: int = 6) -> list[float]:
    """Return round times (Unix seconds, UTC) between start and end."""
    raw = (end - start) / count
    sizes = (5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)
    step = next((size for size in sizes if size >= raw), 86400 * math.ceil(raw / 86400))
    first = math.ceil(start / step)
    return [float(index * step) for index in range(first, math.floor(end / step) + 1)]


def clock(at: float, span: float) -> str:
    """Return a time of day, with seconds or the day where the span needs them."""
    moment = datetime.fromtimestamp(at, UTC)
    if span < 300:
        return moment.strftime("%H:%M:%S")
    return moment.strftime("%H:%M" if span <= 2 * 86400 else "%m-%d")
