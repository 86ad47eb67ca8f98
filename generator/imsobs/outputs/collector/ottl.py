"""OTTL written from data: literals, conditions and label statements.

Everything that a spec's author can type enters a statement through ``text`` (a quoted
literal), so that no value can end a statement or start another.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from imsobs.expressions import finds
from imsobs.model import conventions
from imsobs.model.labels import ResolvedLabel, exact
from imsobs.model.metrics import ResolvedMetric
from imsobs.model.routes import below
from imsobs.outputs.references import Joined, Reference, join
from imsobs.redaction.beginnings import any_key

# Attributes with the status code of an HTTP answer, new and old.
_STATUS = ("http.response.status_code", "http.status_code")
# Of log records, from TRACE to FATAL4.
_SEVERITIES = range(1, 25)


def transform(**statements: list[dict[str, Any]]) -> dict[str, Any]:
    """Return a transform processor: ``trace_statements``, ``log_statements``, ...

    A statement that fails on a signal is skipped for it; the others still apply.
    """
    return {"error_mode": "ignore", **statements}


def text(value: str) -> str:
    """Return an OTTL string literal."""
    return f'"{_escaped(value)}"'


def quoted(*parts: str | Reference) -> Joined:
    """Return an OTTL string literal that holds references; their values enter it as they are."""
    inner = (_escaped(part) if isinstance(part, str) else part for part in parts)
    return join('"', *inner, '"')


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def decimal(value: float) -> str:
    """Return an OTTL number, digit for digit: OTTL has no exponents (1e-05)."""
    return format(Decimal(repr(float(value))), "f")


def attribute(context: str, key: str) -> str:
    """Return the path of an attribute: ``span.attributes["vendor"]``."""
    return f"{context}.attributes[{text(key)}]"


def set_to(target: str, value: str, where: str | None = None) -> str:
    """Return a ``set`` statement."""
    return f"set({target}, {value})" + (f" where {where}" if where else "")


def renamed(metric: ResolvedMetric) -> list[str]:
    """Return the statements that make a metric one of the spec's, whose unit is in its name."""
    return [
        set_to("metric.name", text(metric.exposed)),
        set_to("metric.description", text(metric.description)),
        set_to("metric.unit", text("")),
    ]


def matches(path: str, pattern: str) -> str:
    """Return the condition that a text matches an RE2 pattern."""
    return f"IsMatch({path}, {text(pattern)})"


def in_scopes(context: str, scopes: list[str]) -> str:
    """Return the condition that a scope is one of these; ``*`` matches the rest.

    context: how the scope is called there, ``scope`` or ``instrumentation_scope``.
    """
    whole = [scope for scope in scopes if not scope.endswith("*")]
    starts = [scope.removesuffix("*") for scope in scopes if scope.endswith("*")]
    patterns = [exact(whole)] if whole else []
    patterns += [exact([start]).removesuffix("$") for start in starts]
    return any_of(matches(f"{context}.name", pattern) for pattern in patterns)


def any_of(conditions: Iterable[str]) -> str:
    """Return the disjunction of conditions, in parentheses when there are several."""
    parts = list(conditions)
    return parts[0] if len(parts) == 1 else "(" + " or ".join(parts) + ")"


def is_number(path: str) -> str:
    """Return the condition that a value is a number."""
    return f"(IsInt({path}) or IsDouble({path}))"


def is_measurement(path: str, largest: float, whole: bool = False) -> str:
    """Return the condition that a value is a number from 0 to a largest one.

    Neither infinity nor NaN is: both comparisons are false for NaN (compareFloat64 in
    pkg/ottl/compare.go compares as Go does). Text and booleans are no numbers, whatever they
    say. whole: integers only.
    """
    kind = f"IsInt({path})" if whole else is_number(path)
    return f"({kind} and {path} >= 0 and {path} <= {decimal(largest)})"


def forget_marks(context: str) -> str:
    """Return the statement that drops what only the derivation itself may set."""
    pattern = "^" + conventions.MARKS.replace(".", r"\.")
    return f"delete_matching_keys({context}.attributes, {text(pattern)})"


def constant_labels(labels: Iterable[str]) -> list[str]:
    """Return the data point statements that name the labels whose value a definition gives."""
    marks = {label: attribute("datapoint", conventions.constant_mark(label)) for label in labels}
    return [
        set_to(attribute("datapoint", label), mark, f"{mark} != nil")
        for label, mark in marks.items()
    ]


def canonical(context: str, keys: tuple[str, ...] | list[str]) -> list[str]:
    """Return statements that copy the first present of ``keys`` onto the first of them."""
    first = attribute(context, keys[0])
    return [
        set_to(
            first, attribute(context, key), f"{first} == nil and {attribute(context, key)} != nil"
        )
        for key in keys[1:]
    ]


