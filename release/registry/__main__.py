"""Write generator/imsobs/data/registry: attributes, instruments, OTTL and series of others.

    python -m release.registry [attributes] [instruments] [ottl] [series]

reads the pinned packages of OpenTelemetry, asks the Go module proxy for its Go module, and runs
the pinned binaries of the stack with the demo's traffic. Without arguments it writes all.
"""

from __future__ import annotations

import importlib
import json
import sys
from typing import Any

from release.registry.attributes import ROOT

FOLDER = ROOT / "generator/imsobs/data/registry"
PARTS = ("attributes", "instruments", "ottl", "series")


def text(data: dict[str, Any]) -> str:
    """Return the bytes of a file: one name a line, so that a difference can be read."""
    lines = []
    for key, value in data.items():
        if key == "sources" or not isinstance(value, dict):
            lines.append(f" {json.dumps(key)}: {json.dumps(value)}")
            continue
        lines.append(f" {json.dumps(key)}: {_entries(value, 2)}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _entries(entries: dict[str, Any], depth: int) -> str:
    indent = " " * depth
    nested = depth == 2 and all(
        isinstance(v, dict) and all(isinstance(w, dict) for w in v.values())
        for v in entries.values()
    )
    rows = [
        f"{indent}{json.dumps(name)}: {_entries(v, depth + 1) if nested else json.dumps(v)}"
        for name, v in entries.items()
    ]
    return "{\n" + ",\n".join(rows) + "\n" + " " * (depth - 1) + "}"


def main() -> None:
    """Write the files that are asked for."""
    for part in sys.argv[1:] or PARTS:
        data = importlib.import_module(f"release.registry.{part}").collected()
        target = FOLDER / f"{part}.json"
        target.write_text(text(data), "utf-8")
        sys.stdout.write(f"{part} -> {target.relative_to(ROOT)}\n")


if __name__ == "__main__":
    main()
