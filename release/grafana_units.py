"""Write tests/grafana/units.ts: the ids of units that the pinned Grafana knows.

    python -m release.grafana_units

takes them from the package @grafana/data of that version, which npm fetches and whose digest it
checks. The package is not a dependency of the tests: with its own dependencies it is 200 MB.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from imsobs.shipped import shipped

ROOT = Path(__file__).resolve().parents[1]
TARGET = ROOT / "tests/grafana/units.ts"
_SOURCE = "package/dist/esm/valueFormats/categories.mjs"
_FEWEST = 100


def unit_ids(version: str) -> list[str]:
    """Return the ids that @grafana/data publishes, sorted. SystemExit when npm cannot get it."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["npm", "pack", "--json", f"@grafana/data@{version}"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            sys.exit(f"npm cannot get @grafana/data {version}:\n{done.stderr.strip()}")
        with tarfile.open(Path(folder) / json.loads(done.stdout)[0]["filename"]) as package:
            file = package.extractfile(_SOURCE)
            text = file.read().decode() if file else ""
    found = sorted(set(re.findall(r'\bid: "([^"]+)"', text)))
    if len(found) < _FEWEST:
        sys.exit(f"{_SOURCE} of @grafana/data {version} lists {len(found)} units: it changed shape")
    return found


def main() -> None:
    """Write the file."""
    version = shipped().versions()["grafana"]
    lines = "".join(f"  | {json.dumps(unit)}\n" for unit in unit_ids(version))
    TARGET.write_text(
        f"// The ids of units in @grafana/data {version}, by `python -m release.grafana_units`.\n"
        f"export type Unit =\n{lines[:-1]};\n"
    )


if __name__ == "__main__":
    main()
