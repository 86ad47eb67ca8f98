"""Numbers of spans: each is read once; one that is no valid measurement is marked and removed.

OTTL searches attributes and cache from their start, and the cache is much shorter. So each
number is copied to the cache once, and what is read most often is put there first.
"""

from __future__ import annotations

from imsobs.model import Model
from imsobs.model.numbers import (
    DURATION,
    fault_mark,
    largest_duration,
    span_measures,
    timed_sources,
)
from imsobs.outputs.collector.ottl import attribute, canonical, is_measurement, set_to, text

FAULTY = 'span.cache["faulty"]'


def number(context: str, key: str) -> str:
    """Return the path of the valid number of an attribute; it is nil when there is none.

    A span's number is in its cache; an event's is the attribute, as invalid ones are removed.
    """
    return f"span.cache[{text(f'n.{key}')}]" if context == "span" else attribute(context, key)


def value_statements(source: str, model: Model) -> list[str]:
    """Return the statements that copy a source's numbers to the cache, and remove invalid ones.

    An invalid number is marked, so that it is counted. These statements come first: all later
    ones find valid numbers only.
    """
    measures = span_measures(model.spec, source)
    found = [set_to(FAULTY, "false")] if measures else []
    faults: list[str] = []
    for measure in measures:
        read, sent = number("span", measure.key), attribute("span", measure.key)
        mark = attribute("span", fault_mark(measure.key))
        faulty = f"{read} != nil and not {is_measurement(read, measure.largest)}"
        # Nothing is set where there is nothing to read.
        found += [*canonical("span", measure.keys), set_to(read, sent)]
        found.append(set_to(FAULTY, "true", faulty))
        here = f"{FAULTY} == true and {faulty}"
        faults += [
            set_to(mark, "true", here),
            f"delete_key(span.attributes, {text(measure.key)}) where {here}",
            f"delete_key(span.cache, {text(f'n.{measure.key}')}) where {here}",
        ]
    if source in timed_sources(model.spec):
        # The host's clock was adjusted during the span, or has no valid time at all.
        start, end = "span.start_time_unix_nano", "span.end_time_unix_nano"
        longest = int(largest_duration() * 1e9)
        faulty = f"{end} < {start} or {end} - {start} > {longest}"
        faults.append(set_to(attribute("span", fault_mark(DURATION)), "true", faulty))
    return [*found, *faults]
