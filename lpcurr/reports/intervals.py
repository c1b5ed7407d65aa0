"""Mean and 95 % interval over seeds, by Student's t."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# Student's t, 97.5 % quantile, by number of values (for 2 … 31): scipy would be a large dependency for one number.
_T = np.array(
    [
        *(np.nan, np.nan, 12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228),
        *(2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086),
        *(2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042),
    ]
)


def interval(values: Sequence[float]) -> tuple[float, float | None]:
    """Return the mean and the half width of its 95 % interval; no width for fewer than two values.

    >>> mean, half = interval([1.0, 2.0, 3.0])
    >>> round(mean, 3), round(half, 3)
    (2.0, 2.484)
    """
    mean, half = intervals(np.array(values, float))
    return float(mean), None if math.isnan(half) else float(half)


def intervals(values: Floats) -> tuple[Floats, Floats]:
    """Return the mean[…] and the half width[…] of values[seeds, …].

    Values that are not finite are left out. The mean is NaN where there is none, the width where there are fewer
    than two. Beyond 31 values the quantile is that of 31, which is a little wider.

    >>> mean, half = intervals(np.array([[1.0, 5.0], [2.0, np.nan], [3.0, np.nan]]))
    >>> mean.tolist(), half.round(3).tolist()
    ([2.0, 5.0], [2.484, nan])
    """
    finite = np.isfinite(values)
    count = finite.sum(axis=0)
    kept = np.where(finite, values, 0.0)
    mean = np.where(count > 0, kept.sum(axis=0) / np.maximum(count, 1), np.nan)
    squares = np.where(finite, (kept - mean) ** 2, 0.0).sum(axis=0)
    quantile = _T[np.minimum(count, len(_T) - 1)]
    return mean, quantile * np.sqrt(squares / np.maximum(count - 1, 1) / np.maximum(count, 1))
