"""The state machine of alerts, held against Prometheus' own, evaluation by evaluation."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from imsobs.backtest.states import Episode, Evaluations, Timing, episodes

STEP = 15


def by_the_book(held: list[bool], timing: Timing) -> list[tuple[int, int | None, int | None]]:
    """Return (begin, fired, end) as AlertingRule.Eval of prometheus/rules/alerting.go does it."""
    found: list[tuple[int, int | None, int | None]] = []
    state, active, fired, without = "inactive", 0, None, None
    for number, holds in enumerate(held):
        now = number * STEP
        if holds:
            without = None
            if state == "inactive":
                state, active, fired = "pending", now, None
        elif state != "inactive":
            keeps = False
            if state == "firing" and timing.keep > 0:
                without = now if without is None else without
                keeps = now - without < timing.keep
            if not keeps:
                found.append((active, fired, now))
                state, without = "inactive", None
        if state == "pending" and now - active >= timing.hold:
            state, fired = "firing", now
    if state != "inactive":
        found.append((active, fired, None))
    return found


seconds = st.one_of(st.just(0), st.integers(1, 5 * STEP))


@given(st.lists(st.booleans(), min_size=1, max_size=60), seconds, seconds)
def test_every_state_is_that_of_prometheus(held: list[bool], hold: int, keep: int) -> None:
    when = Evaluations(0, (len(held) - 1) * STEP, STEP)
    samples = {(): [(number * STEP, 1.0) for number, holds in enumerate(held) if holds]}
    found = episodes(samples, Timing(hold, keep), when)
    assert [(one.begin, one.fired, one.end) for one in found] == by_the_book(
        held, Timing(hold, keep)
    )


def one(samples: list[tuple[int, float]], timing: Timing, **how: bool) -> Episode:
    (found,) = episodes({(("a", "b"),): samples}, timing, Evaluations(0, 600, STEP), **how)
    return found


def test_an_episode_has_its_labels_and_its_worst_value() -> None:
    samples = [(30, 3.0), (45, 9.0), (60, 5.0)]
    assert one(samples, Timing(30)) == Episode({"a": "b"}, 30, 60, 75, 9.0)
    assert one(samples, Timing(30), lowest=True).peak == 3.0


def test_what_is_kept_firing_is_one_episode_with_the_worst_of_all() -> None:
    samples = [(0, 1.0), (60, 7.0)]
    assert one(samples, Timing(keep=45)) == Episode({"a": "b"}, 0, 0, 120, 7.0)


def test_what_lasts_has_no_end() -> None:
    assert one([(585, 1.0), (600, 1.0)], Timing()).end is None
    # At the last evaluation it was gone.
    assert one([(585, 1.0)], Timing()).end == 600


def test_label_sets_are_apart_and_sorted_by_their_begin() -> None:
    samples = {(("a", "2"),): [(0, 1.0)], (("a", "1"),): [(0, 1.0), (30, 1.0)]}
    found = episodes(samples, Timing(), Evaluations(0, 600, STEP))
    assert [(one.begin, one.labels["a"]) for one in found] == [(0, "1"), (0, "2"), (30, "1")]
