"""Recipes written for metta's curriculum run with lpcurr.integrations.metta, and what they rely on holds."""

from __future__ import annotations

import doctest
import importlib
import logging
import multiprocessing
import random
from collections import Counter
from typing import Any

import numpy as np
import pufferlib.vector
import pytest
import yaml

import lpcurr.integrations.metta as cc
from lpcurr import ConfigError

from . import reference_style_recipe as recipe
from .arenas import arena, noops, puffer_env
from .test_vector_backends import rollout

MODULES = ["", ".curriculum", ".learning_progress_algorithm", ".stats", ".task_generator", ".task_tracker"]


@pytest.mark.parametrize("name", ["lpcurr.integrations.puffer", *(f"lpcurr.integrations.metta{m}" for m in MODULES)])
def test_the_examples_in_the_docs_run(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def make(tasks: Any = None, **settings: Any) -> cc.Curriculum:
    tasks = tasks or cc.bucketed(arena()).add_bucket("game.max_steps", [3, 5, 8])
    algorithm = settings.pop("algorithm_config", cc.LearningProgressConfig(use_shared_memory=False))
    size = settings.pop("num_active_tasks", 12)
    return cc.CurriculumConfig(
        task_generator=tasks, num_active_tasks=size, algorithm_config=algorithm, **settings
    ).make()


# -- recipes --------------------------------------------------------------------------------------------------------


class MakeEnv:
    def __init__(self, curriculum: cc.Curriculum) -> None:
        self.curriculum = curriculum

    def __call__(self, buf: Any = None, seed: int = 0) -> cc.CurriculumEnv:
        return cc.CurriculumEnv(puffer_env(buf, seed), self.curriculum)


@pytest.mark.parametrize(("use_lp", "kind"), [(True, "learning_progress"), (False, "discrete_random")])
def test_a_recipe_drives_worker_processes_that_share_its_pool(use_lp: bool, kind: str) -> None:
    config = recipe.make_curriculum(arena(), use_lp=use_lp)
    assert config.algorithm_config.type == kind
    with config.make() as curriculum:
        backend = pufferlib.vector.Multiprocessing
        envs = pufferlib.vector.make(MakeEnv(curriculum), backend=backend, num_envs=2, num_workers=2, overwork=True)
        try:
            episodes = rollout(envs, 2, 60)
            stats = curriculum.stats()
            assert stats["num_completed"] + stats["num_refused"] == episodes > 20
            state, kept = curriculum.get_state(), set(curriculum._algorithm.task_tracker.get_all_tracked_tasks())
            for task_id in kept:
                curriculum.evict(task_id)
            rollout(envs, 2, 20, reset=False)
            curriculum.load_state(state)
            restored = curriculum.stats()["num_completed"]
            assert restored == stats["num_completed"]
            rollout(envs, 2, 60, reset=False)
            assert set(curriculum._algorithm.task_tracker.get_all_tracked_tasks()) == kept  # too young to be evicted
            assert curriculum.stats()["num_completed"] > restored
            # two workers, and the environment that PufferLib makes here to look at its spaces
            assert sum(counter["draws"] > 0 for counter in curriculum.process_counters()) == 3
        finally:
            envs.close()
            for process in envs.processes:
                process.join()
        assert curriculum.find_violations() == []


def test_labels_say_what_was_drawn() -> None:
    with make() as curriculum:
        task = curriculum.get_task()
        steps = task.get_env_cfg().game.max_steps
        assert task.get_label() == f"arena.combat|max_steps:{steps}" == task.get_env_cfg().label
        assert task.get_slice_values() == task.get_bucket_values() == {"game.max_steps": steps}


def test_an_environment_completes_the_task_and_the_pool_counts_it_once() -> None:
    with make() as curriculum:
        env = MakeEnv(curriculum)()
        task = env._current_task
        env.reset()
        assert env._current_task is task
        assert (task._num_scheduled, curriculum.stats()["num_scheduled"]) == (1, 1)
        for _ in range(task.get_env_cfg().game.max_steps):
            env.step(noops())
        assert (task._num_completions, task._total_score) == (1, pytest.approx(task.get_env_cfg().game.max_steps / 8))
        assert curriculum.stats()["num_completed"] == 1
        env.close()


# -- configurations -------------------------------------------------------------------------------------------------


def nested() -> cc.CurriculumConfig:
    inner = cc.bucketed(arena()).add_bucket("game.max_steps", [3, cc.Span(4, 9)])
    outer = cc.BucketedTaskGenerator.Config(
        child_generator_config=inner, buckets={"game.agent.rewards.alive.weight": [cc.Span(0.25, 0.5), 1]}, label="b"
    )
    tasks = cc.TaskGeneratorSet.Config().add(outer, weight=2.0).add(cc.single_task(arena(7)))
    tasks.overrides = {"game.obs.num_tokens": 60}
    return tasks.to_curriculum(num_active_tasks=7, algorithm_config=cc.LearningProgressConfig.stable(rand_task_rate=0))


@pytest.mark.parametrize(
    "through",
    [
        lambda config: cc.CurriculumConfig.model_validate(config.model_dump()),
        lambda config: cc.CurriculumConfig.model_validate_json(config.model_dump_json()),
        lambda config: cc.CurriculumConfig(**yaml.safe_load(yaml.safe_dump(config.model_dump(mode="json")))),
    ],
    ids=["dict", "json", "yaml"],
)
def test_nested_generators_come_back_as_they_were(through: Any) -> None:
    config = nested()
    restored = through(config)
    assert restored == config
    assert restored.model_dump_json() == config.model_dump_json()
    first, second = config.task_generator.create(), restored.task_generator.create()
    tasks = [first.get_task(task_id) for task_id in range(40)]
    assert [second.get_task(task_id) for task_id in range(40)] == tasks
    assert len({(task.label, task.game.max_steps) for task in tasks}) > 10
    assert {task.game.obs.num_tokens for task in tasks} == {60}


def test_dotted_overrides_reach_every_level() -> None:
    config = nested()
    config.override("algorithm_config.ema_timescale", 0.25)
    config.override("num_active_tasks", 5)
    config.override("task_generator.weights", [1.0, 3.0])
    assert (config.algorithm_config.ema_timescale, config.num_active_tasks) == (0.25, 5)
    assert config.task_generator.weights == [1.0, 3.0]
    with pytest.raises(ValueError, match="ema_timescale"):
        config.override("algorithm_config.ema_timescale", 7)
    with config.make() as curriculum:
        assert curriculum.stats()["num_active_tasks"] == 5


def test_the_algorithm_is_selected_by_its_type() -> None:
    tasks = cc.single_task(arena())
    random_one = cc.CurriculumConfig(task_generator=tasks, algorithm_config={"type": "discrete_random"})
    assert isinstance(random_one.algorithm_config, cc.DiscreteRandomCurriculumConfig)
    assert isinstance(cc.CurriculumConfig(task_generator=tasks).algorithm_config, cc.DiscreteRandomCurriculumConfig)
    assert isinstance(tasks.to_curriculum().algorithm_config, cc.LearningProgressConfig)
    with pytest.raises(ValueError, match="type"):
        cc.CurriculumConfig(task_generator=tasks, algorithm_config={"type": "fastest"})
    with pytest.raises(ConfigError, match="ema_timescal"):
        cc.LearningProgressConfig(ema_timescal=0.1)


@pytest.mark.parametrize(
    ("here", "there", "size"), [(None, None, 1000), (9, None, 9), (None, 8, 8), (9, 8, 8), (64, 64, 64)]
)
def test_what_num_active_tasks_is(here: int | None, there: int | None, size: int) -> None:
    algorithm = cc.LearningProgressConfig(**({} if there is None else {"num_active_tasks": there}))
    config = cc.single_task(arena()).to_curriculum(num_active_tasks=here, algorithm_config=algorithm)
    assert (config.num_active_tasks, config.core().num_active_tasks) == (size, size)


def test_a_label_of_many_buckets_is_cut_to_what_the_pool_has_room_for() -> None:
    tasks = cc.bucketed(arena())
    for number in range(12):
        tasks.add_bucket(f"game.agent.inventory.initial.resource_{number}", [0, 1])
    with make(tasks) as curriculum:
        labels = {task.task_id: task.get_label() for task in (curriculum.get_task() for _ in range(60))}
    assert all(len(label.encode()) == 120 and label.startswith("arena.combat|resource_0:") for label in labels.values())
    assert len(set(labels.values())) == len(labels)


# -- generators -----------------------------------------------------------------------------------------------------


class Longer(cc.TaskGenerator):
    """A recipe's own generator."""

    class Config(cc.TaskGeneratorConfig["Longer"]):
        env: Any
        longest: int = 9

    def _generate_task(self, task_id: int, rng: random.Random) -> Any:
        mg_config = self._config.env.model_copy(deep=True)
        mg_config.game.max_steps = rng.randint(3, self._config.longest)
        mg_config.label = f"longer.{mg_config.game.max_steps}"
        return mg_config


def test_a_generator_of_ones_own() -> None:
    with make(Longer.Config(env=arena(), longest=6)) as curriculum:
        tasks = [curriculum.get_task() for _ in range(40)]
        assert {task.get_env_cfg().game.max_steps for task in tasks} == {3, 4, 5, 6}
        assert all(task.get_label() == f"longer.{task.get_env_cfg().game.max_steps}" for task in tasks)


def changed(what: str) -> Any:
    config = arena()
    if what == "resource":
        config.game.resource_names = config.game.resource_names[:5]
    elif what == "action":
        config.game.actions.attack.enabled = False
    else:
        config.game.num_agents = 5
    return config


@pytest.mark.parametrize("what", ["resource", "action", "agent"])
def test_resources_actions_and_agents_must_not_change(what: str) -> None:
    tasks = cc.merge([cc.single_task(arena()), cc.single_task(changed(what))])
    generator = tasks.create()
    with pytest.raises(AssertionError, match=rf"inconsistent {what} count for task \d+: expected \d+, got \d+"):
        _ = [generator.get_task(task_id) for task_id in range(50)]
    with make(tasks) as curriculum, pytest.raises(cc.TaskInvariantError, match=r"for task \d+") as caught:
        _ = [curriculum.get_task() for _ in range(50)]
    named = int(str(caught.value).split("for task ")[1].split(":")[0])
    with pytest.raises(cc.TaskInvariantError):
        tasks.create().get_task(named)


def test_a_path_that_leads_nowhere_shows_when_the_curriculum_is_made() -> None:
    with pytest.raises(ValueError, match=r"game\.max_stepz"):
        make(cc.bucketed(arena()).add_bucket("game.max_stepz.x", [1]))


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: cc.Span(3, 3),
        lambda: cc.Span(3, 2),
        lambda: cc.bucketed(arena()).add_bucket("a", [1]).add_bucket("a", [2]),
        lambda: cc.bucketed(arena()).add_bucket("a", []),
        lambda: cc.bucketed(arena()).create(),
        lambda: cc.merge([]).create(),
        lambda: cc.merge([cc.single_task(arena())]).add(cc.single_task(arena()), weight=0),
        lambda: cc.TaskGeneratorSet.Config(task_generators=[cc.single_task(arena())], weights=[1, 2]),
        lambda: cc.CurriculumConfig(task_generator={"type": "no.such.Generator"}),
        lambda: cc.CurriculumConfig(task_generator={"type": "lpcurr.Curriculum"}),
    ],
)
def test_what_is_wrong_is_refused(wrong: Any) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - of ten kinds
        wrong()


