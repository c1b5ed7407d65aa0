"""The id table, the free slots and the active index against dicts and sets."""

from __future__ import annotations

import random

import numpy as np
import pytest

from lpcurr.kernels import JIT
from lpcurr.memory import layout
from lpcurr.pool.making import new_pool
from lpcurr.pool.place import index_multiplier
from lpcurr.pool.pool import Pool
from lpcurr.statistics.violations import find_violations
from tests.kernels.calls import content, find_slots, make_pool

MIN_SAMPLES = 3


def home_cell(task_id: int, capacity: int) -> int:
    """In the pools of ``make_pool``, whose seed is 11."""
    return (task_id * index_multiplier(11) % 2**64 >> 32) * layout.index_size(capacity) >> 32


def colliding_ids(capacity: int, cells: list[int], count: int) -> list[int]:
    """Ids whose search begins in one of few cells."""
    found: list[int] = []
    candidate = 0
    while len(found) < count:
        if home_cell(candidate, capacity) in cells:
            found.append(candidate)
        candidate += 1
    return found


def slots_of(pool: Pool, ids: list[int]) -> list[int]:
    found = np.empty(len(ids), dtype=np.int64)
    find_slots(content(pool), np.array(ids, dtype=np.int64), found)
    answer: list[int] = found.tolist()
    return answer


def play(pool: Pool, ids: list[int], steps: int, seed: int) -> None:
    """Add, update and remove at random; after each step every id is where a dict says, in the lowest slot there was."""
    rng = random.Random(seed)
    slots: dict[int, int] = {}
    completions: dict[int, int] = {}
    for step in range(steps):
        task_id = rng.choice(ids)
        if task_id in slots and rng.random() < 0.5:
            pool.update(task_id, rng.random(), 0.0, 1.0)
            completions[task_id] += 1
        elif task_id in slots:
            assert pool.remove_task(task_id)
            del slots[task_id]
        elif len(slots) < pool.capacity:
            pool.add_task(task_id, None, pending=False, success_threshold=None)
            slots[task_id] = min(set(range(pool.capacity)) - set(slots.values()))
            completions[task_id] = 0
        if step % 5 == 0:
            assert slots_of(pool, ids) == [slots.get(each, -1) for each in ids]
            check_active_index(pool, slots, completions)
    assert find_violations(pool) == []


def check_active_index(pool: Pool, slots: dict[int, int], completions: dict[int, int]) -> None:
    header = pool.state["header"][0]
    active = pool.state["active"][0][: header["active_count"]].tolist()
    explored = {slot for task_id, slot in slots.items() if completions[task_id] >= MIN_SAMPLES}
    assert sorted(active) == sorted(slots.values())
    assert set(active[: header["explored_count"]]) == explored
    assert header["explored_count"] == len(explored)


@pytest.mark.parametrize("capacity", [1, 2, 15, 16, 17, 60])
def test_slots_are_found_by_id_given_lowest_first_and_sorted_by_whether_they_are_explored(capacity: int) -> None:
    pool = make_pool(capacity, explored_from=MIN_SAMPLES)
    ids = [0, 2**53 - 1, *range(1, 2 * capacity)]
    play(pool, ids, 1500 if JIT else 80, capacity)


@pytest.mark.parametrize("capacity", [5, 16, 33])
def test_ids_that_collide_are_found_after_any_removal(capacity: int) -> None:
    last = layout.index_size(capacity) - 1
    for cells in ([0], [last], [last - 1, last, 0, 1], [3, 4, 5]):  # at the end the search goes round
        pool = make_pool(capacity, explored_from=MIN_SAMPLES)
        ids = colliding_ids(capacity, cells, capacity + 4)
        play(pool, ids, 600 if JIT else 50, capacity)


def test_ids_chosen_to_share_a_cell_in_one_pool_are_scattered_in_another() -> None:
    """Were all pools to scatter alike, 20,000 ids chosen for it would make a call take 400 times as long."""
    capacity = 100 if JIT else 40
    ids = colliding_ids(capacity, [3], capacity)
    pool = new_pool(capacity, {}, seed=12, shared=False)
    for task_id in ids:
        pool.add_task(task_id, None, pending=False, success_threshold=None)
    occupied = "".join("x" if cell else " " for cell in pool.state["index"][0])
    assert max(map(len, occupied.split())) < capacity / 4  # the run of cells that a search goes through at worst


def test_every_slot_of_a_pool_that_was_full_and_emptied_is_given_again_in_order() -> None:
    capacity = 257 if JIT else 40
    pool = make_pool(capacity)
    for round_number in range(3):
        ids = [1000 * round_number + i for i in range(capacity)]
        for task_id in ids:
            pool.add_task(task_id, None, pending=False, success_threshold=None)
        assert slots_of(pool, ids) == list(range(capacity))
        order = ids.copy()
        random.Random(round_number).shuffle(order)
        for task_id in order:
            assert pool.remove_task(task_id)
        assert slots_of(pool, ids) == [-1] * capacity
        assert find_violations(pool) == []
