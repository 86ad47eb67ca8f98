"""The health routes of a service that answers whatever the drill wants."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qs, urlsplit

from imsobs.runtime.drill.server import serving


@dataclass
class Health:
    """Component -> ``healthy``, ``unhealthy`` or ``down``; those not named are healthy."""

    port: int
    states: dict[str, str] = field(default_factory=dict)

    def of(self, component: str) -> str:
        """Return a component's state; a service that is down has no healthy component."""
        if self.states.get("service") == "down":
            return "down"
        return self.states.get(component, "healthy")


@contextmanager
def answering(port: int) -> Iterator[Health]:
    """Serve ``/health`` and ``/health/detailed?component=NAME`` on loopback."""
    health = Health(port)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            query = parse_qs(urlsplit(self.path).query)
            state = health.of(query.get("component", ["service"])[0])
            self.send_response(200 if state == "healthy" else 503)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Stay silent: the drill's table is the output."""

    with serving(Handler, port):
        yield health
