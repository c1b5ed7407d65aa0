"""Evaluating on a fixed set of tasks: in order, each equally often, and without a trace in the training's pool."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import sys
from collections import Counter
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

import lpcurr
from lpcurr import ConfigError, Curriculum, CurriculumConfig, CurriculumEnv, CurriculumTask
from lpcurr.curriculum.evaluation import Evaluation
from lpcurr.generators import TaskList
from lpcurr.integrations.gymnasium_vector import VectorCurriculumEnv
from tests.interrupts import interrupted


class Number(gymnasium.Env[int, int]):
    """Plays as many steps as its task's number, and is worth as much."""

    observation_space = gymnasium.spaces.Discrete(100)
    action_space = gymnasium.spaces.Discrete(2)
    interrupted = False

    def set_task(self, config: int) -> None:
        self.number = config

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[int, dict[str, Any]]:
        if self.interrupted:
            self.interrupted = False
            raise KeyboardInterrupt
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


def test_the_result_by_label() -> None:
    maps = lpcurr.bucketed({"size": 4}).add_bucket("size", [4, 8], label=True)
    config = CurriculumConfig(num_active_tasks=8, task_generator=maps)
    with config.make() as curriculum, curriculum.evaluation(range(10), episodes_each=2) as evaluation:
        while not evaluation.done:
            task = evaluation.get_task()
            evaluation.update_task_performance(task.task_id, 1 / task.get_env_cfg()["size"])
        assert evaluation.result().by_label == {"size=4": 0.25, "size=8": 0.125}
        known = evaluation.get_task_stats(3) or {}
        assert (known["label"], known["mean_score"]) == (maps.label_of(3), 1 / maps(3)["size"])


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
        workers = [context.Process(target=play, args=(evaluation, queue)) for _ in range(3 if method == "fork" else 2)]
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


def test_tasks_of_its_own_may_be_integers_and_have_labels() -> None:
    with CurriculumConfig(tasks=range(200), use_shared_memory=False).make() as training:
        with pytest.raises(ConfigError, match=r"no task 10019 in the list, whose ids are 0 … 199.*TaskList\(tasks="):
            training.evaluation(range(10_000, 10_020))
        unseen = TaskList(tasks=[10_000, 10_001], labels=["even", "odd"])
        for tasks in (unseen, {"even": 10_000, "odd": 10_001}):
            with training.evaluation(tasks) as evaluation:
                drawn = evaluation.sample_tasks(2)
                assert [(task.get_env_cfg(), task.label) for task in drawn] == [(10_000, "even"), (10_001, "odd")]


def test_tasks_of_the_whole_range_of_ids(training: Curriculum) -> None:
    tasks = [2**53 - 20, 2**52, *np.unique(training.sample_ids(8)).tolist()]
    with training.evaluation(tasks) as evaluation:
        assert [task.task_id for task in evaluation.sample_tasks(len(tasks))] == tasks
        assert evaluation.update_many(tasks, np.ones(len(tasks))) == len(tasks)
        assert evaluation.done


def test_what_is_no_task_of_it_is_not_counted(training: Curriculum) -> None:
    with training.evaluation([1, 2]) as evaluation:
        evaluation.sample_tasks(2)
        for mark in (2**53 - 1, 2**53 - 2):  # of the episodes that were handed out
            assert not evaluation.update_task_performance(mark, 1.0)
            assert evaluation.get_task_stats(mark) is None
        assert evaluation.update_many([2**53 - 1, 1], [1.0, 1.0]) == 1
        assert not evaluation.done
        for call in (evaluation.build, evaluation.get_task_stats, lambda x: evaluation.update_task_performance(x, 1.0)):
            for wrong in ("x", 1.5, 10**5000):
                with pytest.raises(lpcurr.InvalidTaskIdError):
                    call(wrong)
        with pytest.raises(lpcurr.InvalidBatchError, match="tasks to sample"):
            evaluation.sample_ids(2**40)


