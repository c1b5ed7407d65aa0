"""VectorCurriculumEnv on a look-alike of Isaac Lab's environments, which are vectors in all but name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import gymnasium
import numpy as np
import pytest
from gymnasium.spaces import Box, Discrete
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space

import lpcurr
from lpcurr import ConfigError, Curriculum
from lpcurr.integrations.gymnasium_vector import VectorCurriculumEnv

Make = Callable[..., Curriculum]


class OnDevice:
    """A tensor that NumPy cannot read where it is."""

    def __init__(self, values: Any) -> None:
        self.values = values

    def detach(self) -> OnDevice:
        return self

    def cpu(self) -> Any:
        return self.values

    def __array__(self, *arguments: Any) -> Any:
        raise TypeError("can't convert cuda:0 device type tensor to numpy")


class LookAlike(gymnasium.Env[Any, Any]):
    """A ``gymnasium.Env`` with ``num_envs`` that resets within the step, and gives tensors."""

    metadata: ClassVar[dict[str, Any]] = {"render_modes": []}
    is_vector_env = True

    def __init__(self, num_envs: int) -> None:
        self.num_envs = num_envs
        self.single_observation_space, self.single_action_space = Box(0, 99, (1,)), Discrete(2)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.next_level = np.zeros(num_envs)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        self.level, self.left = self.next_level.copy(), np.arange(self.num_envs) % 3 + 1
        return OnDevice(self.level), {}

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        self.left -= 1
        ended, rewards = self.left == 0, self.level / 10
        self.level, self.left = np.where(ended, self.next_level, self.level), np.where(ended, 3, self.left)
        return OnDevice(self.level), OnDevice(rewards), OnDevice(ended), OnDevice(np.zeros_like(ended)), {}


def leave_levels(envs: Any, indices: Any, configs: list[dict[str, int]]) -> None:
    envs.unwrapped.next_level[indices] = [config["level"] for config in configs]


@pytest.mark.parametrize("wrapped", [False, True])
def test_scores_go_to_the_tasks_that_were_played(make: Make, wrapped: bool) -> None:
    levels = lpcurr.bucketed({"level": 1}).add_bucket("level", list(range(1, 9)))
    curriculum = make(levels, num_active_tasks=64)
    look_alike: Any = LookAlike(6)
    given = gymnasium.wrappers.OrderEnforcing(look_alike) if wrapped else look_alike  # whose num_envs is out of sight
    envs = VectorCurriculumEnv(
        given,
        curriculum,
        apply_tasks=leave_levels,
        score=lambda episodes: OnDevice(episodes.total_rewards / episodes.lengths),
        autoreset_mode=AutoresetMode.SAME_STEP,
    )
    assert envs.tasks == [None] * 6
    assert envs.metadata["autoreset_mode"] is AutoresetMode.SAME_STEP, "which wrappers outside ask for"
    envs.reset()
    for _ in range(30):
        played = [task.get_env_cfg()["level"] for task in envs.tasks]
        assert played == look_alike.level.tolist()
        *_, infos = envs.step(np.zeros(6, int))
        if "final_info" in infos:
            ended = infos["_final_info"]
            assert infos["final_info"]["curriculum/score"][ended] == pytest.approx(np.array(played)[ended] / 10)
    assert (envs.num_envs, envs.single_action_space) == (6, Discrete(2))
    assert curriculum.stats()["num_completed"] == 60


def test_what_is_refused(make: Make) -> None:
    with pytest.raises(ConfigError, match=r"has the autoreset mode None: give autoreset_mode="):
        VectorCurriculumEnv(LookAlike(2), make(), apply_tasks=leave_levels)
    with pytest.raises(ConfigError, match=r"goes into lpcurr\.CurriculumEnv"):
        VectorCurriculumEnv(gymnasium.make("CartPole-v1"), make(), apply_tasks=leave_levels)
