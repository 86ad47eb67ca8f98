"""Tests of alerts, completed: a series' service and environment need not be written."""

from __future__ import annotations

from imsobs.model.conventions import IDENTITY_LABELS
from imsobs.model.rules import example_labels
from imsobs.promql import parse, selector_name, selectors
from imsobs.promql.matchers import matcher
from imsobs.promql.series import Series
from imsobs.spec.schema.alerts import AlertTest
from imsobs.spec.schema.root import Spec


def completed(
    test: AlertTest, carried: frozenset[str] | None, spec: Spec, series: dict[str, Series]
) -> AlertTest:
    """Return the test with the labels that identify a service where they are left out.

    carried: labels of the firing alert, None when unknown. A series gets those that its
    metric has, the alert those that it carries.
    """
    identity = example_labels(spec)
    labels = {label: identity[label] for label in IDENTITY_LABELS if label in (carried or ())}
    return test.model_copy(
        update={
            "series": {
                _selector(text, identity, series): step for text, step in test.series.items()
            },
            "labels": {**labels, **test.labels},
        }
    )


def _selector(text: str, identity: dict[str, str], series: dict[str, Series]) -> str:
    try:
        found = selectors(parse(text))
    except ValueError:
        return text
    if len(found) != 1 or selector_name(found[0]) not in series:
        return text
    name = selector_name(found[0])
    given = {matching.name for matching in found[0].matchers.matchers}
    missing = [
        matcher(label, value)
        for label, value in identity.items()
        if label in series[name].labels and label not in given
    ]
    written = (
        text.strip().removeprefix(name).strip().removeprefix("{").removesuffix("}").strip(", ")
    )
    inside = ",".join([*missing, *([written] if written else [])])
    return f"{name}{{{inside}}}" if inside else name
