"""promtool and amtool on rules, their tests, Alertmanager's configuration and its routes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from imsobs import yamlio
from imsobs.outputs.alertmanager import CONFIG, EXPECTED
from imsobs.runtime.verify import Verdict
from imsobs.runtime.verify.validators import ask, required


def verify(root: Path) -> Iterator[Verdict]:
    """Yield the verdicts of promtool and amtool."""
    promtool, amtool = required("promtool", root), required("amtool", root)
    lint = [promtool, "check", "rules", "--lint=all", "--lint-fatal"]
    for folder in ("alerts/rules", "alerts/disabled"):
        for file in sorted((root / folder).glob("*.yaml")):
            path = str(file.relative_to(root))
            yield ask("promtool", path, [*lint, path], root)
    for file in sorted((root / "alerts/tests").glob("*.yaml")):
        path = str(file.relative_to(root))
        yield ask("promtool", path, [promtool, "test", "rules", path], root)
    yield ask("amtool", CONFIG, [amtool, "check-config", CONFIG], root)
    yield from _routes(amtool, root)


def _routes(amtool: str, root: Path) -> Iterator[Verdict]:
    """Ask amtool whether an alert with these labels reaches the receivers expected."""
    expected = yamlio.parse((root / EXPECTED).read_text(encoding="utf-8"))["routes"]
    for name, wanted in expected.items():
        receivers = ",".join(wanted["receivers"])
        labels = [f"{label}={value}" for label, value in wanted["labels"].items()]
        command = [amtool, "config", "routes", "test", f"--config.file={CONFIG}"]
        yield ask(
            "amtool", f"route {name}", [*command, f"--verify.receivers={receivers}", *labels], root
        )
