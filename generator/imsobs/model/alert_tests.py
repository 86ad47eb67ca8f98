"""Tests of alerts, completed: what follows from the rest of the spec need not be written."""

from __future__ import annotations

from decimal import Decimal

from promql_parser import MatchOp

from imsobs.model.conventions import IDENTITY_LABELS
from imsobs.model.rules import example_labels
from imsobs.promql import parse, selector_name, selectors
from imsobs.promql.matchers import matcher
from imsobs.promql.series import Series
from imsobs.spec.schema.alerts import Alert, AlertTest, Step
from imsobs.spec.schema.root import Spec

_VALUES = ("quiet", "fires")


def at_limit(alert: Alert, limits: dict[str, float]) -> Alert:
    """Return the alert with the numbers of a test whose values count from a limit.

    They count from the largest whole number that is no more than the threshold's share of the
    limit. The last series is what the limit bounds.
    """
    test = alert.test
    if test is None or test.limit is None or not (limit := limits.get(test.limit)):
        return alert
    # As the spec writes the threshold: 0.9 of 10 100 is 9090, not a little more.
    boundary = int(Decimal(str(alert.threshold)) * Decimal(str(limit)))
    series = {
        text: step.model_copy(update={key: _from(boundary, step, key) for key in _VALUES})
        for text, step in test.series.items()
    }
    fires = [step.fires for step in series.values() if step.fires != "absent"]
    value = fires[-1] / limit if fires and test.value is None else test.value
    return alert.model_copy(
        update={"test": test.model_copy(update={"series": series, "value": value})}
    )


def _from(boundary: int, step: Step, key: str) -> float | str:
    value: float | str = getattr(step, key)
    return value if isinstance(value, str) else boundary + value


def completed(
    test: AlertTest, carried: frozenset[str] | None, spec: Spec, series: dict[str, Series]
) -> AlertTest:
    """Return the test with the labels that identify a service where they are left out.

    carried: labels of the firing alert, None when unknown. A series gets those that its
    metric has, the alert those that it carries.
    """
    identity = example_labels(spec)
    labels = {label: identity[label] for label in IDENTITY_LABELS if label in (carried or ())}
    if "labels" not in test.model_fields_set:
        labels |= _selected(test, carried or frozenset())
    return test.model_copy(
        update={
            "series": {
                _selector(text, identity, series): step for text, step in test.series.items()
            },
            "labels": {**labels, **test.labels},
        }
    )


def _selected(test: AlertTest, carried: frozenset[str]) -> dict[str, str]:
    """Return the labels of the alert that the series select by equality; the first one wins."""
    found: dict[str, str] = {}
    for text in test.series:
        try:
            chosen = selectors(parse(text))
        except ValueError:
            continue
        for matching in (m for selector in chosen for m in selector.matchers.matchers):
            if matching.op == MatchOp.Equal and matching.name in carried:
                found.setdefault(matching.name, matching.value)
    return found


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
