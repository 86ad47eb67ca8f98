"""Configurations compared: what is rendered must be in what runs, and no section besides.

A component answers its configuration with every default filled in. So what is rendered is looked
for in it; of what is there besides, sections and lists are told (a scrape job, remote_write), and
single settings taken for defaults.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from imsobs.problems import KeyPath

_UNITS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
_DURATION = re.compile(r"(?:\d+(?:ms|[smhdw]))+")
_PART = re.compile(r"(\d+)(ms|[smhdw])")
# By what an entry of a list is known.
_NAMES = ("job_name", "name", "receiver")
# Lists of which a program keeps no order.
_UNORDERED = ("matchers", "equal", "group_by")
# Sections that the programs fill in by themselves.
DEFAULTS = frozenset(
    {
        "scrape_protocols",
        "runtime",
        "otlp",
        "storage",
        "http_config",
        "tls_config",
        "smtp_tls_config",
        "tracing",
    }
)


@dataclass(frozen=True)
class Difference:
    """One thing that runs otherwise than it is rendered.

    component: of the stack. subject: what of it, such as ``rule CriticalErrorRate``. rendered,
    running: in a few words; empty where there is none. spec: the key path of the spec that it
    comes from, empty when it has none.
    """

    component: str
    subject: str
    rendered: str
    running: str
    spec: KeyPath = ()

    @property
    def line(self) -> str:
        """Return ``prometheus: flag X: 30d is rendered, 15d runs``."""
        told = {
            (True, True): f"{self.rendered} is rendered, {self.running} runs",
            (True, False): f"{self.rendered} is rendered, and does not run",
            (False, True): f"{self.running} runs, and is not rendered",
            (False, False): "differs",
        }
        return f"{self.component}: {self.subject}: {told[bool(self.rendered), bool(self.running)]}"


def plain(value: Any) -> Any:
    """Return a value as two spellings of it are alike: durations in ms, paths by their end."""
    if isinstance(value, str):
        if _DURATION.fullmatch(value):
            return sum(int(number) * _UNITS[unit] for number, unit in _PART.findall(value))
        if "/" in value and "://" not in value:
            parts = [part for part in PurePosixPath(value).parts if part not in ("..", ".", "/")]
            return "/".join(parts[-2:])
    return value


def differences(
    rendered: Any, running: Any, path: KeyPath = ()
) -> Iterator[tuple[KeyPath, Any, Any]]:
    """Yield key path, what is rendered and what runs; None for what is on one side only."""
    if isinstance(rendered, Mapping):
        if not isinstance(running, Mapping):
            yield path, rendered, running
            return
        for key, value in rendered.items():
            yield from differences(value, running.get(key), (*path, str(key)))
        for key, value in running.items():
            if (
                key not in rendered
                and key not in DEFAULTS
                and isinstance(value, dict | list)
                and value
            ):
                yield (*path, str(key)), None, value
    elif isinstance(rendered, list):
        yield from _lists(rendered, running if isinstance(running, list) else [], path)
    elif _unlike(rendered, running):
        yield path, rendered, running


def _unlike(rendered: Any, running: Any) -> bool:
    # Null, false and empty are what a program leaves out.
    if rendered in (None, False, "") and running in (None, False, ""):
        return False
    one, other = plain(rendered), plain(running)
    return one != other and str(one) != str(other)


def _lists(
    rendered: list[Any], running: list[Any], path: KeyPath
) -> Iterator[tuple[KeyPath, Any, Any]]:
    name = next(
        (
            key
            for key in _NAMES
            if rendered and all(isinstance(e, dict) and key in e for e in rendered)
        ),
        None,
    )
    keys = [str(entry[name]) for entry in rendered] if name else []
    if name and len(set(keys)) == len(keys):
        there = {str(entry.get(name)): entry for entry in running if isinstance(entry, dict)}
        for key, entry in zip(keys, rendered, strict=True):
            if key in there:
                yield from differences(entry, there[key], (*path, key))
            else:
                yield (*path, key), entry, None
        for key, entry in there.items():
            if key not in keys:
                yield (*path, key), None, entry
        return
    if path and str(path[-1]).endswith(_UNORDERED):
        rendered, running = sorted(map(str, rendered)), sorted(map(str, running))
    for index in range(max(len(rendered), len(running))):
        if index >= len(rendered):
            yield (*path, index), None, running[index]
        elif index >= len(running):
            yield (*path, index), rendered[index], None
        else:
            yield from differences(rendered[index], running[index], (*path, index))


def unfit(wanted: str, running: str) -> bool:
    """Tell whether a version is none that ``up`` takes: of another major version, or older."""
    one, other = (
        [int(number) for number in re.findall(r"\d+", version)[:3]] for version in (wanted, running)
    )
    return one[:1] != other[:1] or other < one


def shown(value: Any) -> str:
    """Return a value in a few words."""
    if value is None:
        return ""
    text = str(value) if not isinstance(value, dict | list) else _brief(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _brief(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{k}: {_brief(v)}" for k, v in list(value.items())[:4]) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_brief(v) for v in value[:4]) + "]"
    return str(value)
