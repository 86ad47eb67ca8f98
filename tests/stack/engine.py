"""A Docker engine and images where nothing can be pulled.

``python tests/stack/engine.py start`` starts Debian's engine on a socket of its own (unless
one answers already), packs the native binaries into images FROM scratch and prints the
variables that point the tests and compose at them; ``stop`` ends that engine. The images
hold what the official ones hold at the same paths, so the rendered files need no change.
"""

from __future__ import annotations

import io
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import docker
from docker.errors import BuildError, DockerException
from host_files import add_programs, python_layer

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from imsobs.compile import read_spec, render_model  # noqa: E402
from imsobs.errors import ImsobsError  # noqa: E402
from imsobs.runtime.build.binaries import resolve_binary  # noqa: E402

STATE = Path(os.environ.get("IMSOBS_ENGINE_STATE", Path(tempfile.gettempdir()) / "imsobs-engine"))
SOCKET = STATE / "docker.sock"
_TAG = "imsobs-standin"
# A shell and chown for the one-shot service that hands over the volumes; wget for Grafana's
# kind of health check is not needed here.
_BUSYBOX = ("sh", "chown")


@dataclass(frozen=True)
class Standin:
    """An image around binaries.

    files: path in the image -> name of a native component. tools: applets of busybox. programs:
    this machine's own, with what they load.
    """

    files: dict[str, str]
    user: str
    tools: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()


STANDINS = {
    "otelcol": Standin({"/otelcol-contrib": "otelcol"}, "10001:10001"),
    "prometheus": Standin(
        {"/bin/prometheus": "prometheus", "/bin/promtool": "promtool"}, "65534:65534", _BUSYBOX
    ),
    "alertmanager": Standin(
        {"/bin/alertmanager": "alertmanager", "/bin/amtool": "amtool"}, "65534:65534"
    ),
    "jaeger": Standin({"/cmd/jaeger/jaeger-linux": "jaeger"}, "10001:10001"),
    "loki": Standin({"/usr/bin/loki": "loki"}, "10001:10001"),
    # As in its Ubuntu, which the health check needs.
    "promtail": Standin(
        {"/usr/bin/promtail": "promtail"}, "10001:10001", programs=("bash", "grep")
    ),
}


def answering(url: str | None = None) -> bool:
    """Return whether an engine answers (at ``url``, or where the environment says)."""
    try:
        client = docker.DockerClient(base_url=url) if url else docker.from_env()
        with_ping = client.ping()
        client.close()
    except DockerException:
        return False
    return bool(with_ping)


def start() -> str:
    """Return the URL of an engine, started here if none answers."""
    if answering():
        return os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
    url = f"unix://{SOCKET}"
    if answering(url):
        return url
    dockerd = shutil.which("dockerd", path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    if dockerd is None:
        raise SystemExit("no Docker engine: apt-get install docker.io busybox-static")
    STATE.mkdir(parents=True, exist_ok=True)
    log = (STATE / "dockerd.log").open("ab")
    process = subprocess.Popen(
        [dockerd, "-H", url, "--data-root", str(STATE / "data"), "--exec-root", str(STATE / "exec"),
         "--pidfile", str(STATE / "dockerd.pid")],
        stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while not answering(url):
        if process.poll() is not None or time.monotonic() > deadline:
            tail = (STATE / "dockerd.log").read_text(errors="replace").splitlines()[-5:]
            raise SystemExit("dockerd does not start:\n  " + "\n  ".join(tail))
        time.sleep(0.5)
    return url


def stop() -> None:
    """End the engine that ``start`` started, by its own pid."""
    pid_file = STATE / "dockerd.pid"
    if pid_file.is_file():
        os.kill(int(pid_file.read_text()), signal.SIGTERM)
        for _ in range(60):
            if not pid_file.is_file():
                return
            time.sleep(0.5)


def _layer(standin: Standin, binaries: dict[str, Path]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for folder, mode in (("tmp", 0o1777), ("etc", 0o755), ("run", 0o755)):
            info = tarfile.TarInfo(folder)
            info.type, info.mode = tarfile.DIRTYPE, mode
            tar.addfile(info)
        for target, name in standin.files.items():
            tar.add(binaries[name], target.lstrip("/"))
        if standin.tools:
            busybox = shutil.which("busybox", path=f"{os.environ['PATH']}:/bin:/usr/bin")
            if busybox is None:
                raise SystemExit("no busybox: apt-get install busybox-static")
            tar.add(Path(busybox).resolve(), "bin/busybox")
            for tool in standin.tools:
                info = tarfile.TarInfo(f"bin/{tool}")
                info.type, info.linkname = tarfile.SYMTYPE, "busybox"
                tar.addfile(info)
        add_programs(tar, standin.programs)
    return buffer.getvalue()


def _rendered() -> Path:
    """Render the spec, whose manifest says what the Collector is built of."""
    compiled = read_spec([ROOT / "spec/ims.yaml"])
    if compiled.model is None:
        raise SystemExit("\n".join(compiled.lines()))
    folder = STATE / "project"
    for path, content in render_model(compiled.model).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    return folder


def build_images(url: str) -> dict[str, str]:
    """Return variable -> image for every component whose binary can be had."""
    root = _rendered()
    client = docker.DockerClient(base_url=url)
    images = {}
    for name, standin in STANDINS.items():
        if os.environ.get(f"IMSOBS_IMAGE_{name.upper()}"):
            continue
        try:
            binaries = {part: resolve_binary(part, root) for part in standin.files.values()}
        except ImsobsError as error:
            raise SystemExit(str(error)) from error
        entry = next(iter(standin.files))
        client.api.import_image_from_data(
            _layer(standin, binaries),
            repository=f"{_TAG}/{name}",
            tag="test",
            changes=[f'ENTRYPOINT ["{entry}"]', f"USER {standin.user}", "ENV PATH=/bin:/usr/bin"],
        )
        images[f"IMSOBS_IMAGE_{name.upper()}"] = f"{_TAG}/{name}:test"
    if not os.environ.get("IMSOBS_IMAGE_GATEWAY"):
        images["IMSOBS_IMAGE_GATEWAY"] = build_gateway(client)
    client.close()
    return images


def build_gateway(client: docker.DockerClient) -> str:
    """Build the demo's image by its own Dockerfile, on this machine's Python.

    The packages of the lock are installed there already, so pip has nothing to fetch.
    """
    client.api.import_image_from_data(
        python_layer(), repository=f"{_TAG}/python", tag="test",
        changes=["ENV PATH=/usr/local/bin:/bin"],
    )  # fmt: skip
    image = f"{_TAG}/gateway:test"
    try:
        client.images.build(
            path=str(ROOT), dockerfile="examples/gateway/Dockerfile", tag=image, rm=True,
            buildargs={"BASE": f"{_TAG}/python:test"},
        )  # fmt: skip
    except BuildError as error:
        lines = [str(line.get("stream", "")).strip() for line in error.build_log]
        raise SystemExit("\n".join([str(error), *lines[-20:]])) from error
    return image


def main(words: list[str]) -> None:
    """``start`` or ``stop``."""
    match words:
        case ["start"]:
            url = start()
            settings = {"DOCKER_HOST": url, "TESTCONTAINERS_RYUK_DISABLED": "true"}
            for name, value in {**settings, **build_images(url)}.items():
                print(f"export {name}={value}")
        case ["stop"]:
            stop()
        case _:
            raise SystemExit("usage: engine.py start|stop")


if __name__ == "__main__":
    main(sys.argv[1:])
