"""Both trees against arrays that are searched from end to end."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from lpcurr.schedulers.common import Way
from tests.kernels.calls import (
    CAPACITIES,
    STEPS,
    content,
    make_pool,
    rebuild_trees,
    set_evict_keys,
    set_weights,
    slots_at_weights,
)


def check_rebuild(pool: Any, names: list[str]) -> None:
    """What was maintained is what a rebuild gives, bit for bit."""
    kept = {name: pool.state[name][0].copy() for name in names}
    rebuild_trees(content(pool))
    for name, values in kept.items():
        finite = np.isfinite(kept["least_key"]) if name == "least_entry" else slice(None)
        np.testing.assert_array_equal(values[finite], pool.state[name][0][finite])


@pytest.mark.parametrize("capacity", CAPACITIES)
@pytest.mark.parametrize("distinct", [3, 1000], ids=["many_ties", "few_ties"])
def test_the_tournament_has_the_least_key_and_of_equals_the_first_to_enter(capacity: int, distinct: int) -> None:
    rng = np.random.default_rng(capacity)
    # Few slots are touched again and again, so that winners come, change and go.
    touched = rng.choice(capacity, size=min(capacity, 40), replace=False)
    which = rng.choice(touched, size=STEPS)
    keys = rng.integers(distinct, size=STEPS).astype(np.float64)
    keys[rng.uniform(size=STEPS) < 0.4] = np.inf
    entries = rng.permutation(STEPS)
    pool = make_pool(capacity)
    least = np.empty(STEPS, dtype=np.int64)
    set_evict_keys(content(pool), which, keys, entries, least)

    tenants: dict[int, tuple[float, int]] = {}
    expected = []
    for slot, key, entry in zip(which.tolist(), keys.tolist(), entries.tolist(), strict=True):
        if key == math.inf:
            tenants.pop(slot, None)
        else:
            tenants[slot] = (key, tenants[slot][1] if slot in tenants else entry)
        expected.append(min(tenants, key=tenants.__getitem__, default=-1))
    assert least.tolist() == expected
    check_rebuild(pool, ["least_key", "least_entry"])


@pytest.mark.parametrize("capacity", CAPACITIES)
def test_the_sum_tree_adds_up_and_finds_every_slot_by_its_weight(capacity: int) -> None:
    rng = np.random.default_rng(capacity)
    which = rng.integers(capacity, size=STEPS)
    weights = rng.integers(9, size=STEPS).astype(np.float64)  # whole numbers: every sum is exact
    weights[rng.uniform(size=STEPS) < 0.3] = 0.0
    weights[-1] = 5.0
    pool = make_pool(capacity, draws_by=int(Way.WEIGHT))
    totals = np.empty(STEPS)
    set_weights(content(pool), which, weights, totals)

    held = np.zeros(capacity)
    for slot, weight, total in zip(which.tolist(), weights.tolist(), totals.tolist(), strict=True):
        held[slot] = weight
        assert total == held.sum()
    check_rebuild(pool, ["weight_sum"])

    total = held.sum()
    targets = np.concatenate(
        [rng.uniform(0.0, total, 200), np.arange(min(total, 200.0)), [0.0, math.nextafter(total, 0)]]
    )
    found = np.empty(targets.size, dtype=np.int64)
    slots_at_weights(content(pool), targets, found)
    np.testing.assert_array_equal(found, np.searchsorted(np.cumsum(held), targets, side="right"))


@pytest.mark.parametrize("capacity", [17, 257, 4097])
def test_rounding_leads_to_no_slot_without_weight(capacity: int) -> None:
    rng = np.random.default_rng(0)
    held = rng.uniform(size=capacity) * 10.0 ** rng.integers(-12, 3, size=capacity)
    held[rng.uniform(size=capacity) < 0.5] = 0.0
    held[capacity // 2] = 0.1
    pool = make_pool(capacity, draws_by=int(Way.WEIGHT))
    totals = np.empty(capacity)
    set_weights(content(pool), np.arange(capacity), held, totals)
    assert totals[-1] == pytest.approx(math.fsum(held), rel=1e-12)
    targets = np.concatenate([rng.uniform(0.0, totals[-1], STEPS), [0.0, totals[-1], 2.0 * totals[-1]]])
    found = np.empty(targets.size, dtype=np.int64)
    slots_at_weights(content(pool), targets, found)
    assert (held[found] > 0.0).all()
    ends = np.cumsum(held)
    slack = 1e-12 * totals[-1]
    assert (targets[:-2] <= ends[found[:-2]] + slack).all()
    assert (targets[:-2] >= ends[found[:-2]] - held[found[:-2]] - slack).all()
