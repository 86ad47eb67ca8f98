"""Messages: what is known of secrets is not repeated in them."""

from __future__ import annotations

import functools
import re

from imsobs.redaction import known, texts

MASK = "****"


def hide(text: str) -> str:
    """Return the text with known secrets in it masked."""
    for pattern in _patterns():
        text = pattern.sub(MASK, text)
    return text


@functools.cache
def _patterns() -> list[re.Pattern[str]]:
    return [re.compile(p) for p in (known.at_words([]), texts.SIGNED_URL, *texts.RARE)]
