"""What a trainer sees: the steps of ``get_task``, labels, evictions."""

from __future__ import annotations

import logging
import math
import pickle
import random
from typing import Any

import pytest

from lpcurr import (
    Curriculum,
    CurriculumConfig,
    CurriculumTask,
    DiscreteRandomConfig,
    InvalidTaskIdError,
    LearningProgressConfig,
    SessionNotFoundError,
)
from lpcurr.generators import GeneratedTask
from tests.twins import Twins, make_config

REFERENCE = {
    "exploration": "absolute",
    "eviction_among": "all",
    "zero_is_unset": True,
    "rand_task_rate": 0.0,
    "new_task_rate": 1.0,
}

# -- learning progress ----------------------------------------------------------------------------------------------


def progress_after(scores: list[float], algorithm: LearningProgressConfig) -> float:
    config = CurriculumConfig(num_active_tasks=4, use_shared_memory=False, defer_init=True, algorithm_config=algorithm)
    with config.make() as curriculum:
        curriculum.add_task(1)
        assert curriculum.update_many([1] * len(scores), scores) == len(scores)
        return curriculum.calculate_raw_lp_debug_stats()["debug/raw_lp_max"]


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ([0.0] * 50 + [1.0] * 3, 0.98**3 - 0.9**3),  # about 0.21
        ([0.1] * 20 + [0.9], (0.1 - 0.02) * 8 / 9),
        ([0.0] * 20 + [0.6], (0.1 - 0.02) * 0.6),
    ],
    ids=["solved at last", "improved", "baseline 0"],
)
def test_a_task_that_fails_until_it_is_first_solved_has_progress(scores: list[float], expected: float) -> None:
    old_start = LearningProgressConfig(
        unbiased_averages=False, ema_timescale=0.1, slow_timescale_factor=0.2, use_baseline_normalization=True
    )
    assert progress_after(scores, old_start) == pytest.approx(expected, rel=1e-12)
    assert progress_after(scores, LearningProgressConfig()) > 0.03
    # … and in the reference none, because an average of 0.0 counts as never set
    assert progress_after(scores, LearningProgressConfig.reference(num_active_tasks=4)) == 0.0


class OddOnly(Curriculum):
    """A user's own: draws until the label suits."""

    def get_task(self) -> CurriculumTask:
        while (task := super().get_task()).label != "odd":
            pass
        return task


def test_a_class_of_the_users_own_is_what_arrives_in_a_worker() -> None:
    config = CurriculumConfig(tasks=range(8), task_labels=["even", "odd"] * 4, seed=0)
    with OddOnly(config) as curriculum, pickle.loads(pickle.dumps(curriculum)) as copy:
        assert {copy.get_task().task_id for _ in range(50)} == {1, 3, 5, 7}


def test_a_pickle_is_no_checkpoint() -> None:
    with CurriculumConfig(num_active_tasks=2).make() as curriculum:
        pickled = pickle.dumps(curriculum)
        with pytest.raises(InvalidTaskIdError, match="give its task_id"):
            curriculum.update_task_performance(curriculum.get_task(), 1.0)  # type: ignore[arg-type]
    with pytest.raises(SessionNotFoundError, match=r"curriculum\.save\(path\)"):
        pickle.loads(pickled)


# -- get_task -------------------------------------------------------------------------------------------------------


def test_below_capacity_a_task_is_created_and_at_capacity_one_is_drawn() -> None:
    with Twins(make_config(10, {}, defer_init=False)) as twins:
        created = [twins.create() for _ in range(10)]
        assert len(set(created)) == 10
        assert all(0 <= task_id < 2**53 for task_id in created)
        assert {twins.draw() for _ in range(500)} == set(created)  # nobody has the completions to be evicted
        twins.evict(created[3])
        assert twins.create() not in created
        assert twins.naive.created == twins.curriculum.stats()["num_created"] == 11


@pytest.mark.parametrize("algorithm", [{}, REFERENCE, {"use_bidirectional": False}, DiscreteRandomConfig()], ids=str)
def test_a_fixed_set_of_tasks_stays_as_it_is(algorithm: Any) -> None:
    with Twins(make_config(10, algorithm)) as twins:
        twins.add(*range(8))  # although there is room for two more
        for _ in range(400):
            twins.update(twins.draw(), 0.3)
        assert list(twins.naive.tasks) == list(range(8))
        assert twins.curriculum.stats()["num_created"] == 8


@pytest.mark.parametrize("capacity", [1, 2, 9])
@pytest.mark.parametrize("algorithm", [{"new_task_rate": 1.0}, REFERENCE, {"use_bidirectional": False}], ids=str)
def test_every_draw_is_one_that_the_rules_allow(algorithm: dict[str, Any], capacity: int) -> None:
    rng = random.Random(capacity)
    with Twins(make_config(capacity, {**algorithm, "min_samples_for_lp": 3}, defer_init=False)) as twins:
        for _ in range(300):
            twins.update(twins.draw(), rng.random())
        assert twins.curriculum.find_violations() == []
        assert (twins.naive.evicted > 0) is (capacity > 1)  # a pool of one evicts nothing


