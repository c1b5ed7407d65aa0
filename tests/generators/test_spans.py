"""Ranges: bounds, both ends, refusals, and the names of their parts."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lpcurr.errors import ConfigError
from lpcurr.generators import Span, bucketed

pytestmark = pytest.mark.no_kernels

BELOW_ONE = 1 - 2**-53
uniform = st.floats(0, BELOW_ONE)


@given(st.integers(-(2**60), 2**60), st.integers(0, 2**53 - 1), uniform)
def test_an_integer_span_gives_integers_from_low_to_high(low: int, width: int, u: float) -> None:
    value = Span(low, low + width).draw(u)
    assert type(value) is int
    assert low <= value <= low + width


def test_an_integer_span_reaches_both_ends() -> None:
    assert [Span(-1, 2).draw(u) for u in (0.0, 0.25, 0.5, BELOW_ONE)] == [-1, 0, 1, 2]
    assert Span(0, 2**53 - 1).draw(BELOW_ONE) == 2**53 - 1
    assert Span(5, 5).draw(BELOW_ONE) == 5


@given(st.floats(-1e300, 1e300), st.floats(-1e300, 1e300), uniform)
def test_a_float_span_stays_inside(one: float, other: float, u: float) -> None:
    low, high = sorted((one, other))
    value = Span(low, high).draw(u)
    assert type(value) is float
    assert low <= value <= high


def test_one_float_end_makes_a_float_span() -> None:
    assert Span(0, 1.0).draw(0.5) == Span(0.0, 1).draw(0.5) == 0.5
    assert type(Span(0, 4.0).draw(0.5)) is float


def test_numpy_ends_become_numbers() -> None:
    span = Span(np.int64(1), np.int64(4))
    assert span == Span(1, 4)
    assert type(span.low) is int


@pytest.mark.parametrize(
    ("low", "high", "named"),
    [
        (2, 1, "low is above high"),
        (1.0, 0.5, "low is above high"),
        (math.nan, 1.0, "low is not a finite number"),
        (0.0, math.inf, "high is not a finite number"),
        ("1", 2, "low is not a finite number"),
        (False, True, "low is not a finite number"),
        (None, 1, "low is not a finite number"),
        (0, 2**53, "more than 2\\*\\*53 integers"),
        (-1.7e308, 1.7e308, "wider than the greatest float"),
    ],
)
def test_a_span_that_cannot_be_drawn_from(low: Any, high: Any, named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        Span(low, high)


@pytest.mark.parametrize(
    ("span", "names"),
    [
        (Span(1, 8), ["1..2", "3..4", "5..6", "7..8"]),
        (Span(0, 9), ["0..1", "2..4", "5..6", "7..9"]),
        (Span(1, 3), ["1", "2", "3"]),
        (Span(7, 7), ["7"]),
        (Span(0.0, 1.0), ["0..0.25", "0.25..0.5", "0.5..0.75", "0.75..1"]),
        (Span(2.5, 2.5), ["2.5"]),
    ],
)
def test_the_parts_of_a_span_are_few_and_in_order(span: Span, names: list[str]) -> None:
    values = [span.draw(k / 1000) for k in range(1000)] + [span.high]
    assert list(dict.fromkeys(span.bin_of(value) for value in values)) == names


@given(st.integers(-1000, 1000), st.integers(0, 1000), uniform)
def test_an_integer_is_in_the_part_that_is_named(low: int, width: int, u: float) -> None:
    span = Span(low, low + width)
    value = span.draw(u)
    first, _, last = span.bin_of(value).partition("..")
    assert int(first) <= value <= int(last or first)


def test_over_a_float_field_integer_ends_mean_floats() -> None:
    made = bucketed({"gravity": 9.8, "size": 4, "lanes": [{"speed": 1.0}]})
    made = (
        made.add_bucket("gravity", Span(1, 30))
        .add_bucket("size", Span(1, 30))
        .add_bucket("lanes.0.speed", [2, Span(3, 5)])
    )
    drawn = [made.slice_values_of(task_id) for task_id in range(50)]
    assert all(type(values["gravity"]) is float and 1 <= values["gravity"] <= 30 for values in drawn)
    assert sum(values["gravity"].is_integer() for values in drawn) == 0
    assert all(type(values["size"]) is int for values in drawn)
    assert {type(values["lanes.0.speed"]) for values in drawn} == {int, float}
    read = type(made).model_validate_json(made.model_dump_json())
    assert [read.slice_values_of(task_id) for task_id in range(50)] == drawn


@given(st.floats(1e-300, 1e300), st.floats(1e-300, 1e300), uniform)
def test_a_log_span_stays_inside_and_its_logarithm_is_uniform(one: float, other: float, u: float) -> None:
    low, high = sorted((one, other))
    value = Span(low, high, log=True).draw(u)
    assert type(value) is float
    assert low <= value <= high
    assert math.log(value) == pytest.approx(math.log(low) + u * (math.log(high) - math.log(low)), abs=1e-9)


def test_a_log_span_of_integers_reaches_both_ends_and_each_in_its_share() -> None:
    span = Span(1, 3, log=True)
    drawn = [span.draw(u) for u in np.arange(0.0, 1.0, 1e-4)]
    shares = np.bincount(drawn)[1:] / len(drawn)
    assert shares == pytest.approx(np.log([2.0, 3 / 2, 4 / 3]) / np.log(4), abs=1e-3)
    assert [type(value) for value in (span.draw(0.0), span.draw(BELOW_ONE))] == [int, int]
    assert [span.draw(0.0), span.draw(BELOW_ONE)] == [1, 3]
    assert Span(1, 2**53, log=True).draw(BELOW_ONE) == pytest.approx(2**53)


@pytest.mark.parametrize(
    ("span", "names"),
    [
        (Span(1e-4, 1.0, log=True), ["0.0001..0.001", "0.001..0.01", "0.01..0.1", "0.1..1"]),
        (Span(1, 9999, log=True), ["1..9", "10..99", "100..999", "1000..9999"]),
        (Span(1, 3, log=True), ["1", "1", "2..3", "2..3"]),
    ],
)
def test_the_parts_of_a_log_span(span: Span, names: list[str]) -> None:
    assert [span.bin_of(span.draw(u)) for u in (0.1, 0.4, 0.6, 0.9)] == names


def test_a_log_span_is_written_down_and_read_back() -> None:
    generator = bucketed({"rate": 0.1, "size": 1.0})
    generator.add_bucket("rate", Span(1e-4, 0.1, log=True)).add_bucket("size", [Span(1, 9, log=True), Span(0, 1), 5])
    read = type(generator).model_validate_json(generator.model_dump_json())
    assert read == generator
    assert read.buckets["size"] == [Span(1.0, 9.0, log=True), Span(0.0, 1.0), 5]
    assert [read(i) for i in range(20)] == [generator(i) for i in range(20)]
    with pytest.raises(ConfigError, match="low is not above 0"):
        Span(0, 1, log=True)
