"""What to do about a metric that the catalogue does not have: declare it, or mean another."""

from __future__ import annotations

import re

from imsobs import outside
from imsobs.problems import available, near
from imsobs.promql.series import Series


def remedy(name: str, series: dict[str, Series]) -> str:
    """Return the remedy for a name that is not in the catalogue."""
    if f"{name}_bucket" in series:
        return f"it is a histogram: use {name}_bucket, {name}_sum or {name}_count"
    base = re.sub(r"_(?:bucket|sum|count)$", "", name)
    for given in (name, base):
        if components := outside.exposing(given):
            found = outside.series(components[0], given)
            kind = found.type if found and found.type != "summary" else "gauge"
            told, entry = ";", f"type: {kind}, stack: {components[0]}, description: ..."
            if components[0] in outside.NOT_SCRAPED:
                told = ", which the rendered Prometheus does not scrape; where a job of yours does,"
                entry += ", allow: {metric/not-scraped: ...}"
            return (
                f"{' and '.join(components)} exposes it{told} declare it: metrics: {{{given}:"
                f" {{{entry}}}}}"
            )
    for component in outside.NOT_READ:
        if name.startswith(f"{component}_"):
            kind = "histogram" if base != name else "counter" if name[-6:] == "_total" else "gauge"
            return (
                f"what {component} exposes is not known here; when it has this series, declare it:"
                f" metrics: {{{base}: {{type: {kind}, stack: {component}, description: ...}}}}"
            )
    metrics = {entry.metric for entry in series.values()}
    # The near name may be one that a component exposes and the spec does not declare yet.
    if not near(name, metrics, 0.85):
        exposed = {one for c in outside.components() for one in outside.exposed(c)}
        if meant := near(name, exposed, 0.85):
            return f'did you mean "{meant}"? {remedy(meant, series)}'
    return available(name, metrics)
