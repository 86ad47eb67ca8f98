"""Jaeger as it is rendered for a cluster, at a loopback address, and the traces that it shows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import httpx

from bench.harness import ROOT
from bench.scale.node import Node
from imsobs.model import Model
from imsobs.outputs.kubernetes import cluster_of, jaeger
from imsobs.outputs.kubernetes.objects import Object
from imsobs.runtime.build.binaries import resolve_binary


class Refused(Exception):
    """A question that is answered with an error, which is the text."""


@dataclass
class Jaeger:
    """A pod of Jaeger: its configuration and environment, and nothing else of a pod.

    secret: what the Secret holds that the pod refers to, by key.
    """

    folder: Path
    model: Model
    address: str
    secret: Mapping[str, str]

    def __post_init__(self) -> None:
        if self.model.spec.kubernetes is None or self.model.spec.stack.jaeger is None:
            raise ValueError("the spec has no Jaeger for a cluster")
        cluster = cluster_of(self.model, self.model.spec.kubernetes)
        objects = {one["kind"]: one for one in jaeger.objects(cluster)}
        (container,) = objects["StatefulSet"]["spec"]["template"]["spec"]["containers"]
        self.folder.mkdir(parents=True)
        for name, text in objects["ConfigMap"]["data"].items():
            (self.folder / name).write_text(text, "utf-8")
        command: list[str | Path] = [resolve_binary("jaeger", ROOT)]
        command += [word.replace("/etc/jaeger", str(self.folder)) for word in container["args"]]
        env = {one["name"]: self._value(one) for one in container["env"]}
        ports = self.model.spec.stack.jaeger.ports
        self.otlp = f"{self.address}:{ports.otlp_grpc}"
        self._query = f"http://{self.address}:{ports.http}"
        health = f"http://{self.address}:{ports.health}/"
        # Elsewhere than a pod, a process listens at its own address only.
        env["IMSOBS_BIND_ADDRESS"] = self.address
        self.node = Node(self.address, command, self.folder, health, env)

    def _value(self, variable: Object) -> str:
        if "value" in variable:
            return str(variable["value"])
        return self.secret[variable["valueFrom"]["secretKeyRef"]["key"]]

    def spans(self, traces: Iterable[str]) -> list[Counter[str]]:
        """Return span id -> how often it is shown, of each trace.

        Raises Refused with the first answer that is an error.
        """
        with httpx.Client(trust_env=False, timeout=60) as client, ThreadPoolExecutor(4) as several:

            def look(trace: str) -> Counter[str]:
                answer = client.get(f"{self._query}/api/traces/{trace}")
                if answer.status_code == 404:
                    return Counter()
                if answer.is_error:
                    raise Refused(answer.text)
                (found,) = answer.json()["data"]
                return Counter(span["spanID"] for span in found["spans"])

            asked = [several.submit(look, trace) for trace in traces]
            try:
                return [one.result() for one in asked]
            finally:
                several.shutdown(cancel_futures=True)
