"""Label matchers of PromQL, LogQL and Alertmanager: any text is a value, none an operator."""

from __future__ import annotations

import re
from collections.abc import Mapping


def selector(name: str, matchers: Mapping[str, str | list[str]]) -> str:
    """Return ``name{label="value", other=~"one|two"}``; only the name without matchers."""
    inner = ", ".join(matcher(label, wanted) for label, wanted in matchers.items())
    return f"{name}{{{inner}}}" if inner else name


def matcher(label: str, wanted: str | list[str]) -> str:
    """Return the matcher of a label: equal to one text, or to one of several."""
    if isinstance(wanted, str):
        return f"{label}={quoted(wanted)}"
    return f"{label}=~{quoted('|'.join(regex_escaped(value) for value in wanted))}"


def regex_escaped(value: str) -> str:
    """Return an RE2 pattern that matches exactly this text."""
    return re.sub(r"([.\\+*?\[^\]$(){}|])", r"\\\1", value)


def quoted(value: str) -> str:
    """Return a string literal; the three languages escape as Go does."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + escaped.replace("\n", "\\n").replace("\t", "\\t") + '"'
