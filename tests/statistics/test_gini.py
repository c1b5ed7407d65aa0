"""Gini coefficients against the formula in exact arithmetic."""

from __future__ import annotations

import numpy as np
import pytest

from lpcurr.statistics.figures import gini
from tests import naive

pytestmark = pytest.mark.no_kernels

SIZES = [0, 1, 2, 3, 7, 64, 65, 1000, 20_000]
SHAPES = {
    "uniform": lambda rng, n: rng.random(n),
    "all alike": lambda rng, n: np.full(n, 0.37),
    "one has everything": lambda rng, n: np.eye(1, n)[0] if n else np.zeros(0),
    "few values": lambda rng, n: rng.integers(0, 4, n).astype(float),
    "counts": lambda rng, n: rng.poisson(30.0, n).astype(float),
    "many magnitudes": lambda rng, n: 10.0 ** rng.uniform(-300, 100, n),
    "subnormal and zero": lambda rng, n: np.where(rng.random(n) < 0.5, 5e-324 * rng.integers(1, 9, n), 0.0),
    "nearly equal": lambda rng, n: 1.0 + 1e-9 * rng.random(n),
}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("shape", SHAPES)
def test_gini_is_that_of_the_naive_formula(shape: str, size: int) -> None:
    values = SHAPES[shape](np.random.default_rng(size), size)
    before = values.copy()
    assert gini(values) == pytest.approx(naive.gini(values.tolist()), abs=1e-12)
    np.testing.assert_array_equal(values, before)


def test_gini_ranks_negative_values_below_positive_ones() -> None:
    values = np.array([3.0, -1.0, 0.0, -0.5, 10.0, -0.0])
    assert gini(values) == pytest.approx(naive.gini(values.tolist()), abs=1e-12)


def test_gini_takes_any_iterable_and_strided_columns() -> None:
    values = np.random.default_rng(0).random(100)
    assert gini(values[::3]) == gini(values[::3].tolist()) == gini(iter(values[::3]))
