"""What a Kubernetes API server tells of the endpoints of one Service, to those that watch it."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from imsobs.runtime.drill.server import Server

_KINDS = {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice"}


@dataclass(frozen=True)
class Watched:
    """Processes of `sample` as the resolver `k8s` finds them, which nothing renders (ADR 40).

    service: ``NAME.NAMESPACE``, all of whose endpoints count, also of pods that are to end.
    """

    service: str
    port: int

    def resolver(self) -> dict[str, Any]:
        """Return the resolver of ``load_balancing``: by addresses."""
        found = {"service": self.service, "ports": [self.port], "return_hostnames": False}
        return {"k8s": found}


class Slices:
    """One EndpointSlice. terminating: address of each endpoint -> whether its pod is to end."""

    def __init__(self, address: str, terminating: dict[str, bool]) -> None:
        self._endpoints, self._version = dict(terminating), 1
        self._changed = threading.Condition()
        self._closed = False
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                owner._serve(self)

            def log_message(self, *_: object) -> None: ...

        self._server = Server((address, 0), Handler)
        self.url = f"http://{address}:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def kubeconfig(self, folder: Path) -> Path:
        """Write the file by which a client finds this server."""
        cluster, user = {"server": self.url}, {"token": "x"}
        context = {"cluster": "c", "user": "u"}
        file = folder / "kubeconfig"
        text = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "c", "cluster": cluster}],
            "users": [{"name": "u", "user": user}],
            "contexts": [{"name": "x", "context": context}],
            "current-context": "x",
        }
        file.write_text(json.dumps(text), "utf-8")
        return file

    def set(self, terminating: dict[str, bool]) -> None:
        """Let the endpoints be these."""
        with self._changed:
            self._endpoints, self._version = dict(terminating), self._version + 1
            self._changed.notify_all()

    def close(self) -> None:
        """Tell no more."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._server.shutdown()
        self._server.server_close()

    def _slice(self) -> dict[str, Any]:
        endpoints = [
            {
                "addresses": [address],
                # As the controller sets them for a pod that is to end.
                "conditions": {"ready": not ends, "serving": True, "terminating": ends},
            }
            for address, ends in self._endpoints.items()
        ]
        meta = {"name": "sample", "namespace": "ns", "resourceVersion": str(self._version)}
        return {**_KINDS, "metadata": meta, "addressType": "IPv4", "endpoints": endpoints}

    def _serve(self, request: BaseHTTPRequestHandler) -> None:
        if "sendInitialEvents=true" in request.path:
            # An older server: the client lists instead.
            request.send_error(422)
        elif "watch=true" in request.path:
            self._watch(request)
        else:
            meta = {"resourceVersion": str(self._version)}
            found = {**_KINDS, "kind": "EndpointSliceList", "metadata": meta}
            self._answer(request, json.dumps({**found, "items": [self._slice()]}).encode())

    def _answer(self, request: BaseHTTPRequestHandler, body: bytes) -> None:
        request.send_response(200)
        request.send_header("content-type", "application/json")
        request.send_header("content-length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)

    def _watch(self, request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("content-type", "application/json")
        request.end_headers()
        told = self._version
        while not self._closed:
            with self._changed:
                self._changed.wait(1)
                if self._version == told:
                    continue
                told, event = self._version, {"type": "MODIFIED", "object": self._slice()}
            request.wfile.write(json.dumps(event).encode() + b"\n")
            request.wfile.flush()
