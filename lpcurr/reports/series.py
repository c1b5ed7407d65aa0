"""From lines of metrics to arrays: curves with intervals, and tables of labels over time.

A curve of more than ``MAX_POINTS`` epochs is thinned: each point is then the mean of a number of consecutive epochs,
``Curve.thinned``, and pages say so. Nothing is left out.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lpcurr.runs.metrics import Row, number
from lpcurr.runs.reading import Arm

Floats = NDArray[np.float64]
MAX_POINTS = 300
Figure = Callable[[Row], float]  # of a line of metrics; NaN where it has none


@dataclass(frozen=True)
class Curve:
    """A figure over a training: arrays[points]."""

    steps: Floats  # environment steps
    mean: Floats  # over seeds
    low: Floats  # of the 95 % interval over seeds; of one seed that is thinned the least; else NaN
    high: Floats  # likewise
    thinned: int  # epochs to a point


@dataclass(frozen=True)
class Table:
    """Values[names, points] over environment steps[points].

    ``others`` counts the names that were added up to the last row or, where they cannot be added, left out.
    """

    steps: Floats
    names: list[str]
    values: Floats
    others: int
    thinned: int


def of(key: str) -> Figure:
    """Return the figure that is written under a key."""
    return lambda row: number(row.get(key))


def curve(arm: Arm, figure: Figure) -> Curve | None:
    """Return a figure of an arm, or None where no line has it.

    Seeds whose epochs end at different steps are interpolated linearly at the epochs of the shortest.
    """
    seeds = []
    for rows in arm.trainings.values():
        points = np.array([(row["steps"], figure(row)) for row in rows], float).reshape(-1, 2)
        points = points[np.isfinite(points).all(axis=1)]
        if len(points):
            seeds.append(points)
    if not seeds:
        return None
    end = min(points[-1, 0] for points in seeds)
    grid = min(seeds, key=len)[:, 0]
    grid = grid[grid <= end] if (grid <= end).any() else grid[:1]
    values = np.array([np.interp(grid, points[:, 0], points[:, 1], left=math.nan, right=math.nan) for points in seeds])
    width = -(-len(grid) // MAX_POINTS)
    binned = _bins(values, width)
    mean, half = intervals(_means(binned))
    low, high = mean - half, mean + half
    if len(seeds) == 1 and width > 1:
        low, high = np.fmin.reduce(binned[0], axis=1), np.fmax.reduce(binned[0], axis=1)
    return Curve(_ends(grid, width), mean, low, high, width)


def _bins(values: Floats, width: int) -> Floats:
    """Return values[…, points, width] of consecutive values[…, epochs]; a short last bin is filled up with NaN."""
    missing = np.full((*values.shape[:-1], -values.shape[-1] % width), math.nan)
    return np.concatenate([values, missing], axis=-1).reshape(*values.shape[:-1], -1, width)


def _means(binned: Floats) -> Floats:
    """Return the means[…, points] of what is finite in values[…, points, width]; NaN where nothing is."""
    return intervals(np.moveaxis(binned, -1, 0))[0]


def _ends(steps: Floats, width: int) -> Floats:
    """Return the steps[points] at which the bins end."""
    return np.append(steps[width - 1 : -1 : width], steps[-1:])


def final_values(arm: Arm, figure: Figure, at: float) -> dict[int, float]:
    """Return by seed the last figure at or before ``at`` environment steps; seeds that have none are left out."""
    found = {}
    for seed, rows in arm.trainings.items():
        values = [value for row in rows if row["steps"] <= at and not math.isnan(value := figure(row))]
        if values:
            found[seed] = values[-1]
    return found


def speeds(arm: Arm, at: float) -> dict[int, float]:
    """Return by seed the environment steps per second of acting and learning from the beginning up to ``at`` steps."""
    found = {}
    for seed, rows in arm.trainings.items():
        rates = [(of("steps_per_second")(row), of("epoch_seconds")(row)) for row in rows if row["steps"] <= at]
        known = [(speed, length) for speed, length in rates if math.isfinite(speed + length)]
        if seconds := sum(length for _, length in known):
            found[seed] = sum(speed * length for speed, length in known) / seconds
    return found


def switches(arm: Arm) -> list[tuple[float, str]]:
    """Return when the algorithm changed by a schedule, in environment steps, and its type from then on."""
    return sorted(
        {
            (float(before["steps"]), str(after.get("algorithm", "another algorithm")))
            for rows in arm.trainings.values()
            for before, after in pairwise(rows)
            if number(after.get("switches")) > number(before.get("switches"))
        }
    )


# -- mean and 95 % interval over seeds, by Student's t -----------------------------------------------------------------

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


# -- labels over time -----------------------------------------------------------------------------------------------


def share_table(arm: Arm, prefix: str, most: int) -> Table | None:
    """Return shares of each epoch's total, all seeds together: the ``most`` greatest names, the others in one row."""
    steps, found = _collect(arm, prefix)
    if not found:
        return None
    sums = {name: np.nansum(values, axis=0) for name, values in found.items()}
    names = sorted(sums, key=lambda name: -float(sums[name].sum()))
    kept = sorted(names if len(names) <= most else names[: most - 1], key=natural)
    total = np.sum(list(sums.values()), axis=0)
    rows = np.array([sums[name] for name in kept])
    others = len(names) - len(kept)
    if others:
        rows = np.vstack([rows, total - rows.sum(axis=0)])
        kept.append(f"{others} others")
    width = -(-len(steps) // MAX_POINTS)
    summed, totals = np.nansum(_bins(rows, width), axis=-1), np.nansum(_bins(total, width), axis=-1)
    shares = np.divide(summed, totals, out=np.full_like(summed, math.nan), where=totals > 0)
    return Table(_ends(steps, width), kept, shares, others, width)


def mean_table(arm: Arm, prefix: str, most: int, order: Mapping[str, float]) -> Table | None:
    """Return means over the seeds of a figure of each label; of many labels those that come first in ``order``."""
    steps, found = _collect(arm, prefix)
    if not found:
        return None
    names = sorted(sorted(found, key=lambda name: -order.get(name, 0.0))[:most], key=natural)
    width = -(-len(steps) // MAX_POINTS)
    values = _means(_bins(np.array([intervals(found[name])[0] for name in names]), width))
    return Table(_ends(steps, width), names, values, len(found) - len(names), width)


def totals(arm: Arm, prefix: str) -> dict[str, float]:
    """Return by name the sum over all epochs and seeds."""
    return {name: float(np.nansum(values)) for name, values in _collect(arm, prefix)[1].items()}


def _collect(arm: Arm, prefix: str) -> tuple[Floats, dict[str, Floats]]:
    """Return steps[epochs], and by name values[seeds, epochs], NaN where there is none."""
    longest: Sequence[Row] = max(arm.trainings.values(), key=len, default=[])
    shape = len(arm.trainings), len(longest)
    found: dict[str, Floats] = {}
    for seed, rows in enumerate(arm.trainings.values()):
        for epoch, row in enumerate(rows):
            for key, value in row.items():
                if key.startswith(prefix) and not math.isnan(value := number(value)):
                    name = key[len(prefix) :]
                    if name not in found:
                        found[name] = np.full(shape, math.nan)
                    found[name][seed, epoch] = value
    return np.array([row["steps"] for row in longest], float), found


def natural(label: str) -> list[Any]:
    """Return a key that sorts numbers in a label by their value: size=8 before size=12."""
    parts = "".join(c if c.isdecimal() or c == "." else " " for c in label).split()
    return [[float(part) for part in parts if part.strip(".") and part.count(".") < 2], label]
