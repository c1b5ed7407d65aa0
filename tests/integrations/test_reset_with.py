"""What of a task belongs in reset: declared, or found out where applying the task resets the environment."""

from __future__ import annotations

import logging
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.spaces import Discrete
from gymnasium.wrappers import TimeLimit

import lpcurr
from lpcurr import ConfigError, Curriculum, CurriculumEnv

from .conftest import Make


class Level(gymnasium.Env[int, int]):
    """A level that comes from the seed of reset, and from its options."""

    observation_space = Discrete(10**6)
    action_space = Discrete(2)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[int, dict[str, Any]]:
        super().reset(seed=seed)
        self.options = options
        return int(self.np_random.integers(10**6)), {}

    def step(self, action: int) -> tuple[int, float, bool, bool, dict[str, Any]]:
        return 0, 1.0, True, False, {}


def level(task_id: int) -> dict[str, int]:
    return {"seed": task_id % 1000, "size": task_id % 7}


def on_their_levels(env: Any, curriculum: Curriculum) -> int:
    right = 0
    for episode in range(30):
        observation, info = env.reset(seed=7 if episode == 0 else None, options={"mine": 1})
        config = curriculum.build(info["curriculum/task_id"])
        right += observation == Level().reset(seed=config["seed"])[0]
        assert env.unwrapped.options == {"mine": 1, "size": config["size"]}
        env.step(0)
    return right


def parts(config: dict[str, int]) -> dict[str, Any]:
    return {"seed": config["seed"], "options": {"size": config["size"]}}


def test_declared_with_nothing_else_to_apply(make: Make) -> None:
    curriculum = make(level)
    assert on_their_levels(CurriculumEnv(Level(), curriculum, reset_with=parts), curriculum) == 30


def test_declared_beside_environments_that_are_rebuilt(make: Make) -> None:
    curriculum = make(level)
    env = CurriculumEnv(Level(), curriculum, apply_task=lambda env, config: TimeLimit(Level(), 5), reset_with=parts)
    assert on_their_levels(env, curriculum) == 30


def test_vectors_of_environments(make: Make) -> None:
    curriculum = make(level)
    make_env = lambda: CurriculumEnv(Level(), curriculum, reset_with=parts)  # noqa: E731
    envs = gymnasium.vector.SyncVectorEnv([make_env] * 2, autoreset_mode=gymnasium.vector.AutoresetMode.SAME_STEP)
    observations, infos = envs.reset(seed=3)
    for _ in range(20):
        for observation, task_id in zip(observations, infos["curriculum/task_id"], strict=True):
            assert observation == Level().reset(seed=curriculum.build(int(task_id))["seed"])[0]
        observations, *_, infos = envs.step([0, 0])


@pytest.mark.parametrize("inner", [False, True])
def test_an_apply_task_that_resets_is_noticed_and_its_seed_taken_over(
    make: Make, caplog: pytest.LogCaptureFixture, inner: bool
) -> None:
    def apply(env: Any, config: dict[str, int]) -> None:
        (env.unwrapped if inner else env).reset(seed=config["seed"], options={"size": config["size"]})

    curriculum = make(level)
    env = CurriculumEnv(TimeLimit(Level(), 5), curriculum, apply_task=apply)
    assert on_their_levels(env, curriculum) == 30
    said = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert len(said) == 1
    assert "reset_with=" in said[0]
    assert "reset" not in vars(env.env)
    assert "reset" not in vars(env.unwrapped)


def test_a_seed_may_be_of_numpy(make: Make) -> None:
    """As those of an array or a table are, which Gymnasium refuses."""
    numpys = lambda config: parts(config) | {"seed": np.int64(config["seed"])}  # noqa: E731
    curriculum = make(level)
    assert on_their_levels(CurriculumEnv(Level(), curriculum, reset_with=numpys), curriculum) == 30


def test_what_reset_with_may_give(make: Make) -> None:
    for wrong in (7, {"sead": 3}):
        env = CurriculumEnv(Level(), make(level), reset_with=lambda config, wrong=wrong: wrong)
        with pytest.raises(ConfigError, match=r"give a dict with 'seed', 'options' or both"):
            env.reset()
    for wrong in ("4", 4.0):
        env = CurriculumEnv(Level(), make(level), reset_with=lambda config, wrong=wrong: {"seed": wrong})
        with pytest.raises(ConfigError, match=r"reset_with gave the seed .*4.*: give an integer"):
            env.reset()
    with pytest.raises(ConfigError, match="reset_with is 7"):
        CurriculumEnv(Level(), make(level), reset_with=7)


def test_the_id_of_a_session_is_taken_for_its_curriculum() -> None:
    tasks = lpcurr.bucketed({"seed": 0, "size": 1}).add_bucket("seed", [1, 2, 3])
    with lpcurr.CurriculumConfig(num_active_tasks=4, task_generator=tasks).make() as curriculum:
        env = CurriculumEnv(Level(), curriculum.session_id, reset_with=parts)
        env.reset()
        env.step(0)
        assert curriculum.stats()["num_completed"] == 1
        env.curriculum.close()
    with pytest.raises(lpcurr.SessionNotFoundError):
        CurriculumEnv(Level(), "no-such-session", reset_with=parts)