# -- the pool -------------------------------------------------------------------------------------------------------


def test_the_pool_is_full_from_the_start_unless_deferred() -> None:
    with make() as curriculum:
        stats = curriculum.stats()
        assert (stats["num_created"], stats["num_active_tasks"], stats["num_evicted"]) == (12, 12, 0)
        assert stats["num_scheduled"] == 0
    with make(defer_init=True) as curriculum:
        assert curriculum.stats()["num_active_tasks"] == 0
        assert curriculum.get_task()._task_id in curriculum._algorithm.task_tracker.get_all_tracked_tasks()


def test_tasks_are_evicted_from_min_presentations_on() -> None:
    algorithm = cc.LearningProgressConfig(use_shared_memory=False, min_samples_for_lp=2, new_task_rate=1.0)
    with make(algorithm_config=algorithm, min_presentations_for_eviction=4) as curriculum:
        tracked = curriculum._algorithm.task_tracker.get_all_tracked_tasks()
        for _ in range(3):
            for task_id in tracked:
                curriculum.update_task_performance(task_id, 0.5)
        assert {curriculum.get_task()._task_id for _ in range(30)} <= set(tracked)
        for task_id in tracked:
            curriculum.update_task_performance(task_id, 0.5)
        assert curriculum._algorithm.recommend_eviction(tracked, 4) == tracked[0]
        curriculum.get_task()
        stats = curriculum.stats()
        assert (stats["num_evicted"], stats["num_active_tasks"]) == (1, 12)
        assert sum(curriculum.get_evictions().values()) == 1
        assert sum(curriculum.get_and_reset_evictions().values()) == 1
        assert curriculum.get_evictions() == {}


