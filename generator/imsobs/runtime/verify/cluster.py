"""What pods of a cluster read, judged by the programs that read it there."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from imsobs import artifacts, yamlio
from imsobs.runtime.cluster.manifests import Manifests, Object, manifests
from imsobs.runtime.verify import Verdict
from imsobs.runtime.verify.validators import ask, optional, required

_LINT = ("check", "rules", "--lint=all", "--lint-fatal")
# Where the operator puts Alertmanager's templates.
_TEMPLATES = "/etc/alertmanager/config"
# Stands for what a pod takes from a Secret, and for its own address.
_ANY = "127.0.0.1"
_BALANCES = "load_balancing/traces"


def verify(root: Path) -> Iterator[Verdict]:
    """Yield the verdicts of promtool, amtool, Jaeger, Loki and the Collector; none without files.

    The texts are in objects: each is written to a file of its own for its program.
    """
    if not (root / artifacts.KUBERNETES).is_dir():
        return
    files = (root / artifacts.KUBERNETES).rglob("*.yaml")
    found = manifests({path.relative_to(root).as_posix(): path.read_bytes() for path in files})
    with tempfile.TemporaryDirectory(prefix="imsobs-verify-") as temporary:
        folder = Path(temporary)
        yield from _rules(found, folder, root)
        yield _alertmanager(found, folder, root)
        for one in found.of("StatefulSet"):
            yield _store(one, found, folder, root)
        for one in found.of("OpenTelemetryCollector"):
            yield _collector(one, folder, root)


def _subject(one: Object) -> str:
    return f"stack/kubernetes {one['kind']} {one['metadata']['name']}"


def _put(folder: Path, name: str, text: str) -> Path:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


def _rules(found: Manifests, folder: Path, root: Path) -> Iterator[Verdict]:
    promtool = required("promtool", root)
    for one, text in found.rule_files():
        file = _put(folder, f"{one['metadata']['name']}.yaml", text)
        yield ask("promtool", _subject(one), [promtool, *_LINT, str(file)], root)
    over_all = artifacts.KUBERNETES_GLOBAL_RULES
    if (root / over_all).is_file():
        yield ask("promtool", over_all, [promtool, *_LINT, over_all], root)


def _alertmanager(found: Manifests, folder: Path, root: Path) -> Verdict:
    (config,) = found.of("Secret")
    for name, text in config["stringData"].items():
        _put(folder, name, text.replace(_TEMPLATES, str(folder)))
    command = [required("amtool", root), "check-config", str(folder / "alertmanager.yaml")]
    return ask("amtool", _subject(config), command, root)


def _store(one: Object, found: Manifests, folder: Path, root: Path) -> Verdict:
    """Return the verdict on the configuration of Jaeger or Loki."""
    name = one["metadata"]["name"]
    (config,) = (each for each in found.of("ConfigMap") if each["metadata"]["name"] == name)
    ((file, text),) = config["data"].items()
    path = _put(folder, file, text)
    flags = {
        "jaeger": ["validate", "--config", str(path)],
        "loki": [f"-config.file={path}", "-config.expand-env=true", "-verify-config"],
    }[name]
    (container,) = one["spec"]["template"]["spec"]["containers"]
    given = {each["name"]: each.get("value", _ANY) for each in container["env"]}
    return _asked(name, config, flags, root, {**given, "IMSOBS_BIND_ADDRESS": _ANY})


def _collector(one: Object, folder: Path, root: Path) -> Verdict:
    spec = one["spec"]
    binary = "otelcol-roles" if _BALANCES in spec["config"]["exporters"] else "otelcol"
    file = _put(folder, f"{one['metadata']['name']}.yaml", yamlio.dump(spec["config"]))
    given = {each["name"]: each.get("value", _ANY) for each in spec["env"]}
    given["IMSOBS_STATE"] = str(folder)
    return _asked(binary, one, ["validate", "--config", str(file)], root, given)


def _asked(
    binary: str, one: Object, flags: list[str], root: Path, given: dict[str, str]
) -> Verdict:
    path = optional(binary, root)
    if path is None:
        why = f"no {binary} here; imsobs binaries {binary} builds it"
        return Verdict(binary, _subject(one), True, why, skipped=True)
    return ask(binary, _subject(one), [path, *flags], root, given)
