"""What holds for every scheduler in ALL: formulas, draws, checkpoints, statistics, kills, switches."""

from __future__ import annotations

import inspect
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

import lpcurr
from lpcurr.kernels import formulas
from lpcurr.kernels.machine.views import column, header_record
from lpcurr.memory import layout
from lpcurr.schedulers import ALL
from lpcurr.schedulers.common import SchedulerConfig, Way
from tests import naive_schedulers
from tests.kernels.calls import _compile
from tests.twins import Twins, make_config

TASKS = 40
FORMULAS = ["priority", "exploring_weight", "acceptance", "retention"]


def name_of(scheduler: type[SchedulerConfig]) -> str:
    return str(scheduler.model_fields["type"].default)


def fixed_set(scheduler: type[SchedulerConfig], tasks: int) -> lpcurr.Curriculum:
    """A curriculum over tasks 0 … n − 1, by a scheduler's defaults."""
    config = lpcurr.CurriculumConfig(num_active_tasks=tasks, defer_init=True, algorithm_config=scheduler(), seed=0)
    curriculum = config.make()
    for task_id in range(tasks):
        curriculum.add_task(task_id)
    return curriculum


every_scheduler = pytest.mark.parametrize("scheduler", ALL, ids=name_of)


def played(twins: Twins, seed: int = 0, rounds: int = 12) -> None:
    """Give tasks different histories: some never played, some always solved, some improving, some graded."""
    rng = np.random.default_rng(seed)
    for task_id in range(TASKS):
        twins.add(task_id, label=(None, "few", "some", "many")[(task_id >= 3) + (task_id >= 9) + (task_id >= 20)])
    for task_id in range(TASKS - 5):
        for round_ in range(int(rng.integers(1, 4 * rounds))):
            chance = (0.0, 1.0, task_id / TASKS, round_ / (4 * rounds))[task_id % 4]
            graded = chance * (0.5 + rng.random())
            twins.update(task_id, float(rng.random() < chance) if task_id % 5 else graded)


