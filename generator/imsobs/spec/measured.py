"""The file of measurements that a spec names beside itself."""

from __future__ import annotations

from pathlib import Path

from imsobs import measurements
from imsobs.measurements import Measurement
from imsobs.problems import Problem
from imsobs.spec.load import Document
from imsobs.spec.schema.root import Spec

_PATH = ("alerting", "measured")


def measured(spec: Spec, document: Document) -> tuple[dict[str, Measurement], list[Problem]]:
    """Return what was measured of each alert, and a problem where the file cannot be read."""
    named = spec.alerting.measured
    if named is None:
        return {}, []
    try:
        return measurements.read(Path(document.locate(_PATH).file).parent / named), []
    except ValueError as error:
        return {}, [Problem(_PATH, f"{named} {error}", "alert/measured")]
