"""Containers from the rendered definitions: image, mounts, user and limits of compose.yaml.

Images come from the spec, or from IMSOBS_IMAGE_<NAME>; what can neither be found nor pulled
is skipped by name.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import docker
import httpx
import pytest
from docker.errors import DockerException, ImageNotFound
from testcontainers.core.container import DockerContainer

from imsobs import write
from imsobs.compile import read_spec, render_model

ROOT = Path(__file__).resolve().parents[2]
T = TypeVar("T")
_REFERENCE = re.compile(r"\$\{([A-Z_]+)(?::[-?]([^}]*))?\}")
_UIDS = {"10001:10001": 10001, "65534:65534": 65534, "472:0": 472}


def render(folder: Path, overlay: str | None = None) -> Path:
    """Render the spec into a folder that containers of any user may read."""
    files = [ROOT / "spec/ims.yaml"]
    if overlay is not None:
        extra = folder.with_name(f"{folder.name}-overlay.yaml")
        extra.parent.mkdir(parents=True, exist_ok=True)
        extra.write_text(overlay)
        files.append(extra)
    compiled = read_spec(files)
    assert compiled.model is not None, "\n".join(compiled.lines())
    folder.mkdir(parents=True, exist_ok=True)
    write.apply(folder, write.changes(folder, render_model(compiled.model)))
    for name in ("logs", "secrets/alerting", "dashboards"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    return folder


def interpolate(text: str) -> str:
    """Do what compose does with variables, for the forms that are rendered."""
    text = _REFERENCE.sub(lambda m: os.environ.get(m.group(1)) or m.group(2) or "", text)
    return text.replace("$$", "$")


def find_image(client: docker.DockerClient, reference: str, component: str) -> str:
    """Return an image that is here or can be pulled, or skip the test by its name."""
    image = interpolate(reference)
    try:
        client.images.get(image)
    except ImageNotFound:
        try:
            client.images.pull(image)
        except DockerException as error:
            variable = f"IMSOBS_IMAGE_{component.upper()}"
            why = str(error).splitlines()[0][:120]
            pytest.skip(f"{component}: no image {image} ({why}); name one in {variable}")
    return image


@dataclass
class Started:
    """A running container and how it is reached from here."""

    container: DockerContainer

    def url(self, port: int, path: str = "") -> str:
        """Return the URL of a container's port."""
        # An engine on a socket publishes on this machine, whatever testcontainers guesses.
        remote = os.environ.get("DOCKER_HOST", "unix:").startswith("tcp:")
        host = self.container.get_container_host_ip() if remote else "127.0.0.1"
        return f"http://{host}:{self.container.get_exposed_port(port)}{path}"

    def run(self, *command: str) -> tuple[int, str]:
        """Run a command inside and return exit code and output."""
        done = self.container.get_wrapped_container().exec_run(list(command))
        return done.exit_code, done.output.decode(errors="replace")

    def logs(self) -> str:
        """Return everything that it wrote."""
        return b"".join(self.container.get_logs()).decode(errors="replace")

    def wait_healthy(self, seconds: float = 60) -> None:
        """Wait until the image's own health check passes."""
        wrapped = self.container.get_wrapped_container()
        deadline = time.monotonic() + seconds
        state: dict[str, Any] = {}
        while time.monotonic() < deadline:
            wrapped.reload()
            state = wrapped.attrs["State"]
            if state.get("Health", {}).get("Status") == "healthy":
                return
            if state["Status"] == "exited":
                break
            time.sleep(0.3)
        raise AssertionError(f"not healthy: {state}\n{self.logs()[-3000:]}")


Launcher = Callable[..., Started]


def make_container(
    engine: docker.DockerClient, name: str, service: dict[str, Any], root: Path
) -> DockerContainer:
    container = DockerContainer(find_image(engine, service["image"], name))
    uid = _UIDS[service["user"]]
    container.with_tmpfs_mount("/tmp", "size=64m")
    for entry in service.get("volumes", []):
        if entry["type"] == "bind":
            source = (root / "stack" / entry["source"]).resolve()
            container.with_volume_mapping(str(source), entry["target"], "ro")
        else:
            # Memory instead of a volume, of the user that compose's prepare gives it to.
            container.with_tmpfs_mount(entry["target"], f"uid={uid},mode=0755")
    for secret in service.get("secrets", []):
        suffix = ".pem" if secret in ("otlp_cert", "otlp_key") else ""
        source = root / "secrets" / f"{secret}{suffix}"
        container.with_volume_mapping(str(source), f"/run/secrets/{secret}", "ro")
    check = service["healthcheck"]
    container.with_command([interpolate(word) for word in service.get("command", [])])
    return container.with_kwargs(
        user=service["user"],
        read_only=service["read_only"],
        cap_drop=service["cap_drop"],
        security_opt=service["security_opt"],
        mem_limit=service["mem_limit"],
        pids_limit=service["pids_limit"],
        working_dir=service.get("working_dir"),
        healthcheck={
            "test": check["test"],
            "interval": 1_000_000_000,
            "timeout": 10_000_000_000,
            "retries": 30,
        },
    )


def eventually(ask: Callable[[], T], seconds: float = 30) -> T:
    """Return the first truthy answer; the last error, if any, is told when time is up."""
    deadline = time.monotonic() + seconds
    last: object = None
    while time.monotonic() < deadline:
        try:
            last = ask()
            if last:
                return last  # type: ignore[return-value]
        except (httpx.HTTPError, KeyError, IndexError, ValueError) as error:
            last = error
        time.sleep(0.5)
    raise AssertionError(f"nothing within {seconds} s; last: {last!r}")


def make_certificate(folder: Path) -> None:
    """Write a self-signed certificate for localhost to ``secrets/``."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl to make a certificate")
    secrets = folder / "secrets"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-nodes", "-days", "2", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
         "-keyout", str(secrets / "otlp_key.pem"), "-out", str(secrets / "otlp_cert.pem")],
        check=True, capture_output=True,
    )  # fmt: skip
    for name in ("otlp_key.pem", "otlp_cert.pem"):
        (secrets / name).chmod(stat.S_IRUSR | stat.S_IRGRP | stat.S_IROTH)
