"""Scopes that spans came from, sources that took none, and what to write for the rest."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from imsobs.dialects import dialects
from imsobs.model import Model, conventions
from imsobs.model.kinds import pipeline, span
from imsobs.runtime.livecheck.window import Window


@dataclass(frozen=True)
class Scope:
    """Spans of one scope. taken: source -> how many; line: of the spec, to take the others."""

    name: str
    taken: dict[str, int]
    untaken: int
    line: str = ""


@dataclass(frozen=True)
class Unmatched:
    """A source that took no span, and the metrics that are counted from it alone."""

    source: str
    metrics: tuple[str, ...]


def scopes(model: Model, window: Window, service: str | None = None) -> list[Scope]:
    """Return what came in by scope; empty where the spec has no metric of that.

    service: only what this one sent.
    """
    taken: defaultdict[str, dict[str, int]] = defaultdict(dict)
    who = f'{conventions.SERVICE_NAME}="{service}"' if service is not None else ""
    for metric in pipeline.KIND.received(model):
        for one in window.counted(metric.name, list(metric.labels), who):
            scope = one.labels.get(conventions.SCOPE, "")
            taken[scope][one.labels.get(conventions.TAKEN_BY, "")] = round(one.count)
    return [_scope(name, by, model) for name, by in sorted(taken.items())]


def unmatched(model: Model, found: Sequence[Scope]) -> Iterator[Unmatched]:
    """Yield the sources that took none of the spans that came in."""
    if not pipeline.KIND.received(model):
        return
    took = {source for scope in found for source in scope.taken}
    for source in model.spec.sources:
        if source not in took:
            metrics = [
                metric.name for metric in span.KIND.metrics(model) if metric.sources == (source,)
            ]
            yield Unmatched(source, tuple(metrics))


def _scope(name: str, by: dict[str, int], model: Model) -> Scope:
    taken = {source: count for source, count in by.items() if source in model.spec.sources}
    untaken = sum(by.values()) - sum(taken.values())
    unknown = {model.labels[conventions.SCOPE].missing, model.labels[conventions.SCOPE].overflow}
    return Scope(name, taken, untaken, "" if taken or name in unknown else _line(name, model))


def _line(scope: str, model: Model) -> str:
    """Return what takes a scope's spans: a dialect where one is known, else an own source."""
    dialect = next(
        (name for name, one in dialects().items() if any(_fits(scope, s) for s in one.scopes)), None
    )
    sources = model.spec.sources
    if dialect is None:
        where = f'{{description: ..., kind: ..., scopes: ["{scope}"]}}'
        return f"sources: {{{_free(scope, model)}: {where}}}"
    for name, source in sources.items():
        if source.dialects and dialect not in source.dialects:
            known = ", ".join([*source.dialects, dialect])
            return f"sources: {{{name}: {{dialects: [{known}]}}}}"
    if any(dialect in source.dialects for source in sources.values()):
        # It is taken where a span is a call, and none of these was.
        return ""
    return f"sources: {{model_call: {{description: ..., dialects: [{dialect}]}}}}"


def _fits(scope: str, pattern: str) -> bool:
    if pattern.endswith("*"):
        return scope.startswith(pattern.removesuffix("*"))
    return scope == pattern


def _free(scope: str, model: Model) -> str:
    """Return a name for a source of a scope that the spec does not have yet."""
    words = "".join(c if c.isascii() and c.isalnum() else " " for c in scope.lower()).split()
    name = words[-1] if words and words[-1][0].isalpha() else "other_spans"
    return name if name not in model.spec.sources else f"{name}_spans"
