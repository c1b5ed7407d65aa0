"""Helpers made callable: small kernels of the tests' own that run a helper over arrays of arguments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
import numpy as np

from lpcurr.kernels import JIT
from lpcurr.kernels.indices import slots, trees
from lpcurr.kernels.machine import random
from lpcurr.kernels.machine.views import column
from lpcurr.kernels.safety import journal
from lpcurr.memory import layout
from lpcurr.pool.making import new_pool
from lpcurr.pool.pool import Pool

CHECKED = {"NUMBA_BOUNDSCHECK": "1", "LPCURR_FAULT_POINTS": "1"}
"""The environment of kernels with bounds checks and fault points, which are compiled once for both."""

STEPS = 4000 if JIT else 150
CAPACITIES = [1, 2, 15, 16, 17, 255, 256, 257, 4097]

_compile: Callable[..., Any] = numba.njit(nogil=True, error_model="numpy")


def make_pool(capacity: int, **settings: float) -> Pool:
    """An empty local pool; settings as header fields."""
    return new_pool(capacity, settings, seed=11, shared=False)


def content(pool: Pool) -> Any:
    return pool._segment.bytes


# -- trees ----------------------------------------------------------------------------------------------------------


@_compile
def set_evict_keys(segment, which, keys, entries, least):  # type: ignore[no-untyped-def]
    """For each step: a new tenant where the key was infinite, then the key; the least slot after it."""
    view = column(segment)
    for i in range(which.size):
        if view.evict_key[which[i]] == np.inf:
            view.entry[which[i]] = entries[i]
        trees.set_evict_key(segment, which[i], keys[i])
        least[i] = trees.least_slot(segment)


@_compile
def set_weights(segment, which, weights, totals):  # type: ignore[no-untyped-def]
    for i in range(which.size):
        trees.set_weight(segment, which[i], weights[i])
        totals[i] = trees.total_weight(segment)


@_compile
def slots_at_weights(segment, targets, found):  # type: ignore[no-untyped-def]
    for i in range(targets.size):
        found[i] = trees.slot_at_weight(segment, targets[i])


@_compile
def rebuild_trees(segment):  # type: ignore[no-untyped-def]
    trees.rebuild_trees(segment)


# -- slots ----------------------------------------------------------------------------------------------------------


@_compile
def find_slots(segment, ids, found):  # type: ignore[no-untyped-def]
    for i in range(ids.size):
        found[i] = slots.find_slot(segment, ids[i])


# -- random streams -------------------------------------------------------------------------------------------------


@_compile
def next_words(segment, process, words):  # type: ignore[no-untyped-def]
    for i in range(words.size):
        words[i] = random.next_word(segment, process)


@_compile
def draw_uniform(segment, process, numbers):  # type: ignore[no-untyped-def]
    for i in range(numbers.size):
        numbers[i] = random.uniform(segment, process)


@_compile
def draw_below(segment, process, bounds, numbers):  # type: ignore[no-untyped-def]
    for i in range(bounds.size):
        numbers[i] = random.below(segment, process, bounds[i])


@_compile
def draw_ids(segment, process, ids):  # type: ignore[no-untyped-def]
    for i in range(ids.size):
        ids[i] = random.task_id(segment, process)


# -- journal --------------------------------------------------------------------------------------------------------


@_compile
def remember_word(segment, word):  # type: ignore[no-untyped-def]
    journal.remember_word(segment, word)


@_compile
def remember_words(segment, first, last):  # type: ignore[no-untyped-def]
    journal.remember_words(segment, first, last)


@_compile
def remember_columns(segment, first, last, slot):  # type: ignore[no-untyped-def]
    journal.remember_columns(segment, first, last, slot)


@_compile
def remember_label(segment, row):  # type: ignore[no-untyped-def]
    journal.remember_label(segment, row)


@_compile
def roll_back(segment):  # type: ignore[no-untyped-def]
    return journal.roll_back(segment)


@_compile
def commit(segment):  # type: ignore[no-untyped-def]
    journal.commit(segment)


JOURNAL = [
    *range(layout.header_word("journal_count"), layout.header_word("clock")),
]
"""The header's words that are the journal itself."""
