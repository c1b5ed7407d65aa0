"""Environments and families of tasks. Worker processes import this too, so nothing of pytest is in it."""

from __future__ import annotations

import os
from typing import Any

import gymnasium
from gymnasium.envs.toy_text.frozen_lake import generate_random_map

import lpcurr
from lpcurr import Curriculum, CurriculumEnv
from lpcurr.generators import bucketed
from lpcurr.integrations.gymnasium import Episode

LAKE_STEPS = 20

Env = gymnasium.Env[Any, Any]


class LakeTasks:
    """Maps of FrozenLake: the task id is the seed of the map, the share of ice its label."""

    def __call__(self, task_id: int) -> dict[str, Any]:
        return {"map_seed": task_id, "ice": 0.6 + 0.1 * (task_id % 4)}

    def label_of(self, task_id: int) -> str:
        return f"ice {0.6 + 0.1 * (task_id % 4):.1f}"


def lake_map(config: dict[str, Any]) -> list[str]:
    return generate_random_map(size=4, p=config["ice"], seed=config["map_seed"])


def build_lake(env: Env, config: dict[str, Any]) -> Env:
    lake: Env = gymnasium.make(
        "FrozenLake-v1", desc=lake_map(config), max_episode_steps=LAKE_STEPS, render_mode=env.render_mode
    )
    return lake


def share_of_steps(episode: Episode) -> float:
    return episode.length / LAKE_STEPS


def run_episode(env: Env) -> tuple[int, dict[str, Any]]:
    """Step to the end: the number of steps and the last info. Nothing is added to the infos in between."""
    for length in range(1, 1000):
        _, _, terminated, truncated, info = env.step(env.action_space.sample())
        if terminated or truncated:
            return length, info
        assert not any(key.startswith("curriculum/") for key in info)
    raise AssertionError("the episode does not end")


class WorkerPid(gymnasium.Wrapper[Any, Any, Any, Any]):
    """Tells which process it is in."""

    @property
    def worker_pid(self) -> int:
        return os.getpid()


def make_lake(curriculum: Curriculum) -> Env:
    lake = gymnasium.make("FrozenLake-v1", max_episode_steps=LAKE_STEPS, render_mode="ansi")
    return WorkerPid(CurriculumEnv(lake, curriculum, apply_task=build_lake, score=share_of_steps))


def make_attached_lake(session_id: str) -> Env:
    return make_lake(lpcurr.attach(session_id, LakeTasks()))


def make_impossible_lake(curriculum: Curriculum) -> CurriculumEnv:
    def refuse(env: Env, config: dict[str, Any]) -> None:
        raise ValueError(f"no lake for map {config['map_seed']}")

    return CurriculumEnv(gymnasium.make("FrozenLake-v1"), curriculum, apply_task=refuse, max_task_attempts=3)


PHYSICS = bucketed({"gravity": 9.8, "length": 0.5}, label="physics")
PHYSICS.add_bucket("gravity", [1.6, 9.8, 24.8]).add_bucket("length", [0.25, 0.5, 2.0])


class CartPolePhysics(gymnasium.Wrapper[Any, Any, Any, Any]):
    """CartPole whose tasks are gravity and the length of the pole."""

    def set_task(self, config: dict[str, float]) -> None:
        pole: Any = self.unwrapped
        pole.gravity, pole.length = config["gravity"], config["length"]
        pole.polemass_length = pole.masspole * pole.length


def make_cart_pole(**kwargs: Any) -> Env:
    return CartPolePhysics(gymnasium.make("CartPole-v1", **kwargs))


class Countdown(gymnasium.Env[Any, Any]):
    """Ends after as many steps as its task says; the first observation is random, each reward that of the task."""

    def __init__(self, states: int = 1000) -> None:
        self.states = states
        self.observation_space = gymnasium.spaces.Discrete(states)
        self.action_space = gymnasium.spaces.Discrete(2)
        self.config: dict[str, Any] = {"steps": 2}
        self.options: list[Any] = []
        self.closed = False
        self.info = {"own": True}

    def set_task(self, config: dict[str, Any]) -> None:
        self.config = config

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[int, dict[str, Any]]:
        super().reset(seed=seed)
        self.options.append(options)
        self.left = self.config.get("steps", 2)
        return int(self.np_random.integers(self.states)), self.info.copy()

    def step(self, action: int) -> tuple[int, float, bool, bool, dict[str, Any]]:
        self.left -= 1
        return 0, self.config.get("reward", 1.0), self.left == 0, False, self.info.copy()

    def close(self) -> None:
        self.closed = True


def make_physics_pole(curriculum: Curriculum) -> Env:
    return WorkerPid(CurriculumEnv(make_cart_pole(), curriculum, score=lambda episode: episode.length / 500))
