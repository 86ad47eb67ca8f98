"""Digests of what a container reads at its start, so that compose restarts it on a change.

Compose compares service definitions, not mounted files; the digest is a label of the
service. What a component can reload (rules, alert routes, dashboards) is not part of it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from imsobs.model.conventions import CONFIG_LABEL
from imsobs.pages import Page, YamlPage


def label(pages: Iterable[Page]) -> dict[str, str]:
    """Return the label of a service that reads these pages; empty when there are none."""
    texts = [page.text for page in pages if isinstance(page, YamlPage)]
    if not texts:
        return {}
    return {CONFIG_LABEL: hashlib.sha256("\n".join(texts).encode()).hexdigest()[:16]}
