"""What the patterns of the schema ask for, in words, and what a value becomes that meets them.

A value is offered only where it meets the pattern itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable

Repair = Callable[[str], str]


def _snake(given: str) -> str:
    text = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", given.strip())
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")


def _kebab(given: str) -> str:
    return _snake(given).replace("_", "-")


def _camel(given: str) -> str:
    return "".join(word[:1].upper() + word[1:] for word in re.split(r"[^A-Za-z0-9]+", given))


def _underscored(given: str) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "_", given.strip())


def _metric(given: str) -> str:
    return re.sub(r"[^a-zA-Z0-9_:]+", "_", given.strip())


def _time(given: str) -> str:
    found = re.fullmatch(r"(\d{1,2})(?:[:.](\d\d))?(?::\d\d)? ?([ap]m)?", given.strip().lower())
    if not found:
        return given
    hour = int(found[1]) % 12 + 12 * (found[3] == "pm") if found[3] else int(found[1])
    return f"{hour:02}:{found[2] or '00'}"


def _days(given: str) -> str:
    text = re.sub(r" ?(?:-|to) ?", ":", _same(given))
    full = [
        next((d for d in _DAYS if part and d.startswith(part)), part) for part in text.split(":")
    ]
    return ":".join(full)


def _same(given: str) -> str:
    return given.strip().lower()


_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_SMALL = "a name of small letters, digits and {}, a letter first"
_SNAKE = (_SMALL.format("_"), _snake)
_URL = "a URL without spaces, as http://127.0.0.1:8080"
# Pattern of the schema -> what it asks for, and what may bring a value into that form.
_WORDS: dict[str, tuple[str, Repair]] = {
    r"^[a-z][a-z0-9-]*$": (_SMALL.format("-"), _kebab),
    r"^[a-z][a-z0-9-]{0,62}$": (_SMALL.format("-"), _kebab),
    r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$": (
        "a name of small letters and digits, with - between them",
        _kebab,
    ),
    r"^[a-z][a-z0-9_]*$": _SNAKE,
    r"^[a-z][a-z0-9_]{0,62}$": _SNAKE,
    r"^[a-z][a-z0-9_-]{0,31}$": (_SMALL.format("_ and -"), _snake),
    r"^[a-z0-9]+(-[a-z0-9]+)*$": ("a name of small letters and digits, words joined by -", _kebab),
    r"^[A-Z][A-Za-z0-9]{2,60}$": ("a name of letters and digits, a capital first", _camel),
    r"^[A-Z][A-Z0-9_]{0,62}$": (
        "a name of capitals, digits and _",
        lambda given: _snake(given).upper(),
    ),
    r"^[a-zA-Z_:][a-zA-Z0-9_:]*$": ("a name of letters, digits, _ and :", _metric),
    r"^[a-z][a-z0-9_]*:[a-z][a-z0-9_]*:[a-z][a-z0-9_]*$": (
        "LEVEL:METRIC:OPERATIONS in small letters, as service:requests:rate5m",
        _same,
    ),
    r"^https?://[A-Za-z0-9._~:%\[\]-]+$": (
        "a URL without a path, as http://127.0.0.1:8080",
        lambda given: re.sub(r"^(https?://)?([^/]+)/*$", r"http://\2", given),
    ),
    r"^/[A-Za-z0-9._~:@%/?&=+,;-]*$": (
        "a path without spaces, / first",
        lambda given: f"/{given.strip()}",
    ),
    r"^([01]\d|2[0-3]):[0-5]\d$|^24:00$": ("a time from 00:00 to 24:00", _time),
    r"^[#@][a-z0-9._-]+$": ("a channel, as #alerts", lambda given: f"#{_same(given)}"),
    r"^(mon|tues|wednes|thurs|fri|satur|sun)day"
    r"(:(mon|tues|wednes|thurs|fri|satur|sun)day)?$": (
        "a day or a range of days, as monday:friday",
        _days,
    ),
    r"^sha256:[0-9a-f]{64}$": (
        "a digest, as sha256: and 64 hexadecimal digits",
        lambda given: f"sha256:{_same(given)}",
    ),
    r"^[A-Za-z0-9_-]{1,64}$": ("a name of letters, digits, _ and -", _kebab),
    r"^[A-Za-z][A-Za-z0-9_]{0,47}$": (
        "a name of letters, digits and _, a letter first",
        _underscored,
    ),
    r"^[a-zA-Z_][a-zA-Z0-9_]{0,62}$": (
        "a label's name of letters, digits and _, no digit first",
        _underscored,
    ),
    r"^[a-z0-9-]{1,64}$": ("a name of small letters, digits and -", _kebab),
    r"^[a-z_]+$": ("a name of small letters and _", _snake),
    r"^[A-Za-z0-9!_.*'()-]{1,150}$": (
        "a tenant of letters, digits and !-_.*'()",
        lambda given: re.sub(r"[\s/:]+", "-", given.strip()),
    ),
    r"^[A-Za-z0-9][A-Za-z0-9 _-]{0,40}$": (
        "a title of at most 41 letters, digits, spaces, _ and -",
        str.strip,
    ),
    r"^[ -~]{0,256}$": ("at most 256 printable characters of ASCII", str.strip),
    r"^[^{}\s]+$": ("a text without spaces, { and }", str.strip),
    r"^secrets(/[a-z0-9_-]+)+$": (
        "a folder below secrets, as secrets/alertmanager",
        lambda given: f"secrets/{_same(given).strip('/')}",
    ),
    r"^[A-Za-z0-9_*][A-Za-z0-9_.*-]*(/[A-Za-z0-9_*][A-Za-z0-9_.*-]*)*$": (
        "a path below the project's folder, as logs/app.log, no part of which begins with a .",
        lambda given: given.strip().removeprefix("./"),
    ),
    r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$": (
        "a name of small letters, digits and -, with . between its parts",
        lambda given: re.sub(r"[ _]+", "-", _same(given)),
    ),
    r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*:\d{1,5}$": (
        "HOST:PORT, as jaeger.tracing.svc:4317",
        lambda given: re.sub(r"^[a-z]+://|/*$", "", _same(given)),
    ),
    r"^[a-z0-9]([a-z0-9-]|\.[a-z0-9]){1,61}[a-z0-9]$": (
        "the name of a bucket: 3 to 63 small letters, digits, - and single .",
        _kebab,
    ),
    r"^[a-z0-9][a-z0-9._/:-]*(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}|@sha256:[0-9a-f]{64})$": (
        "an image with its tag or digest, as registry.example.com/shop:1",
        _same,
    ),
    r"^[a-z0-9][a-z0-9._-]*(:[0-9]{1,5})?(/[a-z0-9][a-z0-9._-]*)+$"
    r"|^[a-z0-9]([a-z0-9._-]*[a-z0-9])?$": (
        "an image without its tag, which is the version",
        lambda given: re.sub(r"(:[^/:]*|@.*)$", "", given.strip()),
    ),
    r"^\d+\.\d+\.\d+$": ("a version of three numbers", lambda given: given.strip().lstrip("v")),
    r"^[A-Za-z0-9.-]+:\d+$": ("HOST:PORT, as smtp.example.org:587", _same),
    r"^[^{}]*$": ("a text without { and }", _same),
    r"^[A-Za-z0-9.!#$%&'*+/=?^_`|~-]+@[A-Za-z0-9.-]+$": ("an e-mail address", str.strip),
}


def mismatch(pattern: str, given: str, shown: str) -> str:
    """Return the message for a text that does not match a pattern of the schema.

    shown: the text as a message may show it.
    """
    if pattern not in _WORDS:
        kind = _URL if pattern.startswith("^http") else f"of the form {pattern}"
        return f'"{shown}" is not {kind}'
    # A key goes on to the next colon, which is one inside the brackets.
    if missing := re.match(r"([A-Za-z][\w-]*) *[{\[][^\]}]*$", given):
        return f'"{shown}" is no name: a colon is missing; write {missing[1]}: and a space'
    if assigned := re.fullmatch(r"([A-Za-z]\w*) *= *([\w-]+)", given):
        return f'"{shown}" is no name; write {assigned[1]}: {assigned[2]}'
    words, repair = _WORDS[pattern]
    better = repair(given)
    meets = better != given and len(better) < 64 and re.search(pattern, better)
    remedy = f"; write {_quoted(better)}" if meets else ""
    return f'"{shown}" is not {words}{remedy}'


def _quoted(text: str) -> str:
    """Return a text as YAML wants it."""
    return f'"{text}"' if re.search(r"^[#@]|:", text) else text
