"""Facts: what an alert's description ends with, read from recorded series when it is sent.

Prometheus expands annotations with ``query``, so a fact needs no second tool
(https://prometheus.io/docs/prometheus/latest/configuration/template_reference/#queries).
"""

from __future__ import annotations

from collections.abc import Sequence

from imsobs.model import conventions
from imsobs.model.notification import amount
from imsobs.model.rules import number
from imsobs.promql.series import Series
from imsobs.spec.schema.alerting import Fact


def facts_template(
    facts: Sequence[Fact], carried: frozenset[str] | None, series: dict[str, Series]
) -> str:
    """Return the sentences as Prometheus' template, each after a space; nothing without values.

    carried: labels of the alert, by which the series are selected as far as they have them.
    """
    return "".join(_sentence(fact, carried or frozenset(), series) for fact in facts)


def _sentence(fact: Fact, carried: frozenset[str], series: dict[str, Series]) -> str:
    known = series.get(fact.series)
    has = {*(known.labels if known else ()), *conventions.IDENTITY_LABELS}
    chosen = sorted((carried & has) - {fact.label})
    matchers = ",".join(f"{label}=%q" for label in chosen)
    query = f"{fact.series}{{{matchers}}}"
    if fact.least is not None:
        query += f" > {number(fact.least)}"
    # Quoted with backticks: %q writes the label's value as PromQL reads it, whatever is in it.
    call = f"printf `{query}` {' '.join(f'$labels.{label}' for label in chosen)}".rstrip()
    return (
        f"{{{{ with query ({call}) }}}} {fact.title}:"
        f" {{{{ range $index, $sample := . | sortByLabel `{fact.label}` }}}}"
        f"{{{{ if $index }}}}, {{{{ end }}}}{{{{ $sample.Labels.{fact.label} }}}}"
        f" {amount('$sample.Value', fact.unit)}{{{{ end }}}}.{{{{ end }}}}"
    )
