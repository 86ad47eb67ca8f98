"""promtool and amtool on rules, their tests, Alertmanager's configuration and its routes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from imsobs import artifacts, yamlio
from imsobs.runtime.verify import Verdict
from imsobs.runtime.verify.validators import ask, required


def verify(root: Path) -> Iterator[Verdict]:
    """Yield the verdicts of promtool and amtool."""
    promtool, amtool = required("promtool", root), required("amtool", root)
    lint = [promtool, "check", "rules", "--lint=all", "--lint-fatal"]
    for folder in (artifacts.RULES, artifacts.DISABLED_RULES):
        for file in sorted((root / folder).glob("*.yaml")):
            path = str(file.relative_to(root))
            yield ask("promtool", path, [*lint, path], root)
    for file in sorted((root / artifacts.RULE_TESTS).glob("*.yaml")):
        path = str(file.relative_to(root))
        yield ask("promtool", path, [promtool, "test", "rules", path], root)
    yield ask(
        "amtool", artifacts.ALERTMANAGER, [amtool, "check-config", artifacts.ALERTMANAGER], root
    )
    yield from _routes(amtool, root)


def _routes(amtool: str, root: Path) -> Iterator[Verdict]:
    """Ask amtool whether an alert with these labels reaches the receivers expected."""
    expected = yamlio.parse((root / artifacts.EXPECTED_ROUTES).read_text(encoding="utf-8"))[
        "routes"
    ]
    for name, wanted in expected.items():
        receivers = ",".join(wanted["receivers"])
        labels = [f"{label}={value}" for label, value in wanted["labels"].items()]
        command = [amtool, "config", "routes", "test", f"--config.file={artifacts.ALERTMANAGER}"]
        yield ask(
            "amtool", f"route {name}", [*command, f"--verify.receivers={receivers}", *labels], root
        )
