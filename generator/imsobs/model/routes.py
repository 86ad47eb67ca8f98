"""URL templates of web frameworks as regular expressions over the path that was asked for."""

from __future__ import annotations

import re
from dataclasses import dataclass

# {name}, {name:path} of FastAPI and Starlette; <name>, <int:name>, <path:name> of Flask.
_PARAMETER = re.compile(r"\{([^{}/]*)\}|<([^<>/]*)>")


@dataclass(frozen=True)
class Routes:
    """How a label's value is found by the path.

    static: templates that are paths themselves; patterns: template -> RE2 pattern of the
    paths that it stands for, the most special first; mounts: what an instrumentation may
    report instead of a template below it, because an application is mounted there.
    """

    static: tuple[str, ...]
    patterns: dict[str, str]
    mounts: tuple[str, ...]


def resolve_routes(templates: list[str]) -> Routes:
    """Return how a path's template is found; what does not begin with ``/`` is no template."""
    paths = [template for template in templates if template.startswith("/")]
    static = tuple(path for path in paths if not _PARAMETER.search(path))
    patterns = {path: pattern_of(path) for path in sorted(paths, key=_order) if path not in static}
    mounts = {mount for path in paths for mount in _mounts(path)}
    return Routes(static, patterns, tuple(sorted(mounts)))


def pattern_of(template: str) -> str:
    """Return the RE2 pattern of the paths of a template: ``/a/{b}`` -> ``^/a/[^/]+$``."""
    pattern, end = "", 0
    for parameter in _PARAMETER.finditer(template):
        text = parameter.group(1) if parameter.group(1) is not None else parameter.group(2)
        pattern += re.escape(template[end : parameter.start()]).replace(r"\-", "-")
        pattern += ".*" if "path" in text.split(":") else "[^/]+"
        end = parameter.end()
    return f"^{pattern}{re.escape(template[end:])}$".replace(r"\-", "-")


def _order(template: str) -> tuple[int, int, str]:
    """Sort the special before the general: fewer parameters first, then the longer text."""
    parameters = len(_PARAMETER.findall(template))
    return (parameters + 100 * template.count(":path}"), -len(template), template)


def _mounts(template: str) -> list[str]:
    """Return the beginnings of a template, each as both FastAPI instrumentations report it."""
    parts = template.strip("/").split("/")
    # What contrib calls /v1, FastAPI's own telemetry calls /v1/{path} when nothing below fits.
    beginnings = ["/" + "/".join(parts[:count]) for count in range(1, len(parts))]
    # Below the root, the mount is "" where nothing completes it.
    return ["", *(form for path in ["", *beginnings] for form in (path or "/", below(path)))]


def below(mount: str) -> str:
    """Return the template of everything below a mount, as FastAPI's own telemetry has it."""
    return mount + "/{path}"
