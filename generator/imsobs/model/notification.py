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
# What is computed from the value: Prometheus' templates have no arithmetic of their own.
_COMPUTED = re.compile(
    r"\{\{ with query \(printf `vector\((?P<left>[^ `]+) / (?P<right>[^ `]+)\)` \$value\) \}\}"
    r"\{\{ \. \| first \| value \| (?P<function>\w+) \}\}\{\{ end \}\}"
)
# A sentence about what a query finds, and nothing where it finds nothing, as in a test.
_ASKED = re.compile(r"\{\{ with query .*?\{\{ end \}\}")
# Braces that open no field.
_BRACES = '{{ "{{" }}'
# A count with all its digits: humanize writes 12345 as 12.35k.
WHOLE = 'printf "%.0f"'
# Unit -> what comes before a value, and the template function that writes it.
_UNITS: dict[str, tuple[str, str | None]] = {
    "ratio": ("", "humanizePercentage"),
    "seconds": ("", "humanizeDuration"),
    "usd": ("$", "humanize"),
    "per_second": ("", "humanize"),
    "times": ("", "humanize"),
    "count": ("", WHOLE),
    "bool": ("", None),
}
FUNCTIONS = ("humanize", "humanizePercentage", "humanizeDuration", WHOLE)


def amount(value: str, unit: str) -> str:
    """Return how Prometheus writes a value as people read it: ``{{ $value | humanize }}``."""
    before, function = _UNITS[unit]
    return f"{before}{{{{ {value} | {function} }}}}" if function else f"{{{{ {value} }}}}"


def computed(left: str, right: str, function: str) -> str:
    """Return the field of ``left / right``, of which one is a number and one ``%v``, the value."""
    return (
        f"{{{{ with query (printf `vector({left} / {right})` $value) }}}}"
        f"{{{{ . | first | value | {function} }}}}{{{{ end }}}}"
    )


def literal(text: str) -> str:
    """Return a text that is no template as Prometheus' template for it."""
    return text.replace("{{", _BRACES)


def unknown_fields(text: str) -> list[str]:
    """Return the ``{{ }}`` fields that are none of those known here."""
    fields = re.findall(r"\{\{.*?\}\}", text, flags=re.S)
    return [field for field in fields if not _is_known(field)]


def _is_known(field: str) -> bool:
    match = _FIELD.fullmatch(field)
    return match is not None and (match["function"] is None or match["function"] in FUNCTIONS)


def expand(text: str, labels: dict[str, str], value: float) -> str:
    """Return the text with labels and value put in.

    An absent label is empty, and so is what is said of a query: a test has nothing to find.
    """

    def replace(match: re.Match[str]) -> str:
        if match["label"] is not None:
            return labels.get(match["label"], "")
        return humanized(match["function"], value)

    def compute(match: re.Match[str]) -> str:
        left, right = (value if part == "%v" else float(part) for part in match.group(1, 2))
        return humanized(match["function"], left / right)

    written = (
        _FIELD.sub(replace, _ASKED.sub("", _COMPUTED.sub(compute, part)))
        for part in text.split(_BRACES)
    )
    return "{{".join(written)


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
