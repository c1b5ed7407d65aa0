"""From lines of metrics to arrays: curves with intervals, and tables of labels over time.

A curve of more than ``MAX_POINTS`` epochs is thinned: each point is then the mean of a number of consecutive epochs,
``Curve.thinned``, and pages say so. Nothing is left out.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from lpcurr.reports.intervals import Floats, intervals
from lpcurr.reports.runs import Arm
from lpcurr.runs.folder import Row

MAX_POINTS = 300
Figure = Callable[[Row], float]  # of a line of metrics; NaN where it has none


@dataclass(frozen=True)
class Curve:
    """A figure over a training.

    Attributes:
        steps: environment steps[points].
        mean: over seeds[points].
        low, high: the 95 % interval over seeds[points]; of one seed that is thinned least and greatest; else NaN.
        seeds: how many.
        thinned: epochs to a point.
    """

    steps: Floats
    mean: Floats
    low: Floats
    high: Floats
    seeds: int
    thinned: int


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
    """The figure that is written under a key."""
    return lambda row: number(row.get(key))


def number(value: object) -> float:
    """A finite number, or NaN."""
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else math.nan


def curve(arm: Arm, figure: Figure) -> Curve | None:
    """A figure of an arm, or None where no line has it.

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
    steps = _ends(grid, width)
    binned = np.array([_bins(each, width) for each in values])  # [seeds, points, width]
    mean, half = intervals(_nanmean(binned))
    low, high = mean - half, mean + half
    if len(seeds) == 1 and width > 1:
        low, high = np.fmin.reduce(binned[0], axis=1), np.fmax.reduce(binned[0], axis=1)
    return Curve(steps, mean, low, high, len(seeds), width)


def _bins(values: Floats, width: int) -> Floats:
    """Values[points, width] of consecutive values; a short last bin is filled up with NaN."""
    return np.concatenate([values, np.full(-len(values) % width, math.nan)]).reshape(-1, width)


def _ends(steps: Floats, width: int) -> Floats:
    """The steps[points] at which the bins end."""
    return np.append(steps[width - 1 : -1 : width], steps[-1:])


def _nanmean(values: Floats) -> Floats:
    """Mean over the last axis of what is finite there; NaN where nothing is."""
    finite = np.isfinite(values)
    count = finite.sum(axis=-1)
    mean = np.where(finite, values, 0.0).sum(axis=-1) / np.maximum(count, 1)
    return np.where(count > 0, mean, math.nan)


def final_values(arm: Arm, figure: Figure, at: float) -> dict[int, float]:
    """By seed, the last figure at or before ``at`` environment steps; seeds that have none are left out."""
    found = {}
    for seed, rows in arm.trainings.items():
        values = [value for row in rows if row["steps"] <= at and not math.isnan(value := figure(row))]
        if values:
            found[seed] = values[-1]
    return found


def speeds(arm: Arm, at: float) -> dict[int, float]:
    """By seed, environment steps per second of acting and learning from the beginning up to ``at`` steps."""
    found = {}
    for seed, rows in arm.trainings.items():
        rates = [(number(row.get("steps_per_second")), number(row.get("epoch_seconds"))) for row in rows]
        known = [rate for rate, row in zip(rates, rows, strict=True) if row["steps"] <= at and math.isfinite(sum(rate))]
        if seconds := sum(length for _, length in known):
            found[seed] = sum(speed * length for speed, length in known) / seconds
    return found


# -- labels over time -----------------------------------------------------------------------------------------------


def share_table(arm: Arm, prefix: str, most: int) -> Table | None:
    """Shares of each epoch's total, of all seeds together: the ``most`` greatest names, the others in one row."""
    steps, sums, _ = _collect(arm, prefix)
    if not sums:
        return None
    names = sorted(sums, key=lambda name: -float(sums[name].sum()))
    total = np.sum(list(sums.values()), axis=0)
    kept = names if len(names) <= most else names[: most - 1]
    rows = [sums[name] for name in sorted(kept, key=natural)]
    width = -(-len(steps) // MAX_POINTS)
    if len(kept) < len(names):
        rows.append(total - np.sum(rows, axis=0))
    summed = np.array([np.nansum(_bins(row, width), axis=1) for row in rows])
    totals = np.nansum(_bins(total, width), axis=1)
    shares = np.divide(summed, totals, out=np.full_like(summed, math.nan), where=totals > 0)
    others = len(names) - len(kept)
    shown = sorted(kept, key=natural) + ([f"{others} others"] if others else [])
    return Table(_ends(steps, width), shown, shares, others, width)


def mean_table(arm: Arm, prefix: str, most: int, order: Mapping[str, float] | None = None) -> Table | None:
    """Means over the seeds of a figure of each label; of many labels those that come first in ``order``."""
    steps, sums, counts = _collect(arm, prefix)
    if not sums:
        return None
    names = sorted(sums, key=lambda name: -(order or {}).get(name, 0.0))[:most]
    names.sort(key=natural)
    width = -(-len(steps) // MAX_POINTS)
    values = np.array(
        [
            _nanmean(_bins(np.where(counts[name] > 0, sums[name] / np.maximum(counts[name], 1), math.nan), width))
            for name in names
        ]
    )
    return Table(_ends(steps, width), names, values, len(sums) - len(names), width)


def totals(arm: Arm, prefix: str) -> dict[str, float]:
    """By name, the sum over all epochs and seeds."""
    return {name: float(values.sum()) for name, values in _collect(arm, prefix)[1].items()}


def _collect(arm: Arm, prefix: str) -> tuple[Floats, dict[str, Floats], dict[str, Floats]]:
    """Steps[epochs], and by name the sum and the number of values[epochs] over the seeds."""
    epochs = max((len(rows) for rows in arm.trainings.values()), default=0)
    longest: Sequence[Row] = max(arm.trainings.values(), key=len, default=[])
    sums: dict[str, Floats] = {}
    counts: dict[str, Floats] = {}
    for rows in arm.trainings.values():
        for place, row in enumerate(rows):
            for key, value in row.items():
                if key.startswith(prefix) and not math.isnan(value := number(value)):
                    name = key[len(prefix) :]
                    if name not in sums:
                        sums[name], counts[name] = np.zeros(epochs), np.zeros(epochs)
                    sums[name][place] += value
                    counts[name][place] += 1
    return np.array([row["steps"] for row in longest], float), sums, counts


def natural(label: str) -> list[Any]:
    """Sorts numbers in a label by their value: size=8 before size=12."""
    parts = "".join(c if c.isdigit() or c == "." else " " for c in label).split()
    return [[float(part) for part in parts if part.strip(".") and part.count(".") < 2], label]
