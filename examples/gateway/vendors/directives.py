"""What a prompt makes the stub vendors do.

A prompt may hold one directive: `[stub id=42 openai=rate_limit*1 out=30 cached=100]`.
Faults are per vendor (`openai=`, `anthropic=`, `google=`): `rate_limit`, `server_error`,
`overloaded`, `bad_request`, `authentication`, `timeout`. `*N` makes only the first N calls with
this `id` fail. Numbers: `in` and `out` (tokens), `cached` and `cache_write` (tokens
of the prompt), `reasoning` (tokens of the answer), `slow_ms`, and of streams `pause_ms` (before
each word) and `break_after` (words, after which the connection breaks).

The directive rides in the prompt because that is the one thing the gateway passes on
unchanged; a counter on the server would race between concurrent requests.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field

VENDORS = ("openai", "anthropic", "google")
FAULTS = (
    "rate_limit",
    "server_error",
    "overloaded",
    "bad_request",
    "authentication",
    "timeout",
)
_DIRECTIVE = re.compile(r"\[stub ([^\]]*)\]")
_DEFAULT_OUTPUT_TOKENS = 20
_NUMBERS = ("in", "out", "cached", "cache_write", "reasoning", "slow_ms", "pause_ms", "break_after")


@dataclass(frozen=True)
class Directive:
    """A parsed directive. Tokens are counts, `slow_ms` is milliseconds."""

    id: str = ""
    faults: dict[str, tuple[str, int | None]] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)

    def tokens(self, prompt: str) -> TokenCounts:
        """Tokens that a call with this prompt uses, whatever the vendor."""
        cached = self.numbers.get("cached", 0)
        written = self.numbers.get("cache_write", 0)
        total = self.numbers.get("in", len(prompt.split()) + cached + written)
        return TokenCounts(
            input=total,
            output=self.numbers.get("out", _DEFAULT_OUTPUT_TOKENS),
            cached=cached,
            cache_write=written,
            reasoning=self.numbers.get("reasoning", 0),
        )


@dataclass(frozen=True)
class TokenCounts:
    """Tokens of one call: `input` includes cached and written, `output` includes reasoning."""

    input: int
    output: int
    cached: int = 0
    cache_write: int = 0
    reasoning: int = 0


def parse(prompt: str) -> Directive:
    """Read the directive of a prompt; without one, everything is at its default.

    Raises ValueError for an unknown key or fault, so that a typo in a test is seen.
    """
    match = _DIRECTIVE.search(prompt)
    if match is None:
        return Directive()
    identity = ""
    faults: dict[str, tuple[str, int | None]] = {}
    numbers: dict[str, int] = {}
    for item in match.group(1).split():
        key, _, value = item.partition("=")
        if key == "id":
            identity = value
        elif key in VENDORS:
            name, _, times = value.partition("*")
            if name not in FAULTS:
                raise ValueError(f"unknown fault {name!r}; available: {', '.join(FAULTS)}")
            faults[key] = (name, int(times) if times else None)
        elif key in _NUMBERS:
            numbers[key] = int(value)
        else:
            raise ValueError(f"unknown key {key!r} in directive {match.group(0)}")
    return Directive(id=identity, faults=faults, numbers=numbers)


class FaultBook:
    """Decides, per vendor, which call fails: by directive first, then by control."""

    def __init__(self) -> None:
        self._seen: Counter[tuple[str, str]] = Counter()
        self._control: dict[tuple[str, str | None], tuple[str, int | None]] = {}
        self.calls: Counter[str] = Counter()

    def control(
        self, vendor: str, fault: str | None, count: int | None, model: str | None = None
    ) -> None:
        """Make the next `count` calls of a vendor fail; None: until set otherwise.

        model: only calls of this model. A fault of None clears it. Raises ValueError for unknown
        names.
        """
        if vendor not in VENDORS:
            raise ValueError(f"unknown vendor {vendor!r}; available: {', '.join(VENDORS)}")
        if fault is None:
            self._control.pop((vendor, model), None)
        elif fault in FAULTS:
            self._control[vendor, model] = (fault, count)
        else:
            raise ValueError(f"unknown fault {fault!r}; available: {', '.join(FAULTS)}")

    def next_fault(self, vendor: str, directive: Directive, model: str | None = None) -> str | None:
        """Fault for the call that is being answered, or None."""
        self.calls[vendor] += 1
        if vendor in directive.faults:
            fault, times = directive.faults[vendor]
            self._seen[vendor, directive.id] += 1
            if times is None or self._seen[vendor, directive.id] <= times:
                return fault
            return None
        for key in ((vendor, model), (vendor, None)):
            if key in self._control:
                fault, left = self._control[key]
                if left == 1:
                    del self._control[key]
                elif left is not None:
                    self._control[key] = (fault, left - 1)
                return fault
        return None