def normalize_label(label: ResolvedLabel, context: str, attributes: tuple[str, ...]) -> list[str]:
    """Return statements that set a label to one of its allowed values, whatever came in.

    attributes: where the raw text is read from; the first that is there and has a value of
    the label wins, else the last that is there. The first pattern that matches wins too, hence
    the reversed order: the last ``set`` decides.
    """
    # The cache holds nothing but raw texts: found sooner than among a signal's attributes.
    raw, target = f"{context}.cache[{text(label.name)}]", attribute(context, label.name)
    sources = [attribute(context, key) for key in attributes]
    sources += [f"resource.attributes[{text(key)}]" for key in label.resource_attributes]
    statements = []
    by_number = label.intrinsic == "log.severity_number" and context == "log"
    if by_number and not sources and not label.first_word and "*" not in label.matches:
        return _severity_statements(label, target)
    if label.intrinsic == "span.name" and context == "span":
        statements.append(set_to(raw, 'Split(span.name, " ")[0]'))
    if by_number:
        statements.append(
            set_to(raw, "String(Int(log.severity_number))", "log.severity_number != 0")
        )
    known = any_key([*label.matches.values()])
    for place, source in enumerate(reversed(sources)):
        # The last is taken as it is: nothing is better.
        free = f" and ({raw} == nil or {matches(source, known)})" if place else ""
        statements.append(set_to(raw, f"String({source})", f"{source} != nil{free}"))
    if context == "span":
        statements += _route_statements(label, raw)
    statements += _shape_statements(label, raw)
    statements.append(set_to(target, text(label.overflow)))
    statements.append(set_to(target, text(label.missing), f"{raw} == nil"))
    statements += _value_statements(label, raw, target)
    if context in ("span", "log"):
        overflowed = f"{target} == {text(label.overflow)} and {raw} != nil"
        mark = attribute(context, conventions.overflow_mark(label.name))
        statements.append(set_to(mark, "true", overflowed))
    return statements


def _severity_statements(label: ResolvedLabel, target: str) -> list[str]:
    """Return statements that set a label by the number of a record's severity.

    There are 24, so what each means is known here, and the Collector compares numbers instead of
    searching texts.
    """
    number = "log.severity_number"
    statements = [
        set_to(target, text(label.overflow)),
        set_to(target, text(label.missing), f"{number} == 0"),
    ]
    for value, run in itertools.groupby(_SEVERITIES, key=lambda one: _meaning(label, one)):
        numbers = list(run)
        within = f"{number} >= {numbers[0]} and {number} <= {numbers[-1]}"
        if value is not None:
            statements.append(set_to(target, text(value), within))
    mark = attribute("log", conventions.overflow_mark(label.name))
    other = f"{target} == {text(label.overflow)} and {number} != 0"
    return [*statements, set_to(mark, "true", other)]


def _meaning(label: ResolvedLabel, severity: int) -> str | None:
    """Return the value of a label that a severity means, if it means one."""
    fits = (value for value, pattern in label.matches.items() if finds(pattern, str(severity)))
    return next(fits, None)


def _route_statements(label: ResolvedLabel, raw: str) -> list[str]:
    """Return statements that find the template by the path, where no template is there.

    Paths come from outside: what no template fits stays what it was.
    """
    if label.routes is None:
        return []
    routes, path = label.routes, f"span.cache[{text(label.name + '.path')}]"
    wanted = f"{raw} == nil or {matches(raw, exact(list(routes.mounts)))}"
    # Old conventions put the query behind the path.
    statements = [
        set_to(path, f'Split(String({source}), "?")[0]', f"{source} != nil and ({wanted})")
        for source in reversed([attribute("span", key) for key in label.paths])
    ]
    here = f"{path} != nil"
    # A mount that is a template, too: what lies below it is another, and other where none fits.
    for mount in [template for template in routes.static if template in routes.mounts]:
        deeper = matches(path, exact([mount + "/"]).removesuffix("$") + ".")
        under = f"{here} and {raw} == {text(mount)} and {deeper}"
        statements.append(set_to(raw, text(below(mount)), under))
    # The first template that fits wins, hence the reversed order.
    for template, pattern in reversed(routes.patterns.items()):
        statements.append(set_to(raw, text(template), f"{here} and {matches(path, pattern)}"))
    if routes.static:
        fits = matches(path, exact(list(routes.static)))
        statements.append(set_to(raw, path, f"{here} and {fits}"))
    # Below a mount, what was not found there has no template, as it has none elsewhere.
    found = matches(raw, exact([*routes.static, *routes.patterns]))
    lost = " or ".join(f"{attribute('span', key)} == 404" for key in _STATUS)
    forget = f"delete_key(span.cache, {text(label.name)})"
    statements.append(f"{forget} where {here} and ({lost}) and not {found}")
    return statements


def _shape_statements(label: ResolvedLabel, raw: str) -> list[str]:
    statements = []
    if label.first_word:
        pattern = text(r"^\s*([A-Za-z_]+)(?s:.*)$")
        statements.append(f'replace_pattern({raw}, {pattern}, "$1") where {raw} != nil')
    if label.case is not None:
        change = {"upper": "ToUpperCase", "lower": "ToLowerCase"}[label.case]
        statements.append(set_to(raw, f"{change}({raw})", f"{raw} != nil"))
    return statements


def _value_statements(label: ResolvedLabel, raw: str, target: str) -> list[str]:
    itself = [value for value, pattern in label.matches.items() if pattern == exact([value])]
    statements = []
    if itself:
        # One regular expression for all values that stand for themselves.
        statements.append(set_to(target, raw, matches(raw, exact(itself))))
    for value, pattern in reversed(label.matches.items()):
        if value not in itself:
            kept = raw if value == "*" else text(value)
            statements.append(set_to(target, kept, matches(raw, pattern)))
    return statements
