"""The exact distribution of the draws, and Gini coefficients: the Python face of kernels that look at every task."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from lpcurr.kernels.calls import measures
from lpcurr.memory import layout
from lpcurr.memory.answers import error_of
from lpcurr.memory.shared_memory import Bytes

Int64s = np.ndarray[tuple[int], np.dtype[np.int64]]
Float64s = np.ndarray[tuple[int], np.dtype[np.float64]]


class Distribution(NamedTuple):
    """Every active task at one moment, in the order in which they entered the pool; arrays of equal length."""

    ids: Int64s
    completions: Int64s
    lp_scores: Float64s
    scores: Float64s
    probabilities: Float64s


def distribution_of(content: Bytes, process: int = 0) -> Distribution:
    """The exact distribution of the draws from a segment, or from a copy of one, O(n log n) for the order.

    Args:
        content: uint8[size], a segment or a snapshot of one.
        process: the record of the process that asks.

    Raises:
        PoolLostError: the lock of the segment cannot be taken any more.
    """
    capacity = int(content[: layout.HEADER.itemsize].view(layout.HEADER)["capacity"][0])
    ids, entries, completions = (np.empty(capacity, dtype=np.int64) for _ in range(3))
    lp_scores, scores, probabilities = (np.empty(capacity, dtype=np.float64) for _ in range(3))
    columns = (ids, entries, completions, lp_scores, scores, probabilities)
    count = measures.distribution.entry(content, process, *columns)
    if count < 0:
        raise error_of(count, capacity)
    order = np.argsort(entries[:count])
    ids, completions = ids[:count][order], completions[:count][order]
    lp_scores, scores, probabilities = (each[:count][order] for each in (lp_scores, scores, probabilities))
    return Distribution(ids, completions, lp_scores, scores, probabilities)


def gini(values: Iterable[float]) -> float:
    """Gini coefficient: 0 where all are equal, towards 1 where one has everything. O(n).

    With the n values x sorted ascending and i from 1: (2 Σ i·x_i) / (n Σ x_i) − (n+1)/n; 0 for none, or all zero.

    >>> gini([1.0, 1.0]), gini([0.0, 1.0]), gini([])
    (0.0, 0.5, 0.0)
    """
    column = np.ascontiguousarray(values if isinstance(values, np.ndarray) else list(values), dtype=np.float64)
    room = np.empty((2, column.size), dtype=np.uint64)
    return float(measures.gini.entry(column, room[0], room[1]))