def check_many_draws(twins: Twins, count: int) -> None:
    """Chi-square of the draws; where each draw changes the next one's chances, of a twentieth of them, one by one."""
    share = float(twins.curriculum._pool.state["header"]["staleness_share"][0])
    if share == 0.0:
        twins.check_draws(twins.curriculum.sample_ids(count))
        return
    ids, chances = twins.curriculum.probabilities()
    last_drawn = np.array([twins.naive.tasks[task_id].last_drawn for task_id in ids.tolist()])
    others = chances - share * _in_proportion(twins.naive.scheduled - last_drawn)  # no draw changes this part
    counts, expected = np.zeros(ids.size), np.zeros(ids.size)
    places = {task_id: place for place, task_id in enumerate(ids.tolist())}
    for number in range(count // 20):
        chances = others + share * _in_proportion(twins.naive.scheduled - last_drawn)
        if number % 50 == 0:
            np.testing.assert_allclose(twins.curriculum.probabilities()[1], chances, rtol=1e-12)
        expected += chances
        drawn = int(twins.curriculum.sample_ids(1)[0])
        counts[places[drawn]] += 1
        twins.naive.count_draw(drawn)
        last_drawn[places[drawn]] = twins.naive.scheduled
    twins.check()
    # The counts vary less than independent ones would: whoever was drawn is less likely to be drawn again.
    assert stats.chi2.sf(np.sum((counts - expected) ** 2 / expected), ids.size - 1) > 1e-4


def _in_proportion(ages: np.ndarray) -> np.ndarray:
    return ages / ages.sum() if ages.any() else np.full(ages.size, 1.0 / ages.size)


# -- the file -------------------------------------------------------------------------------------------------------


def test_numbers_are_places_in_all() -> None:
    assert [scheduler.number for scheduler in ALL] == list(range(len(ALL)))
    assert len({name_of(scheduler) for scheduler in ALL}) == len(ALL)


@every_scheduler
def test_a_file_says_when_to_use_it_and_whence_it_comes(scheduler: type[SchedulerConfig]) -> None:
    text = inspect.getmodule(scheduler).__doc__ or ""  # type: ignore[union-attr]
    assert "When to use it" in text
    assert "References:" in text or "metta" in text or scheduler.draws_by == Way.UNIFORM
    assert ">>>" in (scheduler.__doc__ or "")


@every_scheduler
def test_a_naive_twin_is_there(scheduler: type[SchedulerConfig]) -> None:
    name = name_of(scheduler().scheduler)  # of a mixture, that of a part
    assert name in naive_schedulers.DRAWS_BY
    assert name in naive_schedulers.RULES
    assert name in naive_schedulers.PRIORITY


@every_scheduler
def test_rules_are_those_of_the_header(scheduler: type[SchedulerConfig]) -> None:
    rules = scheduler().rules(5, False)
    assert set(rules) == {field[0] for field in layout.RULE_FIELDS}
    assert scheduler().rules(5, True)["may_evict"] == 0


@every_scheduler
def test_settings_survive_a_dump(scheduler: type[SchedulerConfig]) -> None:
    config = lpcurr.CurriculumConfig(algorithm_config=scheduler(), seed=1)
    again = lpcurr.CurriculumConfig(**config.model_dump(mode="json"))
    assert again == config
    assert isinstance(again.algorithm_config, scheduler)


# -- formulas -------------------------------------------------------------------------------------------------------


@_compile
def _one_by_one(segment, count, priorities, weights, accepted, retained):  # type: ignore[no-untyped-def]
    view, rules = column(segment), header_record(segment, 0)
    for slot in range(count):
        priorities[slot] = formulas.priority(view, slot, rules)
        weights[slot] = formulas.exploring_weight(view, slot, rules)
        accepted[slot] = formulas.acceptance(view, slot, rules)
        retained[slot] = formulas.retention(view, slot, rules)


@every_scheduler
def test_formulas_say_the_same_for_one_task_and_for_arrays_bit_for_bit(scheduler: type[SchedulerConfig]) -> None:
    with Twins(make_config(TASKS, scheduler())) as twins:
        played(twins)
        pool = twins.curriculum._pool
        one = np.empty((len(FORMULAS), TASKS))
        _one_by_one(pool._segment.bytes, TASKS, *one)
        state = pool.state
        names = (*(name for name, _ in layout.TRUTH_COLUMNS), "priority")
        task = types.SimpleNamespace(**{name: layout.cells(state, name)[0][:TASKS] for name in names})
        rules = types.SimpleNamespace(**{name: state["header"][name][0] for name in ("capacity", *layout.RULES)})
        with np.errstate(divide="raise", invalid="raise"):
            for name, expected in zip(FORMULAS, one, strict=True):
                values = getattr(scheduler().scheduler, name)(task, slice(None), rules)
                np.testing.assert_array_equal(values, expected, err_msg=name)
        assert ((one[1:3] >= 0.0) & (one[1:3] <= 1.0)).all()
        if scheduler.draws_by == Way.WEIGHT:
            assert (one[0] >= 0.0).all()


# -- draws ----------------------------------------------------------------------------------------------------------


@every_scheduler
@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.heavy)])
def test_draws_are_exact_and_fresh(scheduler: type[SchedulerConfig], seed: int) -> None:
    with Twins(make_config(TASKS, scheduler(), seed=seed)) as twins:
        played(twins, seed)
        twins.check()
        check_many_draws(twins, 30_000)
        assert twins.curriculum.find_violations() == []


@every_scheduler
def test_a_pool_of_one_and_an_unplayed_pool_are_drawn_from(scheduler: type[SchedulerConfig]) -> None:
    for tasks in (1, 7):
        with Twins(make_config(TASKS, scheduler())) as twins:
            twins.add(*range(tasks))
            assert set(twins.curriculum.sample_ids(300).tolist()) == set(range(tasks))


@every_scheduler
def test_huge_and_tiny_scores_leave_a_distribution(scheduler: type[SchedulerConfig]) -> None:
    with fixed_set(scheduler, 20) as curriculum:
        for score in (1e308, -1e308, 5e-324, 0.0, -0.0, 1e140, 1.0) * 4:
            for task_id in range(20):
                curriculum.update_task_performance(task_id, score if task_id % 3 else 0.5, signal=score)
        probabilities = curriculum.probabilities()[1]
        assert np.isfinite(probabilities).all()
        assert probabilities.sum() == pytest.approx(1.0, rel=1e-12)
        assert set(curriculum.sample_ids(2000).tolist()) <= set(range(20))
        assert curriculum.find_violations() == []


