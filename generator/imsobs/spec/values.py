"""What is wrong with one value of the spec, and what to write instead.

A remedy is offered only where it is itself a value that the spec takes.
"""

from __future__ import annotations

import re
from typing import Any

from imsobs.problems import KeyPath

_LISTED = re.compile(r"[A-Za-z0-9_./-]+(?:, ?[A-Za-z0-9_./-]+)*")
_DASHED = re.compile(r"-[A-Za-z][^:#\n]{0,60}")
_NUMBER = re.compile(r"-?\d{1,15}(?:\.\d{1,15})?")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
# What a small number without a unit was meant in, where it is not seconds.
_UNIT_OF = {"for": "m", "keep_firing_for": "m", "window": "d", "long": "h", "short": "m"}
_WRITTEN = re.compile(
    r"(?P<number>\d{1,6}(?:\.\d{1,3})?)\s*(?P<unit>s|sec|second|m|min|minute|h|hour|d|day|w|week)s?",
    re.IGNORECASE,
)
# Sizes as Kubernetes and Docker write them, and thousandths of a core.
_SIZED = re.compile(r"(\d{1,9}) ?(m|[kmgt](?:i|ib|b)?)", re.IGNORECASE)
_SIZES = {"k": 1, "m": 1024, "g": 1024**2, "t": 1024**3}
_BOUNDS = {
    "greater_than": "above {gt}",
    "greater_than_equal": "at least {ge}",
    "less_than": "below {lt}",
    "less_than_equal": "at most {le}",
}
_WANTED = {
    "string": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "list": "a list",
}


def is_duration(pattern: str) -> bool:
    """Return whether a pattern of the schema is that of durations."""
    return pattern.startswith(r"^(?:\d+w)")


def duration(given: str) -> str:
    """Return the message for a text that is no duration."""
    found = _WRITTEN.fullmatch(given.strip())
    seconds = float(found["number"]) * _UNITS[found["unit"][0].lower()] if found else 0
    if found is None or seconds != int(seconds) or seconds == 0:
        return (
            f'"{short(given)}" is no duration; write whole numbers with s, m, h, d or w, as 1h30m'
        )
    own = found["unit"][0].lower()
    units = [own, *sorted(_UNITS, key=_UNITS.__getitem__, reverse=True)]
    unit = next(unit for unit in units if seconds % _UNITS[unit] == 0)
    return f'"{short(given)}" is no duration; write {int(seconds) // _UNITS[unit]}{unit}'


def no_unit(path: KeyPath, number: int) -> str:
    """Return the message for a number where a duration belongs."""
    unit = "d" if path[0] == "retention" else _UNIT_OF.get(str(path[-1]), "s")
    remedy = f"; write {number}{unit if number < 60 else 's'}" if number > 0 else ""
    return f"{number} has no unit{remedy}"


def outside(kind: str, context: dict[str, Any], given: Any, bounds: tuple[Any, Any] | None) -> str:
    """Return the message for a number beyond a bound.

    kind: pydantic's type of the error; bounds: both ends where the schema gives both.
    """
    if bounds is None:
        limits = {name: _plain(limit) for name, limit in context.items()}
        return f"{_plain(given)} is out of range; it must be {_BOUNDS[kind].format(**limits)}"
    ends = f"outside {_plain(bounds[0])} to {_plain(bounds[1])}"
    strict = ", of which neither is allowed" if kind in ("greater_than", "less_than") else ""
    share = bounds == (0, 1) and isinstance(given, int | float) and 1 < given < 100
    remedy = f"; for {_plain(given)} % write {_plain(round(given / 100, 9))}" if share else ""
    return f"{_plain(given)} is {ends}{strict}{remedy}"


