"""What the agent sees on a tile: hashed conjunctions of where the goal is, what lies around, and how slippery it is.

Small conjunctions (what lies around) hold on every map, large ones (the exact way to the goal) on few: together what is
learned on one lake helps on others, and yet lakes of another size and kind leave something to learn.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

TILES = 8
"""Tilings: rows of the learner's table that are active in a state."""

_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)  # 2**64 over the golden ratio: spreads consecutive keys
_FROZEN, _HOLE, _WALL = 0, 1, 2


def hashed_tiles(holes: NDArray[np.bool_], goal: NDArray[np.bool_], slip: float, table_bits: int) -> NDArray[np.int32]:
    """Return the active rows, of 2**table_bits, of each state of a map, int32[n², TILES], from two bool[n, n]."""
    size = holes.shape[0]
    row, column = np.divmod(np.arange(size * size), size)
    goal_row, goal_column = np.argwhere(goal)[0]
    down, right = goal_row - row, goal_column - column
    around = np.full((size + 4, size + 4), _WALL)
    around[2:-2, 2:-2] = np.where(holes, _HOLE, _FROZEN)

    def pattern(*offsets: tuple[int, int]) -> NDArray[np.int64]:
        kinds = [around[row + 2 + i, column + 2 + j] * 3**k for k, (i, j) in enumerate(offsets)]
        return np.asarray(np.sum(kinds, axis=0), np.int64)

    beside = pattern((0, -1), (1, 0), (0, 1), (-1, 0))
    diagonal = pattern((1, 1), (1, -1), (-1, 1), (-1, -1))
    beyond = pattern((0, 2), (2, 0), (0, -2), (-2, 0))
    slipperiness = np.full(size * size, round(slip * 20))
    tilings = (
        (down, right),
        (down // 2, right // 2, beside),
        (down // 4, right // 4, beside),
        ((down + 2) // 4, (right + 2) // 4, slipperiness),
        (beside, slipperiness),
        (beside, diagonal, slipperiness),
        (down, right, beside),
        (beside, beyond, slipperiness),
    )
    rows = [_hash(tiling, (*key,), table_bits) for tiling, key in enumerate(tilings)]
    return np.stack(rows, axis=1)


def _hash(tiling: int, keys: tuple[NDArray[np.int64], ...], table_bits: int) -> NDArray[np.int32]:
    mixed = np.full(keys[0].shape, tiling + 1, np.uint64) * _MULTIPLIER
    for key in keys:
        mixed = (mixed ^ key.astype(np.int64).astype(np.uint64)) * _MULTIPLIER
        mixed ^= mixed >> np.uint64(29)
    return (mixed & np.uint64(2**table_bits - 1)).astype(np.int32)
