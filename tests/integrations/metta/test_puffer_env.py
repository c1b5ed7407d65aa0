"""CurriculumEnv around a real MettaGridPufferEnv in this process."""

from __future__ import annotations

import copy
import logging
import pickle
from collections.abc import Iterator
from typing import Any

import numpy as np
import pufferlib
import pytest
from gymnasium.spaces import Box, Discrete

from lpcurr import ConfigError, Curriculum, InvalidScoreError, TaskGenerationError
from lpcurr.integrations.puffer import CurriculumEnv

from .arenas import AGENTS, MakeEnv, arena, noops, puffer_env, shared_curriculum, unplayable, wrong_means

SAMPLES = "env_curriculum_stats/per_label_samples"
EVICTIONS = "env_curriculum_stats/per_label_evictions"


@pytest.fixture
def curriculum() -> Iterator[Curriculum]:
    with shared_curriculum() as made:
        yield made


def play(env: CurriculumEnv, steps: int) -> list[tuple[int, Any]]:
    """Step; the step numbers at which an episode ended, with the infos."""
    ended = []
    for number in range(steps):
        _, _, terminals, truncations, infos = env.step(noops())
        if (terminals | truncations).all():
            ended.append((number, infos))
    return ended


def test_each_episode_is_credited_once_to_the_task_that_was_played(curriculum: Curriculum) -> None:
    env = MakeEnv(curriculum)(seed=0)
    env.reset(seed=0)
    played = []
    for _ in range(40):
        task = env._current_task
        length = task.get_env_cfg().game.max_steps
        before = curriculum.get_task_stats(task.task_id)["completion_count"]
        assert [number for number, _ in play(env, length)] == [length - 1]
        assert curriculum.get_task_stats(task.task_id)["completion_count"] == before + 1
        played.append(task.task_id)
    env.close()
    assert len(set(played)) > 4
    assert curriculum.stats()["num_completed"] == 40
    assert wrong_means(curriculum) == []


def test_label_statistics_are_in_the_infos_of_the_last_step_only(curriculum: Curriculum) -> None:
    env = MakeEnv(curriculum)()
    env.reset()
    label, length = env._current_task.label, env.env_cfg.game.max_steps
    infos = [env.step(noops())[4] for _ in range(length)]
    assert all(SAMPLES not in each for each in infos[:-1])
    assert infos[-1][SAMPLES] == {label: 1}
    assert label == f"arena,max_steps={length}"
    assert infos[-1][EVICTIONS] == {}
    env.close()


def test_the_next_episode_begins_at_the_step_after_the_end(curriculum: Curriculum) -> None:
    env = MakeEnv(curriculum)()
    env.reset()
    play(env, env.env_cfg.game.max_steps)
    ended, waiting = env.current_simulation, env._current_task
    assert ended.is_done()
    assert env.env_cfg.game.max_steps == waiting.get_env_cfg().game.max_steps
    env.step(noops())
    assert env.current_simulation is not ended
    assert env.current_simulation.current_step == 1
    assert env.current_simulation.config.game.max_steps == waiting.get_env_cfg().game.max_steps
    assert env._current_task is waiting
    env.close()


def test_an_evaluation_loses_no_episode_that_a_reset_cuts_off(curriculum: Curriculum) -> None:
    with curriculum.evaluation(range(3)) as evaluation:
        env = MakeEnv(evaluation)()  # type: ignore[arg-type]
        env.reset()
        for _ in range(3):
            env.reset()
            play(env, env.env_cfg.game.max_steps)
        env.close()
        assert evaluation.done
        assert len(evaluation.result().scores) == 3


def test_a_reset_takes_a_task_but_not_a_second_one_after_an_end(curriculum: Curriculum) -> None:
    env = MakeEnv(curriculum)()
    assert curriculum.stats()["num_scheduled"] == 0  # PufferLib makes one environment more than it plays
    env.reset()
    env.reset()  # abandons an episode
    assert (curriculum.stats()["num_scheduled"], curriculum.stats()["num_completed"]) == (2, 0)
    play(env, env.env_cfg.game.max_steps)
    env.reset()
    assert (curriculum.stats()["num_scheduled"], curriculum.stats()["num_completed"]) == (3, 1)
    env.close()


def test_a_step_without_a_reset_plays_a_task_too(curriculum: Curriculum) -> None:
    env = MakeEnv(curriculum)()
    env.step(noops())
    assert env._current_task.get_env_cfg().game.max_steps == env.env_cfg.game.max_steps
    play(env, env.env_cfg.game.max_steps - 1)
    assert curriculum.stats()["num_completed"] == 1
    assert wrong_means(curriculum) == []
    env.close()


def test_everything_else_is_the_environments(curriculum: Curriculum) -> None:
    inner = puffer_env()
    env = CurriculumEnv(inner, curriculum)
    assert isinstance(env, pufferlib.PufferEnv)
    for name in (
        "num_agents",
        "single_observation_space",
        "action_space",
        "agent_ids",
        "render_mode",
        "emulated",
        "done",
    ):
        assert getattr(env, name) is getattr(inner, name) or getattr(env, name) == getattr(inner, name)
    buffer = np.zeros_like(inner.rewards)
    env.rewards = buffer
    assert inner.rewards is buffer
    env.something_new = 3
    assert (inner.something_new, env.something_new) == (3, 3)
    with pytest.raises(AttributeError, match="nothing_of_the_kind"):
        env.nothing_of_the_kind  # noqa: B018
    env.close()
    with pytest.raises(RuntimeError, match="closed"):
        env.current_simulation  # noqa: B018


