"""Preflight: what a deployment needs before people rely on it, as findings with remedies."""

from __future__ import annotations

import datetime
import ipaddress
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import httpx

from imsobs import artifacts, private, yamlio
from imsobs.errors import ImsobsError
from imsobs.files import read_regular
from imsobs.model import Model, ingest
from imsobs.model import estimate as estimating
from imsobs.runtime import secrets as stack_secrets
from imsobs.runtime import settings
from imsobs.runtime.docker import find_docker, recorded_mode
from imsobs.runtime.doctor import Finding
from imsobs.runtime.loopback import loopback_client
from imsobs.runtime.paths import Layout
from imsobs.runtime.process.daemon import Supervisor
from imsobs.runtime.process.plan import Plan, load_plan
from imsobs.runtime.process.ports import free, holder

_SHORTEST_PASSWORD = 12
_GUESSED = {"admin", "password", "grafana", "changeme", "secret", "12345678"}
_ALERT = "PreflightTest"


def examine(
    model: Model, layout: Layout, requests_per_day: float, test_alert: bool
) -> list[Finding]:
    """Return every finding; those of level "fail" stand against a deployment."""
    plan = load_plan(layout.root)
    return [
        *_password(layout.root),
        *_secrets(layout.root),
        *_images(layout.root),
        *_ingest(model, layout.root),
        *_receivers(model, layout.root),
        *_ports(plan, layout),
        *_capacity(model, layout, requests_per_day),
        *_retention(model),
        *([_test_alert(plan)] if test_alert else []),
    ]


def _password(root: Path) -> Iterator[Finding]:
    if not stack_secrets.is_wanted(root):
        return
    value = stack_secrets.password(root)
    remedy = f"set {stack_secrets.PASSWORD} to {_SHORTEST_PASSWORD} characters or more"
    if value is None:
        yield Finding("password", "fail", f"{stack_secrets.PASSWORD} is not set", remedy)
    elif value.lower() in _GUESSED or len(value) < _SHORTEST_PASSWORD:
        yield Finding("password", "fail", "Grafana's password is short or well known", remedy)
    else:
        yield Finding("password", "ok", f"{len(value)} characters")


def _secrets(root: Path) -> Iterator[Finding]:
    """Who else can read or replace the secrets, and the settings with the password."""
    wide = list(_wide(root))
    for path, mode, remedy in wide:
        detail = f"{path.relative_to(root)} has mode {mode:03o}"
        yield Finding("secrets", "fail", f"{detail}: others can get at it", remedy)
    for path in _secret_paths(root):
        try:
            reason = private.why_not(path)
        except OSError as error:
            reason = str(error.strerror)
        # Said above, with its mode.
        if reason is not None and path not in [found[0] for found in wide]:
            yield Finding("secrets", "fail", f"{path.relative_to(root)}: {reason}", "replace it")
    if not wide and (root / stack_secrets.FOLDER).is_dir():
        yield Finding("secrets", "ok", "readable by their owner only")


def _wide(root: Path) -> Iterator[tuple[Path, int, str]]:
    """Yield what others can read or write, and how that is ended.

    The files inside secrets/ are read by containers of other users through a mount of their
    own; the folder is what keeps everybody else out.
    """
    folder, file = root / stack_secrets.FOLDER, root / settings.FILE
    for path, allowed in ((folder, 0o700), (file, 0o600)):
        mode = path.lstat().st_mode & 0o777 if os.path.lexists(path) else 0
        if mode & ~allowed:
            yield path, mode, f"chmod {allowed:o} {path.relative_to(root)}"
    for path in _secret_paths(root):
        mode = path.lstat().st_mode & 0o777
        if path != folder and mode & 0o022:
            yield path, mode, f"chmod go-w {path.relative_to(root)}"


def _secret_paths(root: Path) -> list[Path]:
    folder = root / stack_secrets.FOLDER
    return [folder, *sorted(folder.rglob("*"))] if os.path.lexists(folder) else []


def _ingest(model: Model, root: Path) -> Iterator[Finding]:
    # As compose has it; it reads the variable only when a token is asked for.
    bind = settings.effective(root).get("IMSOBS_OTLP_BIND") or "127.0.0.1"
    loopback = _is_loopback(bind)
    chosen = model.spec.stack.ingest
    if not loopback and (chosen.auth == "none" or not chosen.tls):
        yield Finding(
            "ingest",
            "fail",
            f"OTLP would be open on {bind} without token or TLS",
            "set stack.ingest to {auth: bearer, tls: true} in the spec",
        )
    for name in ingest.secrets(chosen):
        file = root / stack_secrets.FOLDER / ingest.FILES[name]
        if not file.is_file() or not file.read_bytes().strip():
            yield Finding("ingest", "fail", f"{file} is missing or empty", "write the secret there")
    if loopback:
        yield Finding("ingest", "ok", f"OTLP on loopback, auth {chosen.auth}, TLS {chosen.tls}")


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address.strip("[]")).is_loopback
    except ValueError:
        return address == "localhost"


