"""What is masked, for every product that masks: the Collector, Promtail, the reference."""

from __future__ import annotations

from imsobs.model import Model
from imsobs.redaction import keys, known, texts
from imsobs.redaction.attempts import behind_word
from imsobs.redaction.hide import MASK

__all__ = ["MASK", "key_patterns", "value_patterns"]


def value_patterns(model: Model) -> list[str]:
    """Return RE2 patterns of what is masked inside texts, in the order in which they are tried.

    The spec's own and known secrets, signed URLs, and names with their values.
    """
    names = model.spec.redaction.keys
    own = list(model.spec.redaction.values.values())
    at_words = {pattern: rest for pattern in own if (rest := behind_word(pattern)) is not None}
    return [
        known.at_words(list(at_words.values())),
        *(pattern for pattern in own if pattern not in at_words),
        *texts.RARE,
        texts.SIGNED_URL,
        texts.COOKIES,
        texts.option(names),
        texts.assignment(names),
    ]


def key_patterns(model: Model) -> list[str]:
    """Return RE2 patterns of attribute keys whose whole value is masked."""
    return [keys.key_pattern(model.spec.redaction.keys)]