def test_discrete_random_evicts_nothing_by_score() -> None:
    with Twins(make_config(4, DiscreteRandomConfig(), defer_init=False)) as twins:
        for _ in range(300):
            twins.update(twins.draw(), 0.5)
        assert twins.naive.evicted == twins.curriculum.stats()["num_evicted"] == 0
        assert twins.curriculum.recommend_eviction() is None
        assert twins.curriculum.evictable_tasks() == []


def replaced(new_task_rate: float, draws: int = 4000) -> float:
    """Share of the draws that replaced a task where one always could be."""
    algorithm = LearningProgressConfig(min_samples_for_lp=0, new_task_rate=new_task_rate)
    config = make_config(
        20, {**algorithm.model_dump(exclude={"num_active_tasks", "use_shared_memory"})}, defer_init=False
    )
    config.min_presentations_for_eviction = 0
    with config.make() as curriculum:
        curriculum.sample_ids(20)
        curriculum.sample_ids(draws)
        return curriculum.stats()["num_evicted"] / draws


def test_the_new_task_rate_is_the_share_of_draws_that_bring_in_a_task() -> None:
    assert replaced(0.0) == 0.0
    assert replaced(1.0) == 1.0
    for rate in (0.1, 0.5):
        assert replaced(rate) == pytest.approx(rate, abs=5.0 * math.sqrt(rate * (1.0 - rate) / 4000))


@pytest.mark.parametrize(("rate", "most"), [(0.1, 2), (0.5, 10), (0.01, 1)])
def test_no_task_is_evicted_while_too_many_are_unexplored(rate: float, most: int) -> None:
    algorithm = {"min_samples_for_lp": 3, "new_task_rate": rate}
    config = make_config(20, algorithm, defer_init=False, min_presentations_for_eviction=0)
    with Twins(config) as twins:
        for task_id in [twins.create() for _ in range(20)]:
            twins.update(task_id, 0.1, 0.2, 0.3)
        largest = 0
        for _ in range(600):
            twins.draw()  # nobody ever finishes: new tasks stay unexplored
            largest = max(largest, sum(not twins.naive.is_explored(task) for task in twins.naive.tasks.values()))
        assert largest == most


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


def test_a_task_that_is_being_played_is_not_evicted() -> None:
    """Its score would come too late; one whose episode was abandoned goes all the same, some draws later."""
    config = CurriculumConfig(num_active_tasks=16, seed=0, use_shared_memory=False, algorithm_config="learnability")
    with config.make(lambda task_id: {"seed": task_id}) as curriculum:
        playing = [curriculum.get_task().task_id for _ in range(3)]
        for episode in range(3000):
            assert curriculum.update_task_performance(playing.pop(0), episode % 3 == 0)
            playing.append(curriculum.get_task().task_id)
        known = curriculum.stats()["num_evicted"]
        assert known > 200
        for _ in range(100):
            for task_id in curriculum.sample_ids(10).tolist()[1:]:
                curriculum.update_task_performance(task_id, 0.5)
        assert curriculum.stats()["num_evicted"] > known + 20


@pytest.mark.parametrize("percentile", [0.0, 0.4, 1.0])
@pytest.mark.parametrize("algorithm", [{}, REFERENCE, {"use_bidirectional": False}], ids=["default", "all", "basic"])
def test_recommendations_are_the_naive_pools(algorithm: dict[str, Any], percentile: float) -> None:
    algorithm = {**algorithm, "min_samples_for_lp": 4, "eviction_threshold_percentile": percentile}
    algorithm["ema_timescale"] = 0.5  # or all progress is 0 as long as both averages are plain means
    rng = random.Random(1)
    with Twins(make_config(20, algorithm)) as twins:
        for task_id in range(20):
            twins.add(task_id)
            twins.update(task_id, *[rng.random() for _ in range(task_id % 9)])
        curriculum = twins.curriculum
        for enough in (None, 0, 3, 8, 100):
            assert curriculum.evictable_tasks(None, enough) == twins.naive.evictable(enough)
            assert curriculum.recommend_eviction(None, enough) == twins.naive.recommend_eviction(enough)
        assert (len(twins.naive.evictable()) > 1) is (percentile > 0.0)
        some = twins.naive.evictable()[-1:]
        assert curriculum.evictable_tasks([*some, 1, 999]) == some
        assert curriculum.recommend_eviction([999, *some]) == some[0]
        assert curriculum.recommend_eviction([]) is None


@pytest.mark.parametrize("percentile", [0.0, 1.0])
def test_at_either_end_of_the_percentile_the_least_is_evicted(percentile: float) -> None:
    algorithm = {"eviction_threshold_percentile": percentile, "new_task_rate": 1.0, "min_samples_for_lp": 3}
    algorithm["ema_timescale"] = 0.5  # or all progress is 0 as long as both averages are plain means
    with Twins(make_config(5, algorithm, defer_init=False)) as twins:
        ids = [twins.create() for _ in range(5)]
        for i, task_id in enumerate(ids):
            twins.update(task_id, *[0.0] * 6, 0.1 * (5 - i))
        least = twins.naive.recommend_eviction()
        assert least == ids[4]
        twins.draw()
        assert least not in twins.naive.tasks


