"""Interned labels: kept while in use, the last ones to go for a while longer, never more than the table holds."""

from __future__ import annotations

import random

import pytest

import lpcurr
from lpcurr import Curriculum, CurriculumConfig, LearningProgressConfig
from lpcurr.kernels import JIT
from lpcurr.memory import layout
from lpcurr.statistics.figures import PoolStatistics
from tests.naive import LabelTable

ROWS = layout.LABEL_CAPACITY - 2  # beside "unknown" and "(other)"


def make(capacity: int, retained: int, *, shared: bool = False) -> Curriculum:
    algorithm = LearningProgressConfig(max_inactive_labels_retained=retained)
    return CurriculumConfig(
        num_active_tasks=capacity, seed=0, defer_init=True, use_shared_memory=shared, algorithm_config=algorithm
    ).make()


def names(curriculum: Curriculum) -> set[str]:
    return set(curriculum.moment().label_names.values()) - {"unknown", "(other)"}


def label_of(curriculum: Curriculum, task_id: int) -> str:
    state = curriculum.get_task_stats(task_id)
    assert state is not None
    label: str = state["label"]
    return label


@pytest.mark.parametrize("retained", [0, 1, 3, 100])
def test_labels_come_and_go_as_in_the_twin(retained: int) -> None:
    rng = random.Random(retained)
    table, labels = LabelTable(ROWS, retained), {}
    with make(12, retained) as curriculum:
        for step in range(600 if JIT else 50):
            if len(labels) < 12 and rng.random() < 0.55:
                labels[step] = f"label {rng.randrange(15)}"
                curriculum.add_task(step, labels[step])
                assert table.enter(labels[step]) == labels[step]
            elif labels:
                task_id = rng.choice(list(labels))
                curriculum.evict(task_id)
                table.leave(labels.pop(task_id))
            assert names(curriculum) == {*table.active, *table.inactive}
            assert len(table.inactive) <= retained
        assert {task_id: label_of(curriculum, task_id) for task_id in labels} == labels
        composition = PoolStatistics(curriculum.moment()).label_counts("active")
        assert composition == table.active
        assert curriculum.find_violations() == []


def test_a_label_that_was_forgotten_begins_again_at_zero() -> None:
    with make(4, 1) as curriculum:
        for task_id, label in ((1, "first"), (2, "second"), (3, "third")):
            curriculum.add_task(task_id, label)
            curriculum.update_task_performance(task_id, 1.0)
            curriculum.evict(task_id)
        figures = curriculum.stats()
        assert figures["per_label_completions/third"] == 1.0
        assert "per_label_completions/first" not in figures
        curriculum.add_task(4, "first")
        assert "per_label_completions/first" not in curriculum.stats()
        assert curriculum.stats()["algorithm/pool_composition/first"] == 1.0


def test_a_label_that_is_kept_goes_on_counting_when_it_comes_back() -> None:
    with make(4, 1) as curriculum:
        for task_id in (1, 2):
            curriculum.add_task(task_id, "same")
            curriculum.update_task_performance(task_id, 1.0)
            curriculum.evict(task_id)
        figures = curriculum.stats()
        assert (figures["per_label_completions/same"], figures["algorithm/eviction_counts/same"]) == (2.0, 2.0)


def test_completions_by_label_add_up_to_all_of_them() -> None:
    with make(6, 100) as curriculum:
        for task_id in range(6):
            curriculum.add_task(task_id, f"label {task_id % 4}" if task_id else None)
            curriculum.update_many([task_id] * (task_id + 1), [0.5] * (task_id + 1))
        curriculum.evict(5)
        figures = curriculum.stats()
        by_label = {key: value for key, value in figures.items() if key.startswith("per_label_completions/")}
        assert sum(by_label.values()) == figures["num_completed"] == 21.0
        assert by_label["per_label_completions/label 1"] == 2.0 + 6.0
        assert by_label["per_label_completions/unknown"] == 1.0


@pytest.mark.skipif(not JIT, reason="thousands of labels take too long without JIT")
def test_beyond_the_table_labels_count_as_other_until_one_goes() -> None:
    table = LabelTable(ROWS, 2)
    with make(ROWS + 6, 2) as curriculum:
        for task_id in range(ROWS + 3):
            curriculum.add_task(task_id, f"label {task_id}")
            table.enter(f"label {task_id}")
        assert names(curriculum) == set(table.active)
        assert len(table.active) == ROWS
        assert [label_of(curriculum, ROWS + i) for i in range(3)] == ["unknown"] * 3  # no generator knows them
        assert curriculum.stats()["algorithm/pool_composition/(other)"] == 3.0
        for task_id in (5, 3):
            curriculum.evict(task_id)
            table.leave(f"label {task_id}")
        curriculum.add_task(ROWS + 3, "late")  # takes the row of the label that went first
        assert table.enter("late") == "late"
        assert label_of(curriculum, ROWS + 3) == "late"
        assert names(curriculum) == {*table.active, *table.inactive}
        assert "label 3" in names(curriculum)
        assert "label 5" not in names(curriculum)
        curriculum.evict(ROWS)
        assert curriculum.stats()["algorithm/eviction_counts/(other)"] == 1.0
        assert curriculum.find_violations() == []


@pytest.mark.skipif(not JIT, reason="shared memory needs the mutex")
def test_another_curriculum_notices_that_a_row_has_another_label() -> None:
    with make(2, 0, shared=True) as one, lpcurr.attach(str(one.session_id)) as other:
        for round_number in range(5):
            label = f"label {round_number}"
            one.add_task(round_number, label)
            assert other.get_task().label == label
            assert other.get_episode_stats(label)["env_curriculum_stats/per_label_samples"] == {label: 1}
            assert label_of(other, round_number) == label
            one.evict(round_number)
        assert one._pool.state["header"]["label_count"][0] == 3  # always the same row
        assert one.find_violations() == []
