"""Grafana's provisioning: documented fields, and references that lead somewhere.

That Grafana itself takes the files is shown by tests/stack.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from imsobs import artifacts, yamlio
from imsobs.runtime.verify import Verdict
from imsobs.runtime.verify.models.grafana import DashboardsFile, DatasourcesFile
from imsobs.runtime.verify.validators import held_against

_FOLDER = artifacts.GRAFANA_PROVISIONING
_SOURCES = f"{_FOLDER}/datasources/datasources.yaml"
_PROVIDERS = f"{_FOLDER}/dashboards/dashboards.yaml"


def verify(root: Path) -> Iterator[Verdict]:
    """Yield the verdicts on data sources, providers, and what dashboards refer to."""
    if not (root / _SOURCES).is_file():
        return
    yield held_against(DatasourcesFile, "grafana fields", _SOURCES, root)
    yield held_against(DashboardsFile, "grafana fields", _PROVIDERS, root)
    data = yamlio.parse((root / _SOURCES).read_text(encoding="utf-8"))
    known = {source["uid"] for source in data["datasources"]}
    for path in sorted((root / "dashboards").glob("*.json")):
        used = set(_datasource_uids(json.loads(path.read_text(encoding="utf-8"))))
        missing = sorted(uid for uid in used if uid not in known and not uid.startswith(("$", "-")))
        detail = f"unknown data source: {', '.join(missing)}" if missing else ""
        yield Verdict("grafana references", f"dashboards/{path.name}", not missing, detail)


def _datasource_uids(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        source = node.get("datasource")
        # Sources of these types are Grafana's own: annotations, mixed panels.
        if isinstance(source, dict) and source.get("type") not in ("grafana", "datasource"):
            yield str(source.get("uid", "$default"))
        for value in node.values():
            yield from _datasource_uids(value)
    elif isinstance(node, list):
        for value in node:
            yield from _datasource_uids(value)
