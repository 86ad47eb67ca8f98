"""Shares: no value while idle, and right when one side never counted. Judged by promtool."""

from __future__ import annotations

from pathlib import Path

import pytest
from promtool import asked, check

from imsobs.model.ratios import expression
from imsobs.spec.schema.queries import RatioOf

ERRORS = RatioOf(part="calls_total", where={"outcome": "error"})
HITS = RatioOf(part="hits_total", of=["hits_total", "misses_total"])
DECIDED = RatioOf(
    part="calls_total", where={"outcome": "success"}, among={"outcome": ["success", "error"]}
)
OF_ANOTHER = RatioOf(part="cached_total", of="tokens_total")

# At the 15th minute, of a window of 5: 15 s between samples.
BUSY, BEFORE, SINCE, NEVER = "0+1x100", "0+1x20 20x100", "0x44 0+1x100", None


def series(name: str, values: str | None, **labels: str) -> dict[str, str]:
    text = ",".join(f'{key}="{value}"' for key, value in {"service_name": "a", **labels}.items())
    return {} if values is None else {f"{name}{{{text}}}": values}


@pytest.mark.native
@pytest.mark.parametrize(
    ("ratio", "parts", "share"),
    [
        (ERRORS, {"calls_total/error": BUSY, "calls_total/success": BUSY}, 0.5),
        (ERRORS, {"calls_total/error": NEVER, "calls_total/success": BUSY}, 0),
        (ERRORS, {"calls_total/error": BUSY, "calls_total/success": NEVER}, 1),
        (ERRORS, {"calls_total/error": BEFORE, "calls_total/success": BUSY}, 0),
        (ERRORS, {"calls_total/error": BUSY, "calls_total/success": BEFORE}, 1),
        (ERRORS, {"calls_total/error": BEFORE, "calls_total/success": BEFORE}, None),
        (ERRORS, {"calls_total/error": NEVER, "calls_total/success": BEFORE}, None),
        (ERRORS, {"calls_total/error": BEFORE, "calls_total/success": NEVER}, None),
        (ERRORS, {}, None),
        # One of three: what is shown is a third, however the samples lie in the window.
        (
            ERRORS,
            {"calls_total/error": "_x45 0 1x100", "calls_total/success": "0x45 1 2x100"},
            1 / 3,
        ),
        # The counters start anew in the middle of the window.
        (
            ERRORS,
            {"calls_total/error": "7x45 0 1 2x100", "calls_total/success": "9x45 0 1 6x100"},
            0.25,
        ),
        (HITS, {"hits_total": BUSY, "misses_total": BUSY}, 0.5),
        (HITS, {"hits_total": BUSY, "misses_total": NEVER}, 1),
        (HITS, {"hits_total": NEVER, "misses_total": BUSY}, 0),
        (HITS, {"hits_total": BEFORE, "misses_total": BUSY}, 0),
        (HITS, {"hits_total": BUSY, "misses_total": BEFORE}, 1),
        (HITS, {"hits_total": BEFORE, "misses_total": NEVER}, None),
        (HITS, {"hits_total": NEVER, "misses_total": BEFORE}, None),
        (HITS, {"hits_total": BEFORE, "misses_total": BEFORE}, None),
        (DECIDED, {"calls_total/success": BUSY, "calls_total/cancelled": BUSY}, 1),
        (DECIDED, {"calls_total/error": BUSY, "calls_total/cancelled": BUSY}, 0),
        (DECIDED, {"calls_total/success": BEFORE, "calls_total/cancelled": BUSY}, None),
        (DECIDED, {"calls_total/cancelled": BUSY}, None),
        (OF_ANOTHER, {"cached_total": NEVER, "tokens_total": BUSY}, 0),
        (OF_ANOTHER, {"cached_total": BUSY, "tokens_total": NEVER}, None),
        (OF_ANOTHER, {"cached_total": BUSY, "tokens_total": BEFORE}, None),
    ],
)
def test_share(
    ratio: RatioOf, parts: dict[str, str | None], share: float | None, tmp_path: Path
) -> None:
    loaded: dict[str, str] = {}
    for key, values in parts.items():
        name, _, outcome = key.partition("/")
        loaded |= series(name, values, **({"outcome": outcome} if outcome else {}))
    samples = {} if share is None else {'{service_name="a"}': share}
    check(tmp_path, loaded, [asked(expression(ratio, []), "15m", samples)])


@pytest.mark.native
def test_shares_of_different_labels_do_not_meet(tmp_path: Path) -> None:
    """One model fails, one never does, one is idle, and another service has the same models."""
    loaded = {
        **series("calls_total", BUSY, model="x", outcome="error"),
        **series("calls_total", BUSY, model="y", outcome="success"),
        **series("calls_total", BEFORE, model="z", outcome="success"),
        **series("calls_total", BUSY, model="x", outcome="success", service_name="b"),
    }
    samples = {
        '{service_name="a", model="x"}': 1,
        '{service_name="a", model="y"}': 0,
        '{service_name="b", model="x"}': 0,
    }
    check(tmp_path, loaded, [asked(expression(ERRORS, ["model"]), "15m", samples)])


def test_label_values_are_text_and_no_pattern() -> None:
    given = RatioOf(part="calls_total", where={"model": ["a.b", 'c"']})
    assert 'calls_total{model=~"a\\\\.b|c\\""}[5m] anchored' in expression(given, [])
