"""Numbers of spans: one that is no valid measurement is marked, counted and removed."""

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


def value_statements(source: str, model: Model) -> list[str]:
    """Return the statements that remove a source's invalid numbers.

    An invalid number is marked, so that it is counted. These statements come first: all later
    ones find valid numbers only.
    """
    measures = span_measures(model.spec, source)
    found = [set_to(FAULTY, "false")] if measures else []
    faults: list[str] = []
    for measure in measures:
        read, mark = attribute("span", measure.key), attribute("span", fault_mark(measure.key))
        faulty = f"{read} != nil and not {is_measurement(read, measure.largest)}"
        found += [*canonical("span", measure.keys), set_to(FAULTY, "true", faulty)]
        here = f"{FAULTY} == true and {faulty}"
        faults += [
            set_to(mark, "true", here),
            f"delete_key(span.attributes, {text(measure.key)}) where {here}",
        ]
    if source in timed_sources(model.spec):
        # The host's clock was adjusted during the span, or has no valid time at all.
        start, end = "span.start_time_unix_nano", "span.end_time_unix_nano"
        longest = int(largest_duration() * 1e9)
        faulty = f"{end} < {start} or {end} - {start} > {longest}"
        faults.append(set_to(attribute("span", fault_mark(DURATION)), "true", faulty))
    return [*found, *faults]
