"""Named windows of burn-rate alerts: data of the tool that the objectives of a spec name."""

from __future__ import annotations

import functools
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field

FILE = Path(__file__).resolve().parent / "data/burn_windows.yaml"
# What an objective has that names none.
DEFAULT = "google-30d"


class _Data(BaseModel):
    """Data of this program: unknown keys are faults, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class Window(_Data):
    """One alert: burn rate, durations as PromQL writes them, and whether it is a lesser one."""

    factor: float
    long: str
    short: str
    for_: str = Field(alias="for")
    lesser: bool = False


class BurnWindows(_Data):
    """The alerts of an objective: last word of the name -> its windows."""

    alerts: dict[str, Window]


@functools.cache
def burn_windows() -> dict[str, BurnWindows]:
    """Return the catalogue: name -> windows, the fastest first."""
    entries = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    return {name: BurnWindows.model_validate(entry) for name, entry in entries.items()}