def test_an_unfinished_copy_does_not_recurse() -> None:
    unmade = CurriculumEnv.__new__(CurriculumEnv)
    with pytest.raises(AttributeError):
        unmade.num_agents  # noqa: B018
    assert copy.copy(unmade).__class__ is CurriculumEnv
    assert pickle.loads(pickle.dumps(unmade)).__class__ is CurriculumEnv


# -- impossible tasks -----------------------------------------------------------------------------------------------


def sometimes_unplayable(task_id: int) -> Any:
    return unplayable() if task_id % 2 else arena(3)


def never_playable(task_id: int) -> Any:
    return unplayable()


def test_impossible_arenas_are_passed_over_and_evicted(caplog: pytest.LogCaptureFixture) -> None:
    with (
        shared_curriculum(task_generator=sometimes_unplayable) as curriculum,
        caplog.at_level(logging.WARNING, "lpcurr"),
    ):
        env = MakeEnv(curriculum)()
        env.reset()
        play(env, 3 * 60)
        env.close()
        stats = curriculum.stats()
        assert stats["num_completed"] == 60
        assert stats["num_dropped"] > 3
        assert wrong_means(curriculum) == []
    assert len([record for record in caplog.records if record.name == "lpcurr"]) == 1  # the rest at level DEBUG


def test_tasks_that_cannot_be_played_are_not_tried_for_ever() -> None:
    with shared_curriculum(task_generator=never_playable, max_task_attempts=4) as curriculum:
        env = MakeEnv(curriculum)()
        with pytest.raises(TaskGenerationError, match=r"4 tasks in a row .* ValueError: Number of agents 2 exceeds"):
            env.reset()
        assert curriculum.stats()["num_dropped"] == 0  # none could be begun: it need not be the tasks' fault


class Stub(pufferlib.PufferEnv):
    """A PufferEnv of someone else's, in which each agent's episode ends at a step of its own."""

    def __init__(self, ends: dict[int, list[int]], rewards: list[float], *, refuse: bool = False) -> None:
        self.single_observation_space = Box(0, 1, (1,), np.float32)
        self.single_action_space = Discrete(2)
        self.num_agents = len(rewards)
        super().__init__()
        self.ends, self.episode_rewards, self.refuse = ends, np.array(rewards), refuse
        self.clock = 0
        self.configs: list[Any] = []

    def set_mg_config(self, config: Any) -> None:
        if self.refuse:
            raise ValueError("I will not")
        self.configs.append(config)

    def get_episode_rewards(self) -> Any:
        return self.episode_rewards

    def reset(self, seed: int | None = None) -> Any:
        self.clock = 0
        return self.observations, []

    def step(self, actions: Any) -> Any:
        self.clock += 1
        self.terminals[:] = False
        self.terminals[self.ends.get(self.clock, [])] = True
        return self.observations, self.rewards, self.terminals, self.truncations, []


def test_agents_that_end_one_after_another_make_one_episode(curriculum: Curriculum) -> None:
    inner = Stub({2: [0], 5: [1, 2]}, [0.0, 0.3, 0.9])
    env = CurriculumEnv(inner, curriculum)
    env.reset()
    task = env._current_task
    infos = [env.step(noops())[4] for _ in range(5)]
    assert infos[:4] == [[], [], [], []]
    assert infos[4] == [{SAMPLES: {task.label: 1}, EVICTIONS: {}}]
    stats = curriculum.get_task_stats(task.task_id)
    assert (stats["completion_count"], stats["last_score"]) == (1, pytest.approx(0.4))
    assert len(inner.configs) == 2


def test_a_configuration_that_set_mg_config_refuses(curriculum: Curriculum) -> None:
    env = CurriculumEnv(Stub({}, [0.0], refuse=True), curriculum, max_task_attempts=3)
    with pytest.raises(TaskGenerationError, match=r"3 tasks in a row .* ValueError: I will not"):
        env.reset()


def test_a_score_that_is_no_number_is_not_reported(curriculum: Curriculum) -> None:
    env = CurriculumEnv(Stub({1: [0]}, [float("nan")]), curriculum)
    env.reset()
    with pytest.raises(InvalidScoreError, match=f"task {env._current_task.task_id} "):
        env.step(noops())
    assert curriculum.stats()["num_completed"] == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"env": object()}, r"object has no method set_mg_config\(\)"),
        ({"curriculum": 3}, "curriculum is a int, not a Curriculum"),
        ({"max_task_attempts": 0}, "max_task_attempts is 0"),
        ({"max_task_attempts": True}, "max_task_attempts is True"),
    ],
)
def test_wrong_arguments(curriculum: Curriculum, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        CurriculumEnv(**({"env": Stub({}, [0.0] * AGENTS), "curriculum": curriculum} | arguments))
