"""Ports: are they free, and if not, who holds them."""

from __future__ import annotations

import socket
from collections.abc import Mapping

import psutil

from imsobs.errors import ImsobsError


def free(port: int) -> bool:
    """Return whether a server could listen on 127.0.0.1:port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As Go's listeners do, so that a closed connection's TIME_WAIT does not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def holder(port: int) -> str:
    """Return "name (pid N)" of the process that listens on a port, or what is known."""
    try:
        connections = psutil.net_connections(kind="tcp")
    except (psutil.Error, OSError):
        return "another process"
    for connection in connections:
        if connection.status != psutil.CONN_LISTEN or not connection.laddr:
            continue
        if connection.laddr.port != port:
            continue
        try:
            if connection.pid is not None:
                return f"{psutil.Process(connection.pid).name()} (pid {connection.pid})"
        except psutil.Error:
            return f"a process with pid {connection.pid}"
    return "another process (of another user, or in another container)"


def taken(ports: Mapping[str, int]) -> dict[str, int]:
    """Return the entries of ``ports`` (label -> port) that are not free."""
    return {label: port for label, port in ports.items() if not free(port)}


def require_free(process: str, ports: Mapping[str, int]) -> None:
    """Raise ImsobsError for the first port that a process needs and another one holds."""
    for label, port in taken(ports).items():
        raise ImsobsError(
            f"port {port} ({process} {label}) is taken by {holder(port)}",
            remedy=f"stop it, or give {process} another {label} port in the spec's stack section "
            "and run imsobs render",
        )


def exposed(pid: int) -> list[str]:
    """Return the non-loopback addresses ("ip:port") that a process listens on."""
    try:
        connections = psutil.Process(pid).net_connections(kind="inet")
    except (psutil.Error, OSError):
        return []
    return sorted(
        f"{connection.laddr.ip}:{connection.laddr.port}"
        for connection in connections
        if connection.status == psutil.CONN_LISTEN
        and connection.laddr
        and not connection.laddr.ip.startswith("127.")
        and connection.laddr.ip not in ("::1", "::ffff:127.0.0.1")
    )