@every_scheduler
def test_any_setting_that_is_taken_leaves_a_distribution(scheduler: type[SchedulerConfig]) -> None:
    with fixed_set(scheduler, 20) as curriculum:
        for task_id in list(range(14)) * 12:  # the others stay unplayed
            curriculum.update_task_performance(task_id, task_id / 14)
        for name, field in scheduler.model_fields.items():
            for value in (0.0, 5e-324, 1e-9, 1.0, 1e9, 1e308, -1e308) if isinstance(field.default, float) else ():
                try:
                    settings = scheduler(**{name: value})
                except ValueError:  # refused, which is as good
                    continue
                curriculum.use(settings)
                probabilities = curriculum.probabilities()[1]
                assert (probabilities >= 0.0).all(), (name, value)
                assert probabilities.sum() == pytest.approx(1.0, rel=1e-12), (name, value)
                assert set(curriculum.sample_ids(100).tolist()) <= set(range(20))
                assert curriculum.find_violations() == [], (name, value)


@every_scheduler
@pytest.mark.parametrize("chance", [0.2, 0.8])
def test_identical_tasks_have_alike_chances_at_every_count(scheduler: type[SchedulerConfig], chance: float) -> None:
    """The luck of the first episode must not decide: mean probability of 2,000 tasks by their first score."""
    rng = np.random.default_rng(3)
    with fixed_set(scheduler, 2000) as curriculum:
        ids = np.arange(2000)
        first = (rng.random(2000) < chance).astype(float)
        curriculum.update_many(ids, first)
        for count in range(2, 51):
            curriculum.update_many(ids, (rng.random(2000) < chance).astype(float))
            if count in (5, 6, 8, 10, 15, 20, 30, 50):
                found, probabilities = curriculum.probabilities()
                by_id = probabilities[np.argsort(found)]
                ratio = by_id[first == 1.0].mean() / by_id[first == 0.0].mean()
                assert 0.67 <= ratio <= 1.5, (count, ratio)


# -- what goes on around it -----------------------------------------------------------------------------------------


@every_scheduler
def test_a_checkpoint_goes_on_bit_for_bit(scheduler: type[SchedulerConfig], tmp_path: Path) -> None:
    def episodes(curriculum: lpcurr.Curriculum, count: int) -> list[int]:
        drawn = []
        for i in range(count):
            task = curriculum.get_task()
            curriculum.update_task_performance(task.task_id, (task.task_id % 7) / 7 + i % 2 / 10, cost=1.0 + i % 3)
            drawn.append(task.task_id)
        return drawn

    config = lpcurr.CurriculumConfig(num_active_tasks=30, algorithm_config=scheduler(), seed=4)
    with config.make() as curriculum:
        episodes(curriculum, 400)
        curriculum.save(tmp_path / "pool.lpc")
        expected = episodes(curriculum, 400)
    with lpcurr.Curriculum.load(tmp_path / "pool.lpc") as curriculum:
        assert episodes(curriculum, 400) == expected
        assert curriculum.find_violations() == []


@every_scheduler
def test_statistics_and_names(scheduler: type[SchedulerConfig]) -> None:
    config = lpcurr.CurriculumConfig(num_active_tasks=10, algorithm_config=scheduler(), seed=0)
    with config.make() as curriculum:
        for _ in range(60):
            curriculum.update_task_performance(curriculum.get_task().task_id, 0.5)
        figures: dict[str, Any] = curriculum.stats() | curriculum.calculate_gini_coefficients()
        assert all(np.isfinite(value) for value in figures.values())
        (session,) = [s for s in lpcurr.sessions.list_sessions() if s.session_id == curriculum.session_id]
        assert session.algorithm == name_of(scheduler).replace("_", " ")


@every_scheduler
def test_it_can_be_switched_to_and_from(scheduler: type[SchedulerConfig]) -> None:
    with Twins(make_config(TASKS, {})) as twins:
        played(twins)
        for config in (scheduler(), lpcurr.LearningProgressConfig(), scheduler()):
            twins.use(config)
            twins.check()
            assert twins.curriculum.find_violations() == []
        check_many_draws(twins, 20_000)