# -- configurations -------------------------------------------------------------------------------------------------


class Counting:
    """A generator that keeps count of what it builds."""

    def __init__(self) -> None:
        self.built: list[int] = []

    def __call__(self, task_id: int) -> dict[str, Any]:
        self.built.append(task_id)
        return {"id": task_id, "walls": [1, 2]}

    def label_of(self, task_id: int) -> str:
        return "even" if task_id % 2 == 0 else "odd"


def make_counting(cache: int) -> tuple[Counting, Any]:
    generator = Counting()
    config = CurriculumConfig(
        num_active_tasks=50, seed=0, use_shared_memory=False, defer_init=True, env_cache_size=cache
    )
    return generator, config.make(task_generator=generator)


def test_configurations_are_built_when_a_task_is_first_drawn_and_kept() -> None:
    generator, curriculum = make_counting(1000)
    with curriculum:
        for task_id in range(50):
            curriculum.add_task(task_id)
        assert generator.built == []  # its label is known without
        assert curriculum.get_task_stats(8)["label"] == "even"
        tasks = [curriculum.get_task() for _ in range(30)]
        assert sorted(generator.built) == sorted({task.task_id for task in tasks})
        for task in tasks:
            assert task.get_env_cfg() == {"id": task.task_id, "walls": [1, 2]}
        assert len(generator.built) == len({task.task_id for task in tasks})


def test_no_more_configurations_are_kept_than_the_cache_holds() -> None:
    generator, curriculum = make_counting(4)
    with curriculum:
        for task_id in range(50):
            curriculum.add_task(task_id)
        curriculum.sample_ids(2000)
        assert len(curriculum._builder._cache) <= 4
        before = len(generator.built)
        for _ in range(3):
            for task_id in range(6):
                curriculum.build(task_id)
        assert len(generator.built) - before >= 17
        for _ in range(3):
            curriculum.build(5)
        assert generator.built[-1] == 5
        assert generator.built[-2] != 5


def test_a_configuration_is_the_callers_own() -> None:
    generator, curriculum = make_counting(10)
    with curriculum:
        curriculum.add_task(3)
        task = curriculum.get_task()
        task.get_env_cfg()["walls"].append(3)
        assert task.get_env_cfg() == curriculum.build(3) == {"id": 3, "walls": [1, 2]}
        assert generator.built == [3]


def test_a_task_says_what_it_is() -> None:
    _, curriculum = make_counting(10)
    with curriculum:
        curriculum.add_task(3)
        curriculum.add_task(4, "given")
        curriculum.add_task(5, 7)  # a level by number, as in task_labels
        tasks = {task.task_id: task for task in (curriculum.get_task() for _ in range(50))}
        assert {task_id: task.label for task_id, task in tasks.items()} == {3: "odd", 4: "given", 5: "7"}
        assert tasks[3].get_label() == "odd"
        assert tasks[3].get_slice_values() == {}
        assert isinstance(tasks[3], CurriculumTask)
        assert repr(tasks[3]) == "CurriculumTask(task_id=3, label='odd')"


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


# -- scores of another scale ------------------------------------------------------------------------------------------


def test_scores_far_outside_0_to_1_are_said_once_where_the_scheduler_goes_by_them(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with CurriculumConfig(num_active_tasks=4, defer_init=True, use_shared_memory=False).make() as curriculum:
        with caplog.at_level(logging.WARNING, "lpcurr"):
            curriculum.add_task(0)
            curriculum.update_task_performance(0, 900.0)  # the frontier puts each task on its own scale
            curriculum.use(LearningProgressConfig())
            curriculum.update_task_performance(0, 10.0)
            assert not caplog.records
            curriculum.update_many([0, 0], [0.5, -900.0])
            curriculum.update_task_performance(0, 900.0)
        (record,) = caplog.records
        assert "size 900" in record.getMessage()
        assert "learning_progress" in record.getMessage()


@pytest.mark.parametrize(
    ("algorithm", "fixed_set", "told"),
    [
        ({"type": "learnability"}, True, True),
        ({"type": "learnability", "task_default_success_threshold": 200.0}, True, False),
        ({"type": "label_progress"}, False, True),  # which evicts by successes
        ({"type": "label_progress"}, True, False),
        ({"type": "staleness"}, False, False),
    ],
)
def test_and_where_it_goes_by_successes_that_no_threshold_was_given_for(
    algorithm: dict[str, Any], fixed_set: bool, told: bool, caplog: pytest.LogCaptureFixture
) -> None:
    config = CurriculumConfig(num_active_tasks=4, defer_init=fixed_set, algorithm_config=algorithm)
    with config.make() as curriculum, caplog.at_level(logging.WARNING, "lpcurr"):
        curriculum.add_task(0)
        curriculum.update_many([0, 0], [20.0, 480.0])
        curriculum.update_task_performance(0, 480.0)
    messages = [record.getMessage() for record in caplog.records]
    assert [f"{algorithm['type']} goes by successes: here, scores of 0.5" in each for each in messages] == [True] * told
