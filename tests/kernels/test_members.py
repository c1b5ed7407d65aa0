"""Tasks by label and place: each is found, whatever came, went and was renamed; a checkpoint keeps the places."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import lpcurr
from lpcurr import Curriculum, CurriculumConfig, LabelProgressConfig
from lpcurr.kernels import JIT
from lpcurr.kernels.indices import label_progress, members
from lpcurr.memory import layout
from tests.kernels.calls import _compile

STEPS = 3000 if JIT else 150


@_compile
def find_members(segment, rows, places, found):  # type: ignore[no-untyped-def]
    for i in range(rows.size):
        found[i] = members.slot_at(segment, rows[i], places[i])


@_compile
def rows_at(segment, targets, found):  # type: ignore[no-untyped-def]
    for i in range(targets.size):
        found[i] = label_progress.row_at(segment, targets[i])


def make(capacity: int, generator: OfFive | None = None) -> Curriculum:
    algorithm = LabelProgressConfig(max_inactive_labels_retained=3)
    return CurriculumConfig(
        num_active_tasks=capacity, seed=0, algorithm_config=algorithm, defer_init=generator is None
    ).make(generator)


def check(curriculum: Curriculum) -> None:
    """Every task stands at its place, and places are 0 … n − 1 in each label."""
    pool = curriculum._pool
    slots = np.flatnonzero(pool.state["task_id"][0] != layout.FREE)
    cells = pool.state["label"][0][slots]
    rows, places = cells & (layout.PENDING - 1), cells >> layout.PLACE_SHIFT
    found = np.empty(slots.size, dtype=np.int64)
    find_members(pool._segment.bytes, rows, places, found)
    np.testing.assert_array_equal(found, slots)
    for row in np.unique(rows):
        assert sorted(places[rows == row]) == list(range(np.count_nonzero(rows == row)))
    assert curriculum.find_violations() == []


@pytest.mark.parametrize("labels", [1, 7, 90])
def test_tasks_come_and_go(labels: int) -> None:
    rng = np.random.default_rng(labels)
    with make(97) as curriculum:
        known: list[int] = []
        for step in range(STEPS):
            if len(known) < 97 and rng.random() < 0.6:
                curriculum.add_task(step, f"label {rng.integers(labels)}")
                known.append(step)
            elif known:
                curriculum.evict(known.pop(int(rng.integers(len(known)))))
            if step % 100 == 0:
                check(curriculum)
        check(curriculum)


class OfFive:
    """Tasks of five labels."""

    def __call__(self, task_id: int) -> int:
        return task_id

    def label_of(self, task_id: int) -> str:
        return f"label {task_id % 5}"


def test_new_tasks_are_renamed_when_they_are_built() -> None:
    with make(40, OfFive()) as curriculum:
        for _ in range(STEPS // 3):
            task = curriculum.get_task()
            curriculum.update_task_performance(task.task_id, float(task.task_id % 5 == 2))
        check(curriculum)
        assert curriculum.stats()["num_evicted"] > 10


def test_a_pool_gets_places_when_it_is_first_drawn_from_by_label(tmp_path: Path) -> None:
    config = CurriculumConfig(num_active_tasks=30, seed=0, defer_init=True)
    with config.make() as curriculum:
        for task_id in range(30):
            curriculum.add_task(task_id, f"label {task_id % 4}")
        curriculum.evict(7)
        curriculum.use(LabelProgressConfig())
        check(curriculum)
        curriculum.evict(11)
        curriculum.save(tmp_path / "pool.lpc")
        kept = curriculum._pool.state["label"][0].copy()
    with lpcurr.Curriculum.load(tmp_path / "pool.lpc") as curriculum:
        check(curriculum)
        active = curriculum._pool.state["task_id"][0] != layout.FREE
        np.testing.assert_array_equal(curriculum._pool.state["label"][0][active], kept[active])


def test_labels_are_found_by_their_weight() -> None:
    with make(60) as curriculum:
        for task_id in range(60):
            curriculum.add_task(task_id, f"label {task_id % 40}")
            curriculum.update_many([task_id] * 30, np.linspace(0.0, task_id % 3 / 2, 30))
        pool = curriculum._pool
        weights = pool.state["label_sum"][0][layout.LABEL_LEAVES :]
        ends = np.cumsum(weights)
        targets = np.linspace(0.0, ends[-1], 1001)[:-1] + ends[-1] / 2002
        found = np.empty(targets.size, dtype=np.int64)
        rows_at(pool._segment.bytes, targets, found)
        np.testing.assert_array_equal(found, np.searchsorted(ends, targets, side="right"))
        assert pool.state["label_sum"][0][0] == pytest.approx(ends[-1], rel=1e-12)
