"""Several services: what each says of itself becomes what the sections of the spec say.

Before packs are laid under the spec, because what packs give depends on names, routes and packs.
Misshapen data passes unchanged: parse reports it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from imsobs.problems import KeyPath

_ROUTE = "route"
# The health route of a service that names none.
HEALTH = "/health"
# Keys of a label that say which values it has.
_VALUES = ("values", "patterns", "values_of")


def spread(data: dict[str, Any]) -> dict[str, Any]:
    """Return the data with names, address, packs and routes of ``services`` in their sections.

    What is written there wins. Without ``services`` the data is returned as it is.
    """
    services = _services(data)
    if not services:
        return data
    filled = dict(data)
    chosen = list(dict.fromkeys(name for _, name in uses(data)))
    if chosen and isinstance(data.get("use", []), list):
        filled["use"] = chosen
    if isinstance(given := data.get("service"), dict):
        # The first is asked for its health at `service.url`, and lends its name to examples.
        first = [name for name, one in services.items() if one.get("url")]
        first.sort(key=lambda name: services[name].get("health", "") is None)
        names = list(dict.fromkeys([*first[:1], *services]))
        own = services[first[0]] if first else {}
        address = {key: own[key] for key in ("url", "health") if key in own}
        filled["service"] = {"names": names, **address, **given}
    routes = [route for one in services.values() for route in _listed(one.get("routes"))]
    labels = data.get("labels", {})
    if routes and isinstance(labels, dict):
        label = labels.get(_ROUTE, {})
        if isinstance(label, dict) and not any(key in label for key in _VALUES):
            routed = {**label, "values": list(dict.fromkeys(routes))}
            filled["labels"] = {**labels, _ROUTE: routed}
    return filled


def probed(data: dict[str, Any]) -> list[str]:
    """Return the health routes of the services that have an address."""
    routes = [one.get("health", HEALTH) for one in _services(data).values() if one.get("url")]
    return [route for route in routes if isinstance(route, str)]


def uses(data: dict[str, Any]) -> Iterator[tuple[KeyPath, Any]]:
    """Yield place and name of each pack that the spec or one of its services uses."""
    yield from ((("use", index), name) for index, name in enumerate(_all(data.get("use"))))
    for service, one in _services(data).items():
        for index, name in enumerate(_all(one.get("use"))):
            yield ("services", service, "use", index), name


def users(data: dict[str, Any], pack: str) -> list[str] | None:
    """Return the services that use a pack; None when the spec uses it for all of them."""
    if pack in _all(data.get("use")):
        return None
    services = _services(data)
    found = [name for name, one in services.items() if pack in _all(one.get("use"))]
    return None if len(found) == len(services) else found


def _services(data: dict[str, Any]) -> dict[str, dict[str, Any]]:
    services = data.get("services")
    if not isinstance(services, dict):
        return {}
    return {name: one if isinstance(one, dict) else {} for name, one in services.items()}


def _all(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _listed(value: Any) -> list[str]:
    return [text for text in _all(value) if isinstance(text, str)]
