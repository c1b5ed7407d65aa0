"""How well a policy does on held-out poles: many episodes at once, in Gymnasium's vectorised CartPole."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from gymnasium.envs.classic_control.cartpole import CartPoleVectorEnv
from numpy.typing import NDArray

from lpcurr.generators import TaskGenerator
from lpcurr.recipes.cartpole_physics.physics import MAX_STEPS, described, set_physics
from lpcurr.recipes.epochs import Floats, held_out_ids


class HeldOutPoles:
    """Poles that no curriculum is told of; ``seed`` says which, and how the ``episodes`` of each begin.

    Attributes:
        configs: what they are, in the order of :meth:`scores`.
    """

    def __init__(self, generator: TaskGenerator, num_tasks: int, episodes: int, seed: int) -> None:
        self.configs = [generator.build(task_id).env_cfg for task_id in held_out_ids(num_tasks, seed)]
        self._seed = seed
        self._described = np.repeat(described(self.configs), episodes, axis=0)
        self._poles = CartPoleVectorEnv(num_tasks * episodes, max_episode_steps=MAX_STEPS)
        columns = ([getattr(c, name) for c in self.configs] for name in ("length", "masspole", "gravity"))
        set_physics(self._poles, *(np.repeat(column, episodes) for column in columns))

    def scores(self, act: Callable[[Floats], NDArray[np.integer[Any]]]) -> Floats:
        """Return the mean share of the steps that each pole is held, float64[poles], by float32[n, 7] to int[n]."""
        observations, _ = self._poles.reset(seed=self._seed)
        held = np.ones(len(self._described), np.bool_)
        lengths = np.zeros(len(held), np.int64)
        while held.any():
            actions = act(np.concatenate([observations, self._described], axis=1))
            observations, _, terminated, truncated, _ = self._poles.step(actions)
            lengths += held
            held &= ~(terminated | truncated)
        shares: Floats = lengths.reshape(len(self.configs), -1).mean(axis=1) / MAX_STEPS
        return shares
