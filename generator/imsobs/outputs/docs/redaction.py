"""Plan of docs/reference/redaction.md: what is masked, dropped and kept, and where.

The pages say what the Collector is told; tests/golden/test_redaction.py proves it, channel by
channel, against the bytes that reach the stores.
"""

from __future__ import annotations

from imsobs import artifacts

from collections.abc import Iterator

from imsobs.model import Model
from imsobs.outputs.collector.store import MASK, key_patterns, value_patterns
from imsobs.pages import Page, TextPage

# Channel -> what happens to it besides the search for keys and values.
CHANNELS = {
    "span attributes, lists and maps inside them": "",
    "span name, status message": "",
    "span events: names and attributes, exceptions with their stack traces": "",
    "resource and scope attributes, of traces and logs": "",
    "log attributes, lists and maps inside them": "",
    "log body: text, JSON, map, list": "a body of bytes is masked as a whole",
    "log event name": "",
    "url.full, url.query, http.url": "",
    "db.query.text, db.statement": "literals become ?, arguments of Redis commands too",
    "gen_ai messages, prompts, completions, tool arguments": "removed",
}
# What is not searched, with the reason; whoever uses one of these should know.
LIMITS = {
    "attributes of span links": (
        "the Collector has no way to reach them; no instrumentation used here sets any"
    ),
    "attributes of type bytes": "they cannot be searched; masked only under a secret's key",
    "attribute keys": "a secret as a key is not found; keys are names",
    "a secret of several words without quotes": (
        "`password: correct horse` loses its first word only"
    ),
}


def plan(model: Model) -> Iterator[Page]:
    """Yield the reference page."""
    redaction = model.spec.redaction
    context = {
        "mask": MASK,
        "keys": redaction.keys,
        "values": redaction.values,
        "drop": model.dropped,
        "keep": redaction.keep,
        "key_pattern": key_patterns(model)[0],
        "assignment": value_patterns(model)[-1],
        "channels": CHANNELS,
        "limits": LIMITS,
    }
    yield TextPage(f"{artifacts.REFERENCE}/redaction.md", "docs/redaction.md.j2", context)
