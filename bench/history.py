"""Samples which were made up, as blocks of a Prometheus."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from pathlib import Path

from bench.harness import ROOT
from imsobs.runtime.build.binaries import resolve_binary


def add_blocks(lines: Iterable[str], data: Path) -> None:
    """Add samples to a database folder.

    lines: ``name{label="value"} 1 1700000000`` (Unix seconds), a series' samples in a row and in
    their order; series of one name stand together.
    """
    data.mkdir(parents=True, exist_ok=True)
    file = data.with_suffix(".om")
    with file.open("w") as target:
        target.writelines(f"{line}\n" for line in lines)
        target.write("# EOF\n")
    promtool = resolve_binary("promtool", ROOT)
    command = [promtool, "tsdb", "create-blocks-from", "openmetrics", "--quiet", file, data]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    file.unlink()
