"""Numbers of spans: read once, and none left that cannot be summed.

A signal's cache is searched from its beginning, and so is the much longer list of its attributes.
So what is asked often is put into the cache first, and each number is looked for once.
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
    """Return the path of a number that is a measurement, or nil, under this attribute.

    Of a span it is in the cache; of an event that is valid the attribute itself is one.
    """
    return f"span.cache[{text(f'n.{key}')}]" if context == "span" else attribute(context, key)


def value_statements(source: str, model: Model) -> list[str]:
    """Return the statements that leave a source's spans no number that cannot be summed.

    What is no measurement is marked, to be counted, and removed: what follows finds only
    sound numbers. First of all statements of the source.
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
        # A clock that was set between start and end, or never was.
        start, end = "span.start_time_unix_nano", "span.end_time_unix_nano"
        longest = int(largest_duration() * 1e9)
        faulty = f"{end} < {start} or {end} - {start} > {longest}"
        faults.append(set_to(attribute("span", fault_mark(DURATION)), "true", faulty))
    return [*found, *faults]
