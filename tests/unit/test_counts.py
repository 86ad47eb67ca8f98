"""What an anchored range counts (docs/adr/0017-anchored-counts.md). Judged by promtool.

Where Prometheus scraped a new series, it has written a 0 at the start time that the Collector
gave, so these series begin with 0.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from promtool import asked, check

pytestmark = pytest.mark.native

COUNT = "increase(calls_total[10m] anchored)"
# A sample each 15 s; asked at the 20th minute, sample 80.
CASES = {
    "nothing": ("7x100", 0),
    "one, in the first seconds of the range": ("7x40 8x60", 1),
    "one, just before the range": ("7x39 8x60", 0),
    "one, in the last seconds": ("7x79 8x20", 1),
    "a series that begins in the range": ("_x70 0 3 3x3 8x30", 8),
    "a series that began a scrape ago": ("_x79 0 8x20", 8),
    "the Collector starts anew": ("5x59 0 1 3x40", 3),
    "the Collector starts anew and counts as much as before": ("2x49 3x9 0 3x40", 1 + 3),
    "two starts anew": ("9x45 0 4x10 0 4x40", 4 + 4),
    "a series that ends": ("5x49 6x9 stale _x30", 1),
    "a series that ends and begins anew": ("5x49 7x9 stale _x9 0 2x30", 2 + 2),
    "scrapes that fail over the left end": ("5x35 _x10 6x50", 1),
    "scrapes that fail at the right end": ("5x49 6x20 _x20", 1),
    "Prometheus was away over the left end": ("5x24 _x28 8x5 9x50", 4),
    # The sample before is older than 5 minutes: what was counted since is missing.
    "Prometheus was long away over the left end": ("5x14 _x38 8x5 9x50", 1),
}


@pytest.mark.parametrize(("values", "counted"), CASES.values(), ids=CASES)
def test_count(values: str, counted: int, tmp_path: Path) -> None:
    check(tmp_path, {"calls_total": values}, [asked(COUNT, "20m", {"{}": counted})])


def test_ranges_that_follow_each_other_add_up_to_the_whole(tmp_path: Path) -> None:
    """However the ends lie between the scrapes, nothing is counted twice or left out."""
    values = "0 " + " ".join(f"{n}x6" for n in range(1, 40))
    parts = " + ".join(f"increase(calls_total[7m] anchored offset {7 * n}m)" for n in range(8))
    whole = "increase(calls_total[56m] anchored)"
    for second in (0, 1, 7, 14):
        at = f"60m{second}s"
        check(
            tmp_path,
            {"calls_total": values},
            [asked(f"{parts} - {whole}", at, {"{}": 0}), asked(f"{whole} > 30", at, {"{}": 32})],
        )


def test_without_it_one_thing_is_counted_as_more(tmp_path: Path) -> None:
    question = asked("increase(calls_total[10m])", "20m", {"{}": 600 / 585})
    check(tmp_path, {"calls_total": "7x50 8x50"}, [question])
