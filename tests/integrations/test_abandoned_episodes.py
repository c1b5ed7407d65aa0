"""Where every episode is abandoned by a reset, that is said once: nothing is learned from any of them."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.envs.classic_control.cartpole import CartPoleVectorEnv
from gymnasium.wrappers import TimeLimit
from mpe2 import simple_spread_v3

from lpcurr import Curriculum, CurriculumEnv
from lpcurr.integrations.gymnasium_vector import VectorCurriculumEnv
from lpcurr.integrations.pettingzoo import ParallelCurriculumEnv

from .sample_tasks import Countdown

Make = Callable[..., Curriculum]


def single(curriculum: Curriculum, steps: int) -> Callable[[], None]:
    env: Any = TimeLimit(CurriculumEnv(Countdown(), curriculum), steps)
    return lambda: play(env, 0, steps)


def agents(curriculum: Curriculum, steps: int) -> Callable[[], None]:
    def build(env: Any, config: dict[str, Any]) -> Any:
        return simple_spread_v3.parallel_env(N=1, max_cycles=config["steps"])

    env = ParallelCurriculumEnv(simple_spread_v3.parallel_env(N=1), curriculum, apply_task=build)
    return lambda: play(env, {"agent_0": 0}, steps)


def native(curriculum: Curriculum, steps: int) -> Callable[[], None]:
    poles = CartPoleVectorEnv(3, max_episode_steps=4)
    env = VectorCurriculumEnv(poles, curriculum, apply_tasks=lambda envs, indices, configs: None)
    return lambda: play(env, np.zeros(3, np.int64), steps)


def play(env: Any, action: Any, steps: int) -> None:
    env.reset()
    for _ in range(steps):
        env.step(action)


@pytest.mark.parametrize("wrapped", [single, agents, native])
def test_abandoning_one_after_another_is_told_once(
    make: Make, wrapped: Callable[..., Callable[[], None]], caplog: pytest.LogCaptureFixture
) -> None:
    curriculum = make(lambda task_id: {"steps": 4})
    abandon, finish = wrapped(curriculum, 3), wrapped(curriculum, 4)
    with caplog.at_level(logging.WARNING, "lpcurr"):
        for _ in range(20):
            abandon()
        assert not caplog.records, "the last of them may go on yet"
        for _ in range(40):
            abandon()
        (record,) = caplog.records
        assert "20 resets in a row came in mid-episode" in record.getMessage()
        assert "TimeLimit belongs inside" in record.getMessage()
        assert curriculum.stats()["num_completed"] == 0
        for _ in range(40):
            finish()
        assert len(caplog.records) == 1


def test_an_episode_that_ends_begins_the_count_anew_and_empty_ones_do_not_count(
    make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    env = CurriculumEnv(Countdown(), make(lambda task_id: {"steps": 2}))
    with caplog.at_level(logging.WARNING, "lpcurr"):
        for _ in range(3):
            for _ in range(15):
                play(env, 0, 1)
            for _ in range(30):
                play(env, 0, 0)
            play(env, 0, 2)
        assert not caplog.records


def test_the_task_is_there_for_wrappers_outside_to_the_last_observation(make: Make) -> None:
    class AddSteps(gymnasium.ObservationWrapper[Any, Any, Any]):
        def observation(self, observation: Any) -> Any:
            return self.env.get_wrapper_attr("task").get_env_cfg()["steps"]

    inner = CurriculumEnv(Countdown(), make(lambda task_id: {"steps": 1 + task_id % 7}))
    assert inner.task is None
    env = AddSteps(gymnasium.wrappers.OrderEnforcing(inner))
    for _ in range(9):
        steps, info = env.reset()
        assert inner.task is not None
        assert inner.task.task_id == info["curriculum/task_id"]
        assert [env.step(0)[0] for _ in range(steps)] == [steps] * steps
