"""The rules that Prometheus runs, by its API, and what differs between two sets of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from imsobs.runtime.loopback import json_of


@dataclass(frozen=True)
class Rule:
    """One rule. held, kept: seconds of ``for`` and ``keep_firing_for``; ill: its last error."""

    group: str
    name: str
    alert: bool
    expr: str
    held: float
    kept: float
    labels: tuple[tuple[str, str], ...]
    annotations: tuple[tuple[str, str], ...]
    ill: str = ""


def running_rules(client: httpx.Client, base: str) -> list[Rule] | None:
    """Return the rules that Prometheus at ``base`` runs; None when it does not answer."""
    try:
        answer = client.get(f"{base.rstrip('/')}/api/v1/rules")
        groups = json_of(answer)["data"]["groups"] if answer.is_success else None
    except (httpx.HTTPError, ValueError, KeyError):
        return None
    if groups is None:
        return None
    return [_rule(group["name"], rule) for group in groups for rule in group["rules"]]


def _rule(group: str, rule: Mapping[str, Any]) -> Rule:
    return Rule(
        group,
        rule["name"],
        rule["type"] == "alerting",
        rule["query"],
        float(rule.get("duration", 0)),
        float(rule.get("keepFiringFor", 0)),
        tuple(sorted(rule.get("labels", {}).items())),
        tuple(sorted(rule.get("annotations", {}).items())),
        rule.get("lastError", ""),
    )


@dataclass(frozen=True)
class RuleChange:
    """One rule that differs. how: "added", "removed", or what of it differs, in words."""

    name: str
    alert: bool
    how: str

    @property
    def line(self) -> str:
        """Return ``alert CriticalErrorRate: expression``."""
        return f"{'alert' if self.alert else 'recording rule'} {self.name}: {self.how}"


def _by_name(rules: Iterable[Rule]) -> dict[tuple[bool, str], list[Rule]]:
    found: dict[tuple[bool, str], list[Rule]] = {}
    for rule in sorted(rules, key=lambda rule: (rule.group, rule.labels, rule.expr)):
        found.setdefault((rule.alert, rule.name), []).append(rule)
    return found


def _pair(old: Rule, new: Rule) -> str:
    changes = []
    if old.expr != new.expr:
        changes.append(f"expression {old.expr} becomes {new.expr}")
    if old.held != new.held:
        changes.append(f"for {old.held:g}s becomes {new.held:g}s")
    if old.kept != new.kept:
        changes.append(f"keep_firing_for {old.kept:g}s becomes {new.kept:g}s")
    for what, was, now in (
        ("label", dict(old.labels), dict(new.labels)),
        ("annotation", dict(old.annotations), dict(new.annotations)),
    ):
        names = [name for name in sorted({*was, *now}) if was.get(name) != now.get(name)]
        if names:
            changes.append(f"{what} {', '.join(names)}")
    return "; ".join(changes)


def difference(before: Iterable[Rule], after: Iterable[Rule]) -> list[RuleChange]:
    """Return what became of the rules, sorted by name; groups alone are no difference."""
    old, new = _by_name(before), _by_name(after)
    found = []
    for key in sorted({*old, *new}, key=lambda key: key[1]):
        were, are = old.get(key, []), new.get(key, [])
        pairs = [how for was, now in zip(were, are, strict=False) if (how := _pair(was, now))]
        if len(are) > len(were):
            pairs.append("added")
        elif len(were) > len(are):
            pairs.append("removed")
        found += [RuleChange(key[1], key[0], how) for how in pairs]
    return found
