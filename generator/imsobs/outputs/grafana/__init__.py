"""Grafana dashboards: ``dashboards/<uid>.json``, built with Grafana's own foundation SDK."""

from __future__ import annotations

import json
from collections.abc import Iterator

from imsobs.model import Model
from imsobs.pages import JsonPage


def plan(model: Model) -> Iterator[JsonPage]:
    """Yield one page per dashboard."""
    # The SDK is only loaded when dashboards are rendered: other commands start faster.
    from grafana_foundation_sdk.cog.encoder import JSONEncoder

    from imsobs.outputs.grafana.board import board

    for dashboard in model.dashboards.values():
        data = json.loads(JSONEncoder(sort_keys=True).encode(board(dashboard, model)))
        # The SDK can only put links and marks into a menu; on the page they are one click nearer.
        for entry in [*data["links"], *data["annotations"]["list"]]:
            entry.pop("placement", None)
        yield JsonPage(f"dashboards/{dashboard.uid}.json", data)