def test_refusals(training: Curriculum) -> None:
    for tasks, each in (([], 1), ([1], 0), ([1, 1], 1), ([2**53 - 1], 1), (range(600_000), 1)):
        with pytest.raises(ConfigError):
            training.evaluation(tasks, each)
    with training.evaluation([1]) as evaluation:
        with pytest.raises(ConfigError, match="no episode"):
            evaluation.result()
        with pytest.raises(lpcurr.InvalidScoreError):
            evaluation.update_task_performance(1, float("nan"))


def pass_of(evaluation: Evaluation, skill: float) -> list[int]:
    played = []
    while not evaluation.done:
        task = evaluation.get_task()
        played.append(task.task_id)
        assert evaluation.update_task_performance(task.task_id, skill)
    return played


@pytest.mark.parametrize("shared", [True, False])
def test_each_pass_begins_with_nothing_known(shared: bool) -> None:
    config = CurriculumConfig(num_active_tasks=8, use_shared_memory=shared, task_generator=number)
    with config.make() as training, training.evaluation(range(5, 10), episodes_each=2) as evaluation:
        other: Evaluation = pickle.loads(pickle.dumps(evaluation)) if shared else evaluation
        for skill in (0.25, 0.5, 0.75):
            assert pass_of(evaluation, skill) == [5, 6, 7, 8, 9] * 2
            assert other.get_task().task_id < 0
            assert evaluation.result().mean == other.result().mean == skill
            other.restart()
            assert not evaluation.done
            with pytest.raises(ConfigError, match="no episode"):
                evaluation.result()
        assert [task.task_id for task in (other.get_task(), evaluation.get_task(), other.get_task())] == [5, 6, 7]
        if shared:
            other.close()


def test_an_evaluation_that_is_over_says_so_once(training: Curriculum, caplog: pytest.LogCaptureFixture) -> None:
    with training.evaluation(range(3)) as evaluation:
        pass_of(evaluation, 1.0)
        evaluation.sample_ids(2)
        assert "restart()" not in caplog.text
        evaluation.sample_ids(10)
        assert caplog.text.count("restart()") == 1


def test_what_is_given_back_is_handed_out_again(training: Curriculum) -> None:
    with training.evaluation(range(4), episodes_each=2) as evaluation:
        tasks = evaluation.sample_tasks(6)
        again: CurriculumTask = pickle.loads(pickle.dumps(tasks[1]))
        assert evaluation.give_back(again)
        assert not evaluation.give_back(tasks[1])
        assert evaluation.give_back(tasks[4])
        assert evaluation.sample_ids(5).tolist() == [2, 3, 1, 0, -1]
        evaluation.restart()
        assert not evaluation.give_back(tasks[2])
        assert evaluation.sample_ids(9).tolist() == [0, 1, 2, 3, 0, 1, 2, 3, -1]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere, when a process started is not known")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_what_a_killed_process_had_is_handed_out_again(training: Curriculum, caplog: pytest.LogCaptureFixture) -> None:
    with training.evaluation(range(5), episodes_each=2) as evaluation:
        mine = evaluation.sample_ids(3)
        worker = os.fork()
        if worker == 0:
            for task_id in evaluation.sample_ids(5)[:2]:  # it plays two of them
                evaluation.update_task_performance(task_id, 0.5)
            os.kill(os.getpid(), signal.SIGKILL)
        os.waitpid(worker, 0)
        rest = evaluation.sample_tasks(5)
        assert [task.episode for task in rest[:2]] == [8, 9]
        assert all(task.task_id >= 0 for task in rest)
        assert evaluation.get_task().task_id < 0
        evaluation.update_many([*mine, *(task.task_id for task in rest)], np.full(8, 0.5))
        assert evaluation.done
        assert evaluation.result().episodes == 10
        assert {task["completion_count"] for task in map(evaluation.get_task_stats, range(5)) if task} == {2}
    assert "3 episodes of an evaluation were a dead process's" in caplog.text


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere, when a process started is not known")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_of_a_task_that_a_dead_and_a_live_process_had_the_missing_episode_comes_at_last(training: Curriculum) -> None:
    with training.evaluation([4], episodes_each=2) as evaluation:
        evaluation.update_task_performance(evaluation.get_task().task_id, 0.5)
        worker = os.fork()
        if worker == 0:
            evaluation.get_task()
            os.kill(os.getpid(), signal.SIGKILL)
        os.waitpid(worker, 0)
        assert max(evaluation.sample_ids(2)) < 0  # the score may be the dead one's, and this process be playing
        evaluation._look_again = 0.0
        assert evaluation.get_task().task_id == 4


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_ctrl_c_loses_no_episode(training: Curriculum) -> None:
    with training.evaluation(range(3)) as evaluation:
        calls, more = 0, True
        while more:
            calls += 1
            evaluation.restart()
            more = interrupted(evaluation.get_task, calls)
            taken = [task.task_id for task in evaluation.sample_tasks(3)]
            assert sum(task_id >= 0 for task_id in taken) == (3 if more else 2)
        assert calls > 20
        evaluation.restart()
        env = CurriculumEnv(Number(), evaluation)
        env.unwrapped.interrupted = True  # type: ignore[attr-defined]
        with pytest.raises(KeyboardInterrupt):
            env.reset()
        assert sorted(evaluation.sample_ids(3).tolist()) == [0, 1, 2]


