"""Where a metric or an alert comes from, and what becomes of it, in terms of the spec's lines."""

from __future__ import annotations

from imsobs.compile import Compiled, render_model
from imsobs.errors import ExitCode, ImsobsError
from imsobs.explain import alert, metric, record
from imsobs.explain.explanation import Explanation
from imsobs.explain.rendered import lines_with
from imsobs.model import Model
from imsobs.problems import available

__all__ = ["Explanation", "explain"]


def explain(name: str, compiled: Compiled, model: Model) -> Explanation:
    """Return what is known of a metric, series, recorded series or alert.

    Raises ImsobsError (INPUT) with the nearest names for what is none of these.
    """
    document = compiled.document
    series = model.series.get(name)
    if name in model.alerts:
        found, words = alert.explained(model.alerts[name], model, document), {name}
    elif name in model.metrics or (series and series.metric in model.metrics):
        of = model.metrics[name if name in model.metrics else series.metric if series else name]
        found, words = metric.explained(of, model, document), metric.series_of(of, model)
    elif name in model.recorded:
        found, words = record.explained(name, model, document), {name}
    else:
        known = {*model.metrics, *model.series, *model.alerts}
        raise ImsobsError(
            f'"{name}" is no metric, series or alert of the spec',
            remedy=available(name, known),
            exit_code=ExitCode.INPUT,
        )
    return found.with_section("rendered", lines_with(words, render_model(model)))
