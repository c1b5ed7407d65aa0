"""How unequally something is divided."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np


def gini(values: Iterable[float]) -> float:
    """Return the Gini coefficient: 0 where all are equal, towards 1 where one has everything. O(n log n).

    With the n values x sorted ascending and i from 1: (2 Σ i·x_i) / (n Σ x_i) − (n+1)/n; 0 for none, or all zero.

    >>> gini([1.0, 1.0]), gini([0.0, 1.0]), gini([])
    (0.0, 0.5, 0.0)
    """
    ranked = np.sort(np.asarray(values if isinstance(values, np.ndarray) else list(values), dtype=np.float64))
    n, total = ranked.size, float(ranked.sum())
    if total == 0.0:
        return 0.0
    return 2.0 * float((np.arange(1, n + 1) * ranked).sum()) / (n * total) - (n + 1) / n
