"""The policy engine: five policies, evaluated in order, until one denies."""

from __future__ import annotations

import logging
import re
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from gateway import catalog

log = logging.getLogger("ims.policy")
Decision = Literal["allow", "redact", "deny"]

# USD that a team may spend; teams not named here have the default.
BUDGETS_USD = {"trial": 0.0}
DEFAULT_BUDGET_USD = 1_000.0
_INJECTIONS = re.compile(r"(?i)ignore (all |any )?(previous|prior) instructions|reveal your prompt")
_UNSAFE = re.compile(r"(?i)\b(build a bomb|credit card dump|malware for me)\b")
_PERSONAL = re.compile(
    r"[\w.+-]+@[\w-]+\.[\w.]+"  # e-mail address
    r"|\b\d{3}-\d{2}-\d{4}\b"  # social security number
    r"|\b(?:\d[ -]?){15}\d\b"  # card number
)


@dataclass
class Subject:
    """What is evaluated. A policy that redacts changes `text`."""

    text: str
    model: str | None
    team: str
    estimated_usd: float


class Denied(Exception):
    """A policy said no."""

    def __init__(self, policy: str) -> None:
        super().__init__(f"denied by policy {policy}")
        self.policy = policy


class PolicyEngine:
    """Evaluates requests and remembers what each team has spent (estimates, USD)."""

    def __init__(self) -> None:
        self._spent: defaultdict[str, float] = defaultdict(float)
        self._policies: dict[str, Callable[[Subject], Decision]] = {
            "model_allowlist": _model_allowlist,
            "budget": self._budget,
            "prompt_injection": _prompt_injection,
            "content_safety": _content_safety,
            "pii": _pii,
        }

    def enforce(self, subject: Subject) -> None:
        """Evaluate the policies. Raises Denied at the first that denies."""
        for name, policy in self._policies.items():
            started = time.perf_counter()
            decision = policy(subject)
            log.info(
                "policy evaluated",
                extra={
                    "event": "policy_evaluated",
                    "policy": name,
                    "decision": decision,
                    "duration_seconds": time.perf_counter() - started,
                },
            )
            if decision == "deny":
                raise Denied(name)
        self._spent[subject.team] += subject.estimated_usd

    def _budget(self, subject: Subject) -> Decision:
        limit = BUDGETS_USD.get(subject.team, DEFAULT_BUDGET_USD)
        spent = self._spent.get(subject.team, 0.0)
        return "deny" if spent + subject.estimated_usd > limit else "allow"


def _model_allowlist(subject: Subject) -> Decision:
    known = subject.model is None or catalog.find(subject.model) is not None
    return "allow" if known else "deny"


def _prompt_injection(subject: Subject) -> Decision:
    return "deny" if _INJECTIONS.search(subject.text) else "allow"


def _content_safety(subject: Subject) -> Decision:
    return "deny" if _UNSAFE.search(subject.text) else "allow"


def _pii(subject: Subject) -> Decision:
    subject.text, found = _PERSONAL.subn("[redacted]", subject.text)
    return "redact" if found else "allow"
