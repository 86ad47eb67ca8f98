"""Regular expressions of a spec, run as the Collector, Prometheus and Loki run them: by RE2.

RE2 takes time linear in the text, whoever wrote expression and text. Python's ``re`` backtracks:
``(a+)+$`` on a text of sixty letters would keep it busy for years.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import accumulate
from typing import Any

import re2

# What other engines have and RE2 refuses, by what it calls it.
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
# Of Go's package regexp; the library here has no such limit.
_MOST_NESTED = 1000


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> Any:
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        reason = error.args[0] if error.args else "it does not parse"
        return reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)


def fault(pattern: str) -> str | None:
    """Return why RE2 refuses a pattern, or None when it does not."""
    # Escaped characters and classes hide what looks like an operator.
    bare = re.sub(r"\\[pP]\{[^}]*\}|\\[^1-9Z]", "x", pattern)
    bare = re.sub(r"\[\^?\]?[^\]]*\]", "x", bare)
    if max(accumulate((c == "(") - (c == ")") for c in bare), default=0) > _MOST_NESTED:
        return "its brackets nest too deep"
    # The library here takes it, Go's package regexp does not.
    if r"\C" in re.findall(r"\\.", pattern):
        return r"RE2 in Go has no \C; write . for any character"
    found = _compiled(pattern)
    if not isinstance(found, str):
        return None
    if found.startswith("invalid repetition size"):
        return f"RE2 repeats at most {_MOST_REPEATS} times"
    for operator, name in _FOREIGN.items():
        if re.search(operator, bare):
            return f"RE2 has no {name}"
    return found


def finds(pattern: str, text: str) -> bool:
    """Return whether a pattern is found anywhere in a text; False for one that RE2 refuses."""
    found = _compiled(pattern)
    return not isinstance(found, str) and found.search(text) is not None


def matches(pattern: str, text: str) -> bool:
    """Return whether a pattern matches a whole text; False for one that RE2 refuses."""
    found = _compiled(pattern)
    return not isinstance(found, str) and found.fullmatch(text) is not None
