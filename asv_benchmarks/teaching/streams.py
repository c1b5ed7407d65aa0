"""Random numbers and fixed properties of task ids for compiled students: splitmix64, one uint64 of state."""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
State = NDArray[np.uint64]

compiled = numba.njit(cache=True)
"""A kernel: compiled at its first call, kept in the cache."""


@compiled
def _mixed(word: np.uint64) -> np.uint64:
    """Return the finaliser of splitmix64."""
    word = (word ^ (word >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    word = (word ^ (word >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return word ^ (word >> np.uint64(31))


@compiled
def uniform(state: State) -> float:
    """Return the next number of a stream, 0 ≤ u < 1; ``state`` is uint64[1]."""
    state[0] += np.uint64(0x9E3779B97F4A7C15)
    return np.float64(_mixed(state[0]) >> np.uint64(11)) * 2.0**-53


@compiled
def normal(state: State) -> float:
    """Return a number of the standard normal distribution, by Box and Muller."""
    return np.sqrt(-2.0 * np.log(1.0 - uniform(state))) * np.cos(2.0 * np.pi * uniform(state))


@compiled
def hashed(task_id: int, which: int) -> float:
    """Return a number 0 ≤ u < 1 that is a fixed property of a task id."""
    word = np.uint64(task_id) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(which)
    return np.float64(_mixed(word) >> np.uint64(11)) * 2.0**-53
