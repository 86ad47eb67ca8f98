"""Outcome of a span: success, error, or cancelled by the client.

A request that fails after its 2xx status line was sent is an error, although its status code
does not say so. One whose client disconnected is not, although its span may have status error.
"""

from __future__ import annotations

from typing import Any

from imsobs.model import conventions
from imsobs.outputs.collector.ottl import any_of, attribute, canonical, matches, set_to, text
from imsobs.spec.schema.signals import SpanSource

SUCCESS, ERROR, CANCELLED = "success", "error", "cancelled"
_FAILED = "span.status.code == STATUS_CODE_ERROR"
# What nginx logs, and some frameworks answer, when the client closed the request.
_CLIENT_CLOSED = 499
_STATUS_CODE = "^[1-5][0-9]{2}$"
_ERROR_TYPE = attribute("span", "error.type")
_EXCEPTION = attribute("span", conventions.EXCEPTION)


def exception_group() -> dict[str, Any]:
    """Return the statements that copy to each span the exception that was recorded on it."""
    kind = attribute("spanevent", "exception.type")
    return {
        "context": "spanevent",
        "conditions": ['spanevent.name == "exception"'],
        "statements": [set_to(_EXCEPTION, f"String({kind})", f"{kind} != nil")],
    }


def cancellation(path: str, patterns: list[str]) -> str:
    """Return the condition that a text says that the client disconnected or cancelled."""
    return matches(path, "|".join(f"(?:{pattern})" for pattern in patterns))


def outcome_statements(source: SpanSource) -> list[str]:
    """Return statements that set the outcome, and the status code that goes with it."""
    if not source.outcome and not source.status:
        return []
    outcome = attribute("span", conventions.OUTCOME)
    ways = [
        f"({path} != nil and {cancellation(path, source.cancelled)})"
        for path in (_ERROR_TYPE, _EXCEPTION, "span.status.message")
    ]
    gone = any_of([*ways, *([f"({source.cancelled_where})"] if source.cancelled_where else [])])
    statements = [set_to(outcome, text(SUCCESS))]
    if not source.status:
        statements.append(set_to(outcome, text(ERROR), _FAILED))
        failed = f'({outcome} == "{ERROR}" or {_ERROR_TYPE} != nil)'
        statements.append(set_to(outcome, text(CANCELLED), f"{failed} and {gone}"))
    else:
        statements += _request_statements(source.status, outcome, gone)
    # An instrumentation may record the exception as a span event only.
    statements.append(
        set_to(_ERROR_TYPE, _EXCEPTION, f'{_ERROR_TYPE} == nil and {outcome} == "{ERROR}"')
    )
    # A cancelled request is no error, so it has no error type.
    forget = f"delete_key(span.attributes, {text('error.type')})"
    statements.append(f'{forget} where {outcome} == "{CANCELLED}"')
    return statements


def _request_statements(status: list[str], outcome: str, gone: str) -> list[str]:
    code = attribute("span", status[0])
    refused = f"({code} != nil and {code} >= 400 and {code} < 500)"
    answered = f"({code} != nil and {code} >= 500)"
    failed = any_of((_FAILED, f"{_ERROR_TYPE} != nil", f"{_EXCEPTION} != nil", answered))
    is_error = f'{outcome} == "{ERROR}"'
    return [
        *canonical("span", status),
        set_to(code, f"Int({code})", f"not IsInt({code}) and {matches(code, _STATUS_CODE)}"),
        # A 4xx is the client's error, even if an exception was recorded.
        set_to(outcome, text(ERROR), f"{failed} and not {refused}"),
        set_to(outcome, text(CANCELLED), f"{is_error} and not {answered} and {gone}"),
        set_to(outcome, text(CANCELLED), f"{code} == {_CLIENT_CLOSED}"),
        # The response broke off after a good status line, or none was sent.
        set_to(code, "500", f"{is_error} and not {answered}"),
    ]
