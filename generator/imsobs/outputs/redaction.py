"""What is masked, for every product that masks: the Collector, Promtail, the reference."""

from __future__ import annotations

from imsobs.model import Model
from imsobs.redaction import keys, known, texts

MASK = "****"


def value_patterns(model: Model) -> list[str]:
    """Return RE2 patterns of what is masked inside texts, in the order in which they are tried.

    The spec's own, known secrets, signed URLs, and names with their values.
    """
    names = model.spec.redaction.keys
    return [
        *model.spec.redaction.values.values(),
        *known.patterns(),
        *texts.RARE,
        texts.SIGNED_URL,
        texts.COOKIES,
        texts.option(names),
        texts.assignment(names),
    ]


def key_patterns(model: Model) -> list[str]:
    """Return RE2 patterns of attribute keys whose whole value is masked."""
    return [keys.key_pattern(model.spec.redaction.keys)]
