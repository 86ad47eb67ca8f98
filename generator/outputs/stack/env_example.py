"""Plan of stack/.env.example: every setting of the environment, with its default."""

from __future__ import annotations

from generator.model import Model
from generator.outputs.collector.ottl import decimal
from generator.render import TextPage


def page(model: Model) -> TextPage:
    """Return the page."""
    return TextPage(
        "stack/.env.example",
        "stack/env.example.j2",
        {"model": model, "rate": decimal(model.spec.sampling.rate)},
    )
