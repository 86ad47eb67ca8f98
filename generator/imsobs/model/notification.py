"""Notification texts as Prometheus expands them, for expected values of tests and for docs.

Covers what the spec's texts use; promtool judges every expansion by comparing it with its
own. Source of the formats: Prometheus' template functions (prometheus/template/template.go).
"""

from __future__ import annotations

import re

_FIELD = re.compile(
    r"\{\{\s*(?:\$labels\.(?P<label>\w+)"
    r"|\$value(?:\s*\|\s*(?P<function>\w+(?:\s+\"[^\"]*\")?))?)\s*\}\}"
)
# A count with all its digits: humanize writes 12345 as 12.35k.
WHOLE = 'printf "%.0f"'
FUNCTIONS = ("humanize", "humanizePercentage", "humanizeDuration", WHOLE)


def unknown_fields(text: str) -> list[str]:
    """Return the ``{{ }}`` fields that are none of those known here."""
    fields = re.findall(r"\{\{.*?\}\}", text, flags=re.S)
    return [field for field in fields if not _is_known(field)]


def _is_known(field: str) -> bool:
    match = _FIELD.fullmatch(field)
    return match is not None and (match["function"] is None or match["function"] in FUNCTIONS)


def expand(text: str, labels: dict[str, str], value: float) -> str:
    """Return the text with labels and value put in; an absent label is empty."""

    def replace(match: re.Match[str]) -> str:
        if match["label"] is not None:
            return labels.get(match["label"], "")
        return humanized(match["function"], value)

    return _FIELD.sub(replace, text)


def humanized(function: str | None, value: float) -> str:
    """Return a value as a template function writes it."""
    match function:
        case "humanizePercentage":
            return f"{value * 100:.4g}%"
        case "humanizeDuration":
            return _duration(value)
        case "humanize":
            return _with_prefix(value)
        case text if text == WHOLE:
            return f"{value:.0f}"
    return f"{value:.12g}"


def _duration(value: float) -> str:
    if abs(value) < 1:
        return _with_prefix(value) + "s"
    minutes, rest = divmod(int(abs(value)), 60)
    sign = "-" if value < 0 else ""
    if minutes == 0:
        return f"{sign}{abs(value):.4g}s"
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    text = f"{minutes}m {rest}s"
    text = f"{hours}h {text}" if hours or days else text
    return sign + (f"{days}d {text}" if days else text)


def _with_prefix(value: float) -> str:
    prefix = ""
    if abs(value) >= 1:
        for prefix_up in ("k", "M", "G", "T"):
            if abs(value) < 1000:
                break
            prefix, value = prefix_up, value / 1000
    elif value:
        for prefix_down in ("m", "u", "n", "p"):
            if abs(value) >= 1:
                break
            prefix, value = prefix_down, value * 1000
    return f"{value:.4g}{prefix}"
