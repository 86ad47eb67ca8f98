"""Plan: the model to pages, data only. One module per product, each ``plan(model)``.

Stage 5 of load -> parse -> resolve -> check -> plan -> render. What a target needs escaped
is escaped here, once, in that target's plan. What starts the Collector is planned from its plan.
"""

from __future__ import annotations

from collections.abc import Iterator

from imsobs.model import Model
from imsobs.pages import Page


def plan_all(model: Model) -> Iterator[Page]:
    """Yield every page of every output."""
    # Imported here: they import this package, and only a rendering needs all of them.
    from imsobs.outputs import alertmanager, collector, grafana, kubernetes, stack
    from imsobs.outputs.app import sdk
    from imsobs.outputs.docs import estimate, prices, redaction, reference, runbooks
    from imsobs.outputs.prometheus import anomaly_tests, rule_tests, rules

    collected = collector.plan(model)
    yield collected.config
    yield collected.builder
    yield from stack.plan(model, collected)
    for output in (
        sdk,
        rules,
        rule_tests,
        anomaly_tests,
        alertmanager,
        grafana,
        reference,
        prices,
        redaction,
        estimate,
        runbooks,
        kubernetes,
    ):
        yield from output.plan(model)
