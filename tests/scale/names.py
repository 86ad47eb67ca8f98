"""A name server of one name, for Collectors that look their peers up."""

from __future__ import annotations

import socket
import struct
import threading
from pathlib import Path
from socketserver import BaseRequestHandler, UDPServer

_PORT = 53
_A, _IN, _SECONDS = 1, 1, 1


class Names:
    """Answers every question of an address with ``addresses``, which may change at any time."""

    def __init__(self, address: str, addresses: list[str]) -> None:
        self.address, self.addresses = address, addresses
        owner = self

        class Handler(BaseRequestHandler):
            def handle(self) -> None:
                asked, answering = self.request
                answering.sendto(owner._reply(asked), self.client_address)

        self._server = UDPServer((address, _PORT), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def resolv_conf(self, folder: Path) -> Path:
        """Write the file that directs a process here."""
        file = folder / "resolv.conf"
        file.write_text(f"nameserver {self.address}\n", "utf-8")
        return file

    def close(self) -> None:
        """Answer no more."""
        self._server.shutdown()
        self._server.server_close()

    def _reply(self, asked: bytes) -> bytes:
        end = asked.index(b"\0", 12) + 5
        kind = struct.unpack("!H", asked[end - 4 : end - 2])[0]
        found = [*self.addresses] if kind == _A else []
        # An answer, authoritative; one question, so many answers.
        head = asked[:2] + struct.pack("!HHHHH", 0x8400, 1, len(found), 0, 0)
        # Each of the name that was asked for.
        rows = (
            struct.pack("!HHHIH", 0xC00C, _A, _IN, _SECONDS, 4) + socket.inet_aton(address)
            for address in found
        )
        return head + asked[12:end] + b"".join(rows)