def test_a_score_function_that_raises_loses_no_episode(training: Curriculum) -> None:
    answers = iter([0.0, 1.0])

    def score(_: object) -> float:
        return 1.0 / next(answers)

    with training.evaluation([0]) as evaluation:
        env = CurriculumEnv(Number(), evaluation, score=score)
        env.reset()
        with pytest.raises(ZeroDivisionError):
            env.step(0)
        env.reset()
        env.step(0)
        assert evaluation.done


def test_an_environment_that_is_reset_in_mid_episode_loses_nothing(training: Curriculum) -> None:
    with training.evaluation(range(6)) as evaluation:
        env = CurriculumEnv(Number(), evaluation)
        for steps in (1, 1, 1, 0):
            env.reset()
            for _ in range(steps):
                env.step(0)
        ended = True
        for _ in range(100):
            if evaluation.done:
                break
            if ended:
                env.reset()
            _, _, ended, _, _ = env.step(0)
        assert evaluation.result().scores == pytest.approx({task_id: task_id for task_id in range(6)})


@pytest.mark.parametrize("mode", list(AutoresetMode))
def test_native_vectors_that_are_reset_in_mid_episode_lose_nothing(training: Curriculum, mode: AutoresetMode) -> None:
    poles = gymnasium.make_vec("CartPole-v1", num_envs=3, vectorization_mode="vector_entry_point")
    poles.metadata = poles.metadata | {"autoreset_mode": mode}
    with training.evaluation(range(30)) as evaluation:
        envs = VectorCurriculumEnv(poles, evaluation, apply_tasks=lambda envs, indices, configs: None)
        for _ in range(3):
            envs.reset(seed=0)
        envs.close()
        held = 6 if mode is AutoresetMode.SAME_STEP else 3
        ids = evaluation.sample_ids(31 - held).tolist()
        assert len({task_id for task_id in ids if task_id >= 0}) == 30 - held


def test_episodes_that_are_all_given_back_once_take_no_look_at_all_others_each(
    training: Curriculum, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where a wrapper resets twice; an evaluation of 4,000 episodes took 5 ms for each."""
    with training.evaluation(range(200)) as evaluation:
        moment, looks = evaluation._pool.moment, list[int]()
        monkeypatch.setattr(evaluation._pool, "moment", lambda names: (looks.append(1), moment(names))[1])
        played = []
        while not evaluation.done:
            assert evaluation.give_back(evaluation.get_task())
            played.append(evaluation.get_task().task_id)
            evaluation.update_task_performance(played[-1], 0.5)
        assert sorted(played) == list(range(200))
        assert len(looks) < 10
