"""What a task changes of CartPole, in one environment and in a vector; what a policy sees of it, and how it does."""

from collections.abc import Callable, Sequence
from typing import Any

import gymnasium
import numpy as np
from gymnasium.envs.classic_control.cartpole import CartPoleVectorEnv
from numpy.typing import NDArray

from lpcurr.generators import TaskGenerator
from lpcurr.recipes.cartpole_physics.config import PoleConfig
from lpcurr.recipes.epochs import Floats, held_out_ids

MAX_STEPS = 500
"""Steps of an episode that is held to its end."""

_NAMES = ("length", "masspole", "gravity")
_LOGS = np.log([0.03, 0.05, 2.0]), np.log([1.0, 3.0, 80.0])  # where the recipe's family begins and ends


def described(configs: Sequence[PoleConfig]) -> Floats:
    """What the policy sees of tasks: float32[k, 3], about −1 … 1, the logarithms of length, mass and gravity."""
    low, high = _LOGS
    logs = np.log([[getattr(config, name) for name in _NAMES] for config in configs])
    return np.asarray(2.0 * (logs - low) / (high - low) - 1.0, np.float32)


class CartPolePhysics(gymnasium.Wrapper[Any, Any, Any, Any]):
    """CartPole-v1 that plays a :class:`PoleConfig`, from the next reset on, and shows it in the observation."""

    def __init__(self, config: PoleConfig | None = None) -> None:
        super().__init__(gymnasium.make("CartPole-v1", max_episode_steps=MAX_STEPS, disable_env_checker=True))
        space = self.env.observation_space
        assert isinstance(space, gymnasium.spaces.Box)
        beyond = np.full(len(_NAMES), np.inf, np.float32)
        self.observation_space = gymnasium.spaces.Box(np.append(space.low, -beyond), np.append(space.high, beyond))
        self.set_task(config or PoleConfig())

    def set_task(self, config: PoleConfig) -> None:
        """Change the physics."""
        pole: Any = self.env.unwrapped
        set_physics(pole, config.length, config.masspole, config.gravity)
        (self._described,) = described([config])

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        """The first observation, float32[7]: CartPole's four numbers and the three of the task."""
        observation, info = self.env.reset(seed=seed, options=options)
        return np.append(observation, self._described), info

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """As CartPole's."""
        observation, reward, terminated, truncated, info = self.env.step(action)
        return np.append(observation, self._described), reward, terminated, truncated, info


def set_physics(pole: Any, length: Any, masspole: Any, gravity: Any) -> None:
    """Set a CartPole's physics, and what it has computed from it: numbers, or arrays with one for each of a vector."""
    pole.length, pole.masspole, pole.gravity = length, masspole, gravity
    pole.total_mass = masspole + pole.masscart
    pole.polemass_length = masspole * length


class HeldOutPoles:
    """Poles that no curriculum is told of; ``seed`` says which, and how the ``episodes`` of each begin.

    All are played at once, in Gymnasium's vectorised CartPole.

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