def wrong_type(kind: str, given: Any, key: str = "") -> str | None:
    """Return the message for a value of another type, None for other faults.

    key: of the value, which may name its unit.
    """
    if kind == "finite_number":
        return "a number as large as this one is infinite here"
    if kind.startswith("date_"):
        return f"{short(given)} is no date; write YEAR-MONTH-DAY, as 2026-11-26"
    wanted = _WANTED.get(kind.split("_")[0])
    if wanted is None or not kind.endswith(("_type", "_parsing")):
        return None
    if given is None:
        return f"nothing stands here; give {wanted}"
    if wanted.endswith("number") and isinstance(given, str) and _NUMBER.fullmatch(given):
        return f'"{given}" in quotes is a text; write {given}'
    if wanted == _WANTED["bool"] and given in ("true", "false"):
        return f'"{given}" in quotes is a text; write {given}'
    percent = re.fullmatch(r"(\d{1,3}(?:\.\d{1,6})?) ?%", given) if isinstance(given, str) else None
    remedy = ""
    if wanted == "a list" and isinstance(given, dict) and given and not any(given.values()):
        given = ", ".join(map(str, given))
    if wanted == "a list" and isinstance(given, dict):
        return "must be a list; found a mapping; write it in brackets: [{...}]"
    if wanted == "a list" and isinstance(given, str) and _LISTED.fullmatch(given):
        remedy = f"; write [{given}]"
    elif wanted == "a list" and isinstance(given, str) and _DASHED.fullmatch(given):
        remedy = f"; write - {given[1:]}, with a space after the dash"
    elif wanted == "text" and isinstance(given, list) and len(given) == 1 and _is_word(given[0]):
        remedy = f"; write {given[0]}"
    elif wanted in ("a number", "a whole number") and (bare := _bare(given, key)):
        remedy = f"; write {bare}"
    elif wanted == "a number" and percent and 0 < float(percent[1]) < 100:
        remedy = f"; write {_plain(round(float(percent[1]) / 100, 9))}"
    elif wanted == "true or false" and str(given).lower() in ("yes", "on", "no", "off"):
        remedy = f"; write {'true' if str(given).lower() in ('yes', 'on') else 'false'}"
    return f"must be {wanted}; found {short(given)}{remedy}"


def _bare(given: Any, key: str) -> str | None:
    """Return the number of a text that has only a unit, a currency or commas too many.

    None where the unit is another than the key's, and which number was meant is not sure.
    """
    if not isinstance(given, str):
        return None
    if parts := _SIZED.fullmatch(given):
        number, unit = int(parts[1]), parts[2][0].lower()
        if parts[2] == "m" and key == "cpus":
            return _plain(number / 1000)
        own = next((size for name, size in _SIZES.items() if key.endswith(f"_{name}ib")), None)
        if own is None or number * _SIZES[unit] % own:
            return None
        return str(number * _SIZES[unit] // own)
    if milliseconds := re.fullmatch(r"(\d{1,9}) ?ms", given):
        return _plain(int(milliseconds[1]) / 1000)
    if decimal := re.fullmatch(r"(\d{1,9}),(\d{1,2})", given):
        return f"{decimal[1]}.{decimal[2]}"
    found = re.fullmatch(
        r"[$€]?\s?(\d{1,3}(?:,\d{3})+|\d{1,12})(\.\d{1,9})?\s?(?:[A-Za-z]{1,4}|[$€])?", given
    )
    return f"{found[1].replace(',', '')}{found[2] or ''}" if found else None


def _is_word(given: Any) -> bool:
    return isinstance(given, str) and _LISTED.fullmatch(given) is not None


def unspaced(given: Any) -> str:
    """Return the remedy for ``rate:0.5``, which is a text and no entry; else nothing."""
    found = re.match(r"([a-z_]+):(\S+)$", given) if isinstance(given, str) else None
    return f"; write {found[1]}: {found[2]}, with a space after the colon" if found else ""


def short(value: Any) -> str:
    """Return a value as a message shows it, with its type unless it is a text."""
    if isinstance(value, bool):
        return str(value).lower()
    text = value if isinstance(value, str) else f"{type(value).__name__} {value!r}"
    return text if len(text) <= 60 else text[:57] + "..."


def _plain(number: Any) -> str:
    return f"{number:.12g}" if isinstance(number, float) else str(number)
