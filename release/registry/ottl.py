"""What OTTL has in the pinned Collector: functions of conditions, paths and enums by context."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

from imsobs.runtime.build.binaries import resolve_binary
from release.registry.attributes import ROOT

MODULE = "github.com/open-telemetry/opentelemetry-collector-contrib/pkg/ottl"
_FUNCTION = re.compile(r'NewFactory(?:\[K\])?\(\s*"([A-Z]\w*)"')
_ROW = re.compile(r"^\|\s*`?([A-Za-z_0-9.]+)(?:\\?\[.*?\])*`?\s*\|", re.MULTILINE)


def collected() -> dict[str, Any]:
    """Return the data of ottl.json, read from the source of the module that was built in."""
    binary = str(resolve_binary("otelcol", ROOT))
    said = subprocess.run(
        ["go", "version", "-m", binary], capture_output=True, text=True, check=True
    ).stdout
    cache = subprocess.run(
        ["go", "env", "GOMODCACHE"], capture_output=True, text=True, check=True
    ).stdout.strip()
    found = re.search(rf"\tdep\t{re.escape(MODULE)}\t(\S+)", said)
    if found is None:
        raise SystemExit(f"{binary} is built without {MODULE}")
    source = Path(cache, f"{MODULE}@{found[1]}")
    functions = {
        name
        for file in source.glob("ottlfuncs/func_*.go")
        for name in _FUNCTION.findall(file.read_text("utf-8"))
    }
    contexts = {name: _context(source, name) for name in ("span", "log")}
    return {
        "sources": {MODULE: found[1]},
        "functions": sorted(functions),
        "paths": {name: paths for name, (paths, _) in contexts.items()},
        "enums": {name: enums for name, (_, enums) in contexts.items()},
    }


def _context(source: Path, name: str) -> tuple[list[str], list[str]]:
    """Return the paths and the enums of a context, as its page lists them."""
    page = (source / f"contexts/ottl{name}/README.md").read_text("utf-8")
    paths, _, enums = page.partition("## Enums")
    own = {row for row in _ROW.findall(paths) if row != "path" and not row.endswith(".")}
    # The page calls the scope by its long name only.
    own |= {row.replace("instrumentation_scope", "scope") for row in own}
    return sorted(own), sorted(row for row in _ROW.findall(enums) if row.isupper())
