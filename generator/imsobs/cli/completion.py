"""Names for the shell's completion, from the spec as it is read: nothing is checked or resolved.

A key press waits for this, so the spec is not compiled, and a spec with a fault gives what can be
read of it. A completer never raises: the shell would show a traceback in place of names.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import typer

from imsobs.errors import ImsobsError

# The shell puts a name into the line as it is, and some evaluate it before: only what no shell
# takes for more than a word. Whoever wrote the spec of a checkout chooses its names.
_PLAIN = re.compile(r"[A-Za-z0-9_:./=@+-]+")
Completer = Callable[[typer.Context, str], list[str]]


def _completer(names: Callable[[dict[str, Any]], Iterator[str]]) -> Completer:
    def complete(ctx: typer.Context, incomplete: str) -> list[str]:
        try:
            found = sorted(set(names(_data(ctx))))
        except (ImsobsError, OSError):
            return []
        return [name for name in found if name.startswith(incomplete) and _PLAIN.fullmatch(name)]

    return complete


def _data(ctx: typer.Context) -> dict[str, Any]:
    """Return the spec's data with packs laid under it and what follows from it filled in."""
    from imsobs.project import find_root, spec_of
    from imsobs.spec.expand import expand
    from imsobs.spec.load import load

    given = ctx.params.get("root") or Path()
    root = find_root() if given == Path() else given
    overlays = ctx.params.get("overlay") or []
    return expand(load([spec_of(root), *overlays])[0].data)


def _keys(data: dict[str, Any], section: str) -> dict[str, Any]:
    entries = data.get(section)
    return entries if isinstance(entries, dict) else {}


def _metrics(data: dict[str, Any]) -> Iterator[str]:
    yield from _keys(data, "metrics")


def _alerts(data: dict[str, Any]) -> Iterator[str]:
    yield from _keys(data, "alerts")
    # Those of objectives and of bands.
    for slo in _keys(data, "slos").values():
        made = [*slo.get("burn", []), slo.get("breach", {})] if isinstance(slo, dict) else []
        yield from (str(one["name"]) for one in made if isinstance(one, dict) and "name" in one)
    for band in _keys(data, "anomalies").values():
        if isinstance(band, dict) and "alert" in band:
            yield str(band["alert"])


def _services(data: dict[str, Any]) -> Iterator[str]:
    names = _keys(data, "service").get("names")
    yield from map(str, names if isinstance(names, list) else [])


def _dashboards(data: dict[str, Any]) -> Iterator[str]:
    yield from _keys(data, "dashboards")


def _events(data: dict[str, Any]) -> Iterator[str]:
    yield from _keys(data, "events")


def _label_values(data: dict[str, Any]) -> Iterator[str]:
    from imsobs.model.conventions import IDENTITY_LABELS

    yield from (f"{label}=" for label in (*IDENTITY_LABELS, *_keys(data, "labels")))


def _silenced(data: dict[str, Any]) -> Iterator[str]:
    yield from ("list", "expire")
    yield from _alerts(data)


def _explained(data: dict[str, Any]) -> Iterator[str]:
    from imsobs.findings.pages import pages

    yield from pages()
    yield from _metrics(data)
    yield from _alerts(data)
    yield from _keys(data, "rules")


metrics = _completer(_metrics)
services = _completer(_services)
alerts = _completer(_alerts)
dashboards = _completer(_dashboards)
events = _completer(_events)
label_values = _completer(_label_values)
silenced = _completer(_silenced)
explained = _completer(_explained)
