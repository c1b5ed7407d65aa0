"""What a trainer sees: the steps of ``get_task``, labels, evictions."""

from __future__ import annotations

from typing import Any

import pytest

from lpcurr import CurriculumConfig
from lpcurr.generators import GeneratedTask
from tests.twins import Twins, make_config

# -- eviction -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "algorithm",
    [{"z_score_amplification": 0.0}, {"lp_score_temperature": 1e-4, "rand_task_rate": 0.0}],
    ids=["amplification_0", "saturated_sigmoid"],
)
@pytest.mark.parametrize("rule", [{}, {"exploration": "absolute", "eviction_among": "all"}], ids=["default", "all"])
def test_of_equal_scores_the_task_that_entered_first_is_evicted(
    algorithm: dict[str, Any], rule: dict[str, Any]
) -> None:
    """Progress differs here, the scores do not."""
    algorithm = {**algorithm, **rule, "new_task_rate": 1.0, "min_samples_for_lp": 5}
    with Twins(make_config(3, algorithm, defer_init=False)) as twins:
        first, second, third = (twins.create() for _ in range(3))
        twins.update(first, *[0.0] * 5, 0.9)
        twins.update(second, *[0.0] * 5, 0.5)
        twins.update(third, *[0.0] * 5, 0.7)
        assert len(set(twins.naive.scores().values())) == 1
        assert twins.naive.recommend_eviction() == twins.curriculum.recommend_eviction() == first
        twins.curriculum.get_task()
        assert first not in twins.curriculum.probabilities()[0]


# -- labels ---------------------------------------------------------------------------------------------------------


class LabelEach:
    """A generator with a label for each task, and none for what is not a task."""

    def __call__(self, task_id: int) -> dict[str, int]:
        return {"id": task_id}

    def label_of(self, task_id: int) -> str:
        assert task_id >= 0, "asked for the label of a task that is none"
        return f"label {task_id}"


@pytest.mark.parametrize("with_generator", [True, False])
def test_evictions_beyond_the_label_table_are_counted_as_other(with_generator: bool) -> None:
    config = CurriculumConfig(num_active_tasks=4200, use_shared_memory=False, defer_init=True)
    with config.make(task_generator=LabelEach() if with_generator else None) as curriculum:
        for task_id in range(4199):
            curriculum.add_task(task_id, f"label {task_id}")
        curriculum.add_task(4199, "unknown")
        for task_id in (10, 4190, 4191, 4199):
            curriculum.evict(task_id)
        figures = curriculum.stats()
        evictions = {"label 10": 1, "(other)": 2, "unknown": 1}
        assert {label: figures[f"algorithm/eviction_counts/{label}"] for label in evictions} == evictions
        assert curriculum.get_episode_stats("x")["env_curriculum_stats/per_label_evictions"] == evictions


def build_with_label(task_id: int) -> GeneratedTask:
    return GeneratedTask({"id": task_id}, "built", {})


def test_a_task_has_the_same_label_at_its_first_draw_as_later() -> None:
    config = CurriculumConfig(num_active_tasks=1, seed=0, use_shared_memory=False)
    with config.make(task_generator=build_with_label) as curriculum:
        labels = [curriculum.get_task().label for _ in range(3)]
        assert labels == ["built"] * 3
