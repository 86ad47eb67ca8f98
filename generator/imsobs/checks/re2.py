"""Patterns that the Collector compiles: RE2, which has no look-around and no references."""

from __future__ import annotations

import re

# What Python's expressions have and RE2 refuses.
_FOREIGN = {
    r"\(\?[=!]": "look-ahead",
    r"\(\?<[=!]": "look-behind",
    r"\(\?P=": "reference to a group",
    r"\(\?>": "atomic group",
    r"\(\?\(": "condition",
    r"\(\?#": "comment",
    r"\\[1-9]": "reference to a group",
    r"\\Z": r"\Z (write \z or $)",
    r"[*+?}]\+": "possessive quantifier",
}
_MOST_REPEATS = 1000


def fault(pattern: str) -> str | None:
    """Return why RE2 would refuse a pattern, or None when it would not."""
    # Escaped characters and classes hide what looks like an operator.
    bare = re.sub(r"\\[^1-9Z]", "x", pattern)
    bare = re.sub(r"\[\^?\]?[^\]]*\]", "x", bare)
    for operator, name in _FOREIGN.items():
        if re.search(operator, bare):
            return f"RE2 has no {name}"
    for repeats in re.findall(r"\{(\d+)(?:,(\d*))?\}", bare):
        if any(int(number) > _MOST_REPEATS for number in repeats if number):
            return f"RE2 repeats at most {_MOST_REPEATS} times"
    try:
        re.compile(pattern)
    except re.error as error:
        return str(error)
    except RecursionError:
        return "its brackets nest too deep"
    return None
