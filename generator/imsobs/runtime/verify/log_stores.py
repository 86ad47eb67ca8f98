"""Loki and Promtail: their documented fields always, the real binary when it is here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from imsobs import artifacts
from imsobs.runtime.verify import Verdict
from imsobs.runtime.verify.models.loki import LokiFile
from imsobs.runtime.verify.models.promtail import PromtailFile
from imsobs.runtime.verify.validators import ask, held_against, optional

_LOKI = artifacts.LOKI
_PROMTAIL = artifacts.PROMTAIL


def verify(root: Path) -> Iterator[Verdict]:
    """Yield the verdicts on loki.yaml and promtail.yaml."""
    if (root / _LOKI).is_file():
        yield held_against(LokiFile, "loki fields", _LOKI, root)
        yield _by_binary("loki", _LOKI, root, ["-config.expand-env=true", "-verify-config"])
    if (root / _PROMTAIL).is_file():
        yield held_against(PromtailFile, "promtail fields", _PROMTAIL, root)
        yield _by_binary("promtail", _PROMTAIL, root, ["-check-syntax"])


def _by_binary(name: str, subject: str, root: Path, flags: list[str]) -> Verdict:
    binary = optional(name, root)
    if binary is None:
        why = f"no {name} here; imsobs binaries {name} builds it"
        return Verdict(name, subject, True, why, skipped=True)
    return ask(name, subject, [binary, f"-config.file={subject}", *flags], root)