def test_the_algorithm_counts_tasks_and_draws_by_label() -> None:
    with make() as curriculum:
        algorithm = curriculum._algorithm
        labels = Counter(curriculum.get_task().get_label() for _ in range(20))
        algorithm.on_task_sampled(0)  # a draw has counted itself
        stats = algorithm.get_pool_composition_stats()
        assert stats["sampling_counts"] == labels
        assert sum(stats["pool_composition"].values()) == 12
        assert algorithm.get_and_reset_sampling_counts() == labels
        assert algorithm.get_and_reset_sampling_counts() == {}


class Task:
    def __init__(self, task_id: int, label: str) -> None:
        self._task_id, self._label = task_id, label

    def get_label(self) -> str:
        return self._label


def test_labels_without_tasks_are_forgotten_and_come_back() -> None:
    config = cc.LearningProgressConfig(use_shared_memory=False, max_inactive_labels_retained=5)
    algorithm = config.create(20)
    for number in range(20):
        algorithm.on_task_created(Task(number, f"label_{number}"))
        algorithm.update_task_performance(number, 0.5)
    for number in range(15):
        algorithm.on_task_evicted(number)
    counts = algorithm.task_tracker.get_label_completion_counts()
    assert counts == {f"label_{number}": 1 for number in range(15, 20)}
    known = {name for name in algorithm._curriculum.stats() if name.startswith("per_label_completions/")}
    assert {name.rpartition("_")[2] for name in known} == {str(number) for number in range(10, 20)}
    algorithm.on_task_created(Task(30, "label_12"))
    assert algorithm.task_tracker.get_task_label(30) == "label_12"
    assert algorithm._curriculum.stats()["per_label_completions/label_12"] == 1  # what it had is still counted


