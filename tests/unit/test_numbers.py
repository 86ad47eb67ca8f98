"""Numbers: bounds as Prometheus writes them, largest values by unit."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imsobs.compile import read_spec
from imsobs.model.conventions import bucket_bound
from imsobs.model.numbers import faulty_values, largest_of, span_measures

SPEC = Path(__file__).resolve().parents[2] / "spec" / "ims.yaml"
# From Go 1.26: strconv.FormatFloat(bound, 'g', -1, 64), and .0 where it has neither . nor e.
WRITTEN = {
    0.0: "0.0", 1.0: "1.0", -1.0: "-1.0", 0.1: "0.1", 2.5: "2.5", 10.0: "10.0",
    0.001: "0.001", 0.0001: "0.0001", 0.00001: "1e-05", 0.000025: "2.5e-05", 1e-10: "1e-10",
    99999.0: "99999.0", 100000.0: "100000.0", 123456.0: "123456.0", 123456.5: "123456.5",
    999999.0: "999999.0", 1000000.0: "1e+06", 1000001.0: "1.000001e+06", 2500000.0: "2.5e+06",
    123456789.0: "1.23456789e+08", 1e15: "1e+15", 1e16: "1e+16", 1e20: "1e+20", 1e21: "1e+21",
    1e100: "1e+100", 1e-100: "1e-100", 5e-324: "5e-324", 1.7976931348623157e308:
    "1.7976931348623157e+308", 2.0**53: "9.007199254740992e+15", 1 / 3: "0.3333333333333333",
    math.inf: "+Inf", -math.inf: "-Inf",
}  # fmt: skip


@pytest.mark.parametrize(("bound", "text"), WRITTEN.items(), ids=str)
def test_a_bound_is_written_as_prometheus_does(bound: float, text: str) -> None:
    assert bucket_bound(bound) == text


@given(st.floats(allow_nan=False))
def test_no_two_bounds_are_written_alike(bound: float) -> None:
    assert float(bucket_bound(bound)) == bound


@given(st.integers(-(10**18), 10**18))
def test_an_integer_is_the_float_that_it_equals(bound: int) -> None:
    assert bucket_bound(bound) == bucket_bound(float(bound))


def test_the_unit_in_the_name_decides_what_is_too_large() -> None:
    assert largest_of("duration_seconds") == 365 * 86_400
    assert largest_of("ims_input_tokens_total") == 1e8
    assert largest_of("estimated_usd") == 1e6
    assert largest_of("size_bytes") == 1e15
    assert largest_of("depth") == 1e9


def test_a_largest_value_of_the_spec_wins_and_the_smaller_of_two(tmp_path: Path) -> None:
    overlay = tmp_path / "overlay.yaml"
    overlay.write_text(
        "metrics:\n"
        "  ims_input_tokens_total: {value: {attributes: [gen_ai.usage.input_tokens], max: 5000}}\n"
    )
    model = read_spec([SPEC, overlay]).model
    assert model is not None
    largest = {m.key: m.largest for m in span_measures(model.spec, "model_call")}
    assert largest["gen_ai.usage.input_tokens"] == 5000
    assert largest["gen_ai.usage.output_tokens"] == 1e8
    assert set(largest) < set(faulty_values(model.spec))
