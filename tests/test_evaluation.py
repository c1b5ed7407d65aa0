"""Evaluating on a fixed set of tasks: in order, each equally often, and without a trace in the training's pool."""

from __future__ import annotations

import multiprocessing
from collections import Counter
from typing import Any

import gymnasium
import numpy as np
import pytest

import lpcurr
from lpcurr import ConfigError, Curriculum, CurriculumConfig, CurriculumEnv
from lpcurr.curriculum.evaluation import Evaluation
from lpcurr.integrations.gymnasium_vector import VectorCurriculumEnv


class Number(gymnasium.Env[int, int]):
    """Plays as many steps as its task's number, and is worth as much."""

    observation_space = gymnasium.spaces.Discrete(100)
    action_space = gymnasium.spaces.Discrete(2)

    def set_task(self, config: int) -> None:
        self.number = config

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[int, dict[str, Any]]:
        self.left = self.number + 1
        return self.number, {}

    def step(self, action: int) -> tuple[int, float, bool, bool, dict[str, Any]]:
        self.left -= 1
        return self.left, float(self.number) / (self.number + 1), self.left == 0, False, {}


def number(task_id: int) -> int:
    return task_id % 100


@pytest.fixture
def training() -> Any:
    with CurriculumConfig(num_active_tasks=8, seed=0, task_generator=number).make() as curriculum:
        yield curriculum


def test_one_environment(training: Curriculum) -> None:
    with training.evaluation(range(20), episodes_each=3) as evaluation:
        env, played = CurriculumEnv(Number(), evaluation), []
        while not evaluation.done:
            _, info = env.reset()
            ended = False
            while not ended:
                *_, ended, _, info = env.step(0)
            played.append(info["curriculum/task_id"])
            assert info["curriculum/accepted"]
        result = evaluation.result()
    assert played == list(range(20)) * 3
    assert result.scores == pytest.approx({task_id: task_id for task_id in range(20)})
    assert (result.mean, result.worst_tenth, result.episodes) == (pytest.approx(9.5), pytest.approx(0.5), 60)
    assert training.stats()["num_scheduled"] == training.stats()["num_completed"] == 0


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_vectors_count_each_task_equally_often_however_long_it_takes(training: Curriculum, kind: str) -> None:
    with training.evaluation(range(13), episodes_each=2) as evaluation:
        vector: Any = gymnasium.vector.SyncVectorEnv if kind == "sync" else gymnasium.vector.AsyncVectorEnv
        envs = vector([lambda: CurriculumEnv(Number(), evaluation)] * 4)
        envs.reset()
        uncounted = 0
        while not evaluation.done:
            *_, infos = envs.step(np.zeros(4, int))
            if "curriculum/score" in infos:
                for i in np.flatnonzero(infos["_curriculum/score"]):
                    task_id, accepted = infos["curriculum/task_id"][i], infos["curriculum/accepted"][i]
                    assert accepted == (task_id >= 0)
                    uncounted += not accepted
        envs.close()
        result = evaluation.result()
    assert result.episodes == 26
    assert uncounted > 0
    assert result.scores == pytest.approx({task_id: task_id for task_id in range(13)})


def test_native_vectors(training: Curriculum) -> None:
    def set_gravity(envs: Any, indices: Any, configs: list[int]) -> None:
        envs.gravity = np.resize(envs.gravity, envs.num_envs)
        envs.gravity[indices] = configs

    poles = gymnasium.make_vec("CartPole-v1", num_envs=4, vectorization_mode="vector_entry_point")
    with training.evaluation(range(1, 7), episodes_each=2) as evaluation:
        envs = VectorCurriculumEnv(poles, evaluation, apply_tasks=set_gravity)
        envs.reset(seed=0)
        while not evaluation.done:
            envs.step(np.ones(4, int))
        assert evaluation.result().episodes == 12


def play(evaluation: Evaluation, queue: Any) -> None:
    played = []
    while (task := evaluation.get_task()).task_id >= 0:
        evaluation.update_task_performance(task.task_id, float(task.get_env_cfg()))
        played.append(task.task_id)
    queue.put(played)


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_processes_share_the_episodes(training: Curriculum, method: str) -> None:
    context: Any = multiprocessing.get_context(method)
    with training.evaluation(range(50), episodes_each=4) as evaluation:
        queue = context.Queue()
        workers = [context.Process(target=play, args=(evaluation, queue)) for _ in range(3)]
        for worker in workers:
            worker.start()
        played = Counter(task_id for _ in workers for task_id in queue.get())
        for worker in workers:
            worker.join()
        assert played == dict.fromkeys(range(50), 4)
        assert evaluation.done
        assert evaluation.result().episodes == 200


def test_tasks_that_are_no_ids_are_a_list() -> None:
    with CurriculumConfig(tasks=["a", "b"], use_shared_memory=False).make() as training:
        with training.evaluation(["held out", {"task": "too"}]) as evaluation:
            tasks = evaluation.sample_tasks(3)
            assert [(task.task_id, task.get_env_cfg(), task.label) for task in tasks] == [
                (0, "held out", "default"),
                (1, {"task": "too"}, "too"),
                (-1, "held out", "default"),
            ]
            assert evaluation.update_each([0, 1, -1], [0.5, 1.0, 0.0]).tolist() == [True, True, False]
            assert evaluation.result().mean == 0.75
        with training.evaluation([1]) as evaluation:
            assert evaluation.get_task().get_env_cfg() == "b"


def test_tasks_of_the_whole_range_of_ids(training: Curriculum) -> None:
    tasks = [2**53 - 20, 2**52, *np.unique(training.sample_ids(8)).tolist()]
    with training.evaluation(tasks) as evaluation:
        assert [task.task_id for task in evaluation.sample_tasks(len(tasks))] == tasks
        assert evaluation.update_many(tasks, np.ones(len(tasks))) == len(tasks)
        assert evaluation.done


def test_refusals(training: Curriculum) -> None:
    for tasks, each in (([], 1), ([1], 0), ([1, 1], 1), ([2**53 - 1], 1), (range(600_000), 1)):
        with pytest.raises(ConfigError):
            training.evaluation(tasks, each)
    with training.evaluation([1]) as evaluation:
        with pytest.raises(ConfigError, match="no episode"):
            evaluation.result()
        with pytest.raises(lpcurr.InvalidScoreError):
            evaluation.update_task_performance(1, float("nan"))
