"""Plan of docs/reference/redaction.md: what is masked, dropped and kept, and where.

The page says how the Collector is configured; tests/golden/test_redaction.py proves it, channel by
channel, against the bytes that reach the stores.
"""

from __future__ import annotations

from collections.abc import Iterator

from imsobs import artifacts
from imsobs.model import Model
from imsobs.outputs.docs.reference import counter_of
from imsobs.outputs.redaction import MASK
from imsobs.pages import Page, TextPage
from imsobs.redaction import contents, known

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
    "prompts, completions, tool arguments: attributes, events, bodies": "removed",
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
    "a secret that looks like plain words, without a name before it": (
        "a text of words of up to 16 lower-case letters and small numbers is not searched"
    ),
    "a random value without a known beginning, or a name before it": (
        "nothing distinguishes it from an id or a hash, which must stay readable"
    ),
    "base64 or gzip of a text with a secret": "texts are searched as they are, not decoded",
}


def plan(model: Model) -> Iterator[Page]:
    """Yield the reference page."""
    redaction = model.spec.redaction
    context = {
        "mask": MASK,
        "keys": redaction.keys,
        "values": redaction.values,
        "known": known.known(),
        "drop": redaction.drop,
        "contents": contents.contents(),
        "keep": redaction.keep,
        "channels": CHANNELS,
        "limits": LIMITS,
        "counter": counter_of("redacted", model),
    }
    yield TextPage(f"{artifacts.REFERENCE}/redaction.md", "docs/redaction.md.j2", context)