def _images(root: Path) -> Iterator[Finding]:
    """Whether what is pulled is what was chosen."""
    replaced = {
        name: value
        for name, value in settings.effective(root).items()
        if name.startswith("IMSOBS_IMAGE_") and value
    }
    for name, value in sorted(replaced.items()):
        yield Finding("images", "warn", f"{name} replaces the image by {value}", f"unset {name}")
    services = yamlio.parse(read_regular(root / artifacts.COMPOSE).decode())["services"]
    # The demo's image is built here.
    texts = {name: str(service["image"]) for name, service in services.items() if name != "gateway"}
    by_tag = sorted(name for name, text in texts.items() if "@sha256:" not in text)
    if by_tag:
        yield Finding(
            "images",
            "info",
            f"pulled by tag, which its owner can move: {', '.join(by_tag)}",
            "imsobs pin asks the registry for digests",
        )
    else:
        yield Finding("images", "ok", "every image is pulled by digest")


def _receivers(model: Model, root: Path) -> Iterator[Finding]:
    routing = model.spec.routing
    folder = root / routing.secrets
    used = {route.receiver for route in routing.routes.values()} | {routing.receiver}
    silent = []
    for name in sorted(used):
        receiver = model.spec.receivers.get(name)
        wanted = receiver.secret_files() if receiver is not None else []
        missing = [file for file in wanted if not (folder / file).is_file()]
        if missing:
            files = ", ".join(str(folder / file) for file in missing)
            yield Finding("receivers", "fail", f"{name} cannot deliver", f"write {files}")
        elif wanted:
            yield Finding("receivers", "ok", f"{name} has its secrets")
        elif receiver is None or not any(receiver.model_dump().values()):
            silent.append(name)
    if silent:
        names = ", ".join(silent)
        yield Finding("receivers", "info", f"shown in Alertmanager only: {names}")


def _ports(plan: Plan, layout: Layout) -> Iterator[Finding]:
    if Supervisor(layout).alive() or recorded_mode(layout) == "docker":
        yield Finding("ports", "ok", "held by the running stack")
        return
    taken = [
        f"{port} ({name}, held by {holder(port)})"
        for name, process in plan.processes.items()
        for port in process.ports.values()
        if not free(port)
    ]
    if taken:
        remedy = "stop what holds them, or change the ports in the spec"
        yield Finding("ports", "fail", f"taken: {', '.join(taken)}", remedy)
    else:
        count = sum(len(process.ports) for process in plan.processes.values())
        yield Finding("ports", "ok", f"{count} free")


def _capacity(model: Model, layout: Layout, requests_per_day: float) -> Iterator[Finding]:
    load = estimating.Load.of(model, requests_per_day)
    rows = estimating.estimate(model, load)
    need = sum(row.disk for row in rows)
    where = layout.state if layout.state.exists() else layout.root
    place = "this disk"
    if find_docker().usable and Path("/var/lib/docker").is_dir():
        where, place = Path("/var/lib/docker"), "Docker's disk"
    have = shutil.disk_usage(where).free
    detail = f"{estimating.human(need)} needed, {estimating.human(have)} free on {place}"
    if have < need * 1.2:
        remedy = "free disk, shorten retention, or lower sampling.rate"
        yield Finding("disk", "fail", detail, remedy)
    else:
        yield Finding("disk", "ok", detail)
    for row in rows:
        if row.memory > row.memory_limit * 0.8:
            detail = f"{row.component}: {estimating.human(row.memory)} estimated"
            remedy = f"raise stack.{row.component}.memory_mib"
            yield Finding("memory", "fail", detail, remedy)


def _retention(model: Model) -> Iterator[Finding]:
    kept = model.spec.retention
    detail = f"metrics {kept.metrics}, logs {kept.logs}, traces {kept.traces}"
    yield Finding("retention", "ok", detail)


def _test_alert(plan: Plan) -> Finding:
    """Send an alert to Alertmanager and see it there, with the receiver it is routed to."""
    base = plan.processes["alertmanager"].url
    now = datetime.datetime.now(datetime.UTC)
    alert = {
        "labels": {"alertname": _ALERT, "severity": "info"},
        "annotations": {"summary": "imsobs preflight: please ignore"},
        "endsAt": (now + datetime.timedelta(minutes=2)).isoformat(),
    }
    try:
        with loopback_client(10) as client:
            client.post(f"{base}/api/v2/alerts", json=[alert]).raise_for_status()
            deadline = time.monotonic() + 20
            while time.monotonic() < deadline:
                filtered = {"filter": f'alertname="{_ALERT}"'}
                found = client.get(f"{base}/api/v2/alerts", params=filtered).json()
                if found:
                    names = ", ".join(item["name"] for item in found[0]["receivers"])
                    return Finding("test alert", "ok", f"accepted, routed to {names}")
                time.sleep(0.5)
    except (httpx.HTTPError, ImsobsError, ValueError) as error:
        why = f"Alertmanager does not take it ({type(error).__name__})"
        return Finding("test alert", "fail", why, "imsobs up")
    return Finding(
        "test alert", "fail", "it did not appear within 20 s", "imsobs logs alertmanager"
    )
