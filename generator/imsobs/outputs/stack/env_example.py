"""Plan of stack/.env.example: every setting of the environment, with its default."""

from __future__ import annotations

from imsobs import artifacts
from imsobs.model import Model
from imsobs.outputs.collector.ottl import decimal
from imsobs.pages import TextPage


def page(model: Model) -> TextPage:
    """Return the page."""
    return TextPage(
        artifacts.COMPOSE_SETTINGS_EXAMPLE,
        "stack/env.example.j2",
        {"model": model, "rate": decimal(model.spec.sampling.rate)},
    )