def test_the_same_seed_gives_the_same_tasks() -> None:
    def draws(seed: int) -> list[int]:
        with make(seed=seed) as curriculum:
            return [curriculum.get_task()._task_id for _ in range(30)]

    assert draws(5) == draws(5) != draws(6)


def update(curriculum: cc.Curriculum, task_id: int, times: int) -> None:
    for _ in range(times):
        assert curriculum.update_task_performance(task_id, 0.25)
    curriculum.close()


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_concurrent_updates_from_other_processes_are_all_counted(method: str) -> None:
    with make(algorithm_config=cc.LearningProgressConfig()) as curriculum:
        task_id = curriculum.get_task()._task_id
        context = multiprocessing.get_context(method)
        workers = [context.Process(target=update, args=(curriculum, task_id, 2000)) for _ in range(2)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
            assert worker.exitcode == 0
        stats = curriculum._algorithm.task_tracker.get_task_stats(task_id)
        assert (stats["completion_count"], stats["total_score"]) == (4000, 1000.0)
        assert curriculum.find_violations() == []


def test_state_comes_back() -> None:
    with make(seed=1) as curriculum, make(seed=2) as other:
        for _ in range(30):
            curriculum.update_task_performance(curriculum.get_task()._task_id, 0.5)
        other.load_state(curriculum.get_state())
        assert [other.get_task()._task_id for _ in range(20)] == [curriculum.get_task()._task_id for _ in range(20)]


def test_everything_that_trainers_call_is_there(caplog: pytest.LogCaptureFixture) -> None:
    troubleshooting = {"show_curriculum_troubleshooting_logging": True, "use_shared_memory": False}
    with make(algorithm_config=cc.LearningProgressConfig(**troubleshooting)) as curriculum:
        task = curriculum.get_task()
        curriculum.update_task_performance(task._task_id, np.float32(0.5))
        infos: dict[str, Any] = {}
        curriculum.merge_episode_stats_into_infos(infos, curriculum.get_episode_stats(task.get_label()))
        assert infos["env_curriculum_stats/per_label_samples"] == {task.get_label(): 1}
        assert curriculum.get_task_score(task._task_id) > 0
        assert curriculum.get_task_score(123456) == 0.0
        assert curriculum.calculate_gini_coefficients()["curriculum_gini/pool_occupancy"] > 0
        assert curriculum.calculate_raw_lp_debug_stats()["debug/raw_lp_total_count"] == 12
        assert f"per_label_stats/mean_reward_ema/{task.get_label()}" in curriculum.calculate_per_label_mean_lp_stats()
        assert curriculum.stats("x/")["x/num_completed"] == 1
        with caplog.at_level(logging.INFO, "lpcurr"):
            curriculum.log_shared_memory_state()
        assert "num_completed" in caplog.text
        curriculum.on_epoch_end()


def test_an_environment_that_is_never_reset_costs_an_evaluation_no_episode() -> None:
    with make() as curriculum, curriculum.evaluation([5]) as evaluation:
        MakeEnv(evaluation)().close()
        assert evaluation.get_task().task_id == 5


def test_an_algorithm_by_hand_has_room_for_what_its_settings_say() -> None:
    algorithm = cc.LearningProgressConfig(num_active_tasks=3, use_shared_memory=False).create(2)
    for task_id in range(3):
        algorithm.task_tracker.track_task_creation(task_id)
    assert algorithm.task_tracker.get_all_tracked_tasks() == [0, 1, 2]


def test_what_metta_makes_by_hand() -> None:
    task = cc.CurriculumTask(7, {"size": 4}, {"size": 4})
    task.complete(0.5, signal=0.1, cost=20.0)
    assert (task._task_id, task._env_cfg, task._mean_score) == (7, {"size": 4}, 0.5)
    assert (task.get_env_cfg(), task.get_slice_values(), task.get_label()) == ({"size": 4}, {"size": 4}, "unknown")
    task._label = "maze"
    assert task.get_label() == "maze"
    assert cc.NullStatsLogger().stats("any/") == {}
