"""Label matchers of PromQL, LogQL and Alertmanager: any text is a value, none an operator."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping


def selector(
    name: str,
    matchers: Mapping[str, str | list[str]],
    apart: Mapping[str, Iterable[str]] | None = None,
) -> str:
    """Return ``name{label="value", other=~"one|two"}``; only the name without matchers.

    apart: label -> values that are left out, unless the label is matched already.
    """
    chosen = [matcher(label, wanted) for label, wanted in matchers.items()]
    for label, values in (apart or {}).items():
        if label not in matchers:
            chosen.append(excluding(label, values))
    return f"{name}{{{', '.join(chosen)}}}" if chosen else name


def matcher(label: str, wanted: str | list[str]) -> str:
    """Return the matcher of a label: equal to one text, or to one of several."""
    if isinstance(wanted, str):
        return f"{label}={quoted(wanted)}"
    return f"{label}=~{quoted('|'.join(regex_escaped(value) for value in wanted))}"


def excluding(label: str, texts: Iterable[str]) -> str:
    """Return the matcher of a label that is none of these texts; a last ``*`` is any rest."""
    return f"{label}!~{quoted('|'.join(_pattern(text) for text in texts))}"


def is_one_of(value: str, texts: Iterable[str]) -> bool:
    """Return whether a value is one of these texts; a last ``*`` is any rest."""
    return any(re.fullmatch(_pattern(text), value, re.DOTALL) for text in texts)


def _pattern(text: str) -> str:
    return regex_escaped(text[:-1]) + ".*" if text.endswith("*") else regex_escaped(text)


def regex_escaped(value: str) -> str:
    """Return an RE2 pattern that matches exactly this text."""
    return re.sub(r"([.\\+*?\[^\]$(){}|])", r"\\\1", value)


def quoted(value: str) -> str:
    """Return a string literal; the three languages escape as Go does."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + escaped.replace("\n", "\\n").replace("\t", "\\t") + '"'
