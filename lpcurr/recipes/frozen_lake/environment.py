"""The lakes of many tasks, seen through hashed tiles, in worker processes.

A step of the environment costs about 10 µs, a turn of a worker process's pipe about 100 µs: so each worker holds many
environments (:class:`LakeFleet`) and answers for all of them in one turn. Measured on two cores: 12,000 steps/s with
one environment a process, 80,000 with two processes of 32.
"""

from __future__ import annotations

import multiprocessing
import signal
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any, cast

import gymnasium
import numpy as np
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv
from numpy.typing import NDArray

from lpcurr.curriculum.curriculum import Curriculum
from lpcurr.curriculum.task import CurriculumTask
from lpcurr.recipes.epochs import task_generator_of
from lpcurr.recipes.frozen_lake.config import FrozenLakeConfig
from lpcurr.recipes.frozen_lake.lakes import TILES, Lake, LakeCache
from lpcurr.recipes.frozen_lake.tasks import LakeConfig

Tiles = NDArray[np.int32]
_Step = tuple[Any, Any, bool, bool, dict[str, Any]]


class TileView(gymnasium.Wrapper[Any, Any, Any, Any]):
    """FrozenLake-v1 seen as the learner's rows, of 2**table_bits, for the agent's tile: int32[TILES]."""

    def __init__(self, lake: Lake, table_bits: int) -> None:
        self._lake = lake
        super().__init__(lake.episode_env())
        self.observation_space = gymnasium.spaces.Box(0, 2**table_bits - 1, (TILES,), np.int32)
        self.action_space = self.env.action_space  # the same for every lake

    def play(self, lake: Lake) -> None:
        """Play another lake from the next reset on; the random stream goes on."""
        self._lake = lake
        replacement = lake.episode_env()
        replacement.unwrapped.np_random = self.env.unwrapped.np_random
        self.env = replacement

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        state, _ = self.env.reset(seed=seed, options=options)
        return self._lake.tiles[state], {}

    def step(self, action: Any) -> _Step:
        state, reward, terminated, truncated, _ = self.env.step(action)
        return self._lake.tiles[state], reward, terminated, truncated, {}


class CurriculumView(TileView):
    """Takes a task from the curriculum at every reset, and reports the success of the episode at its end.

    An environment of one's own does by itself what :class:`lpcurr.CurriculumEnv` does for any. Here it is worth while:
    a step of this lake takes 4 µs, to which one more wrapper would add 0.15; and a lake is found by its task's id.
    ``lake`` is any, for the spaces.
    """

    def __init__(self, curriculum: Curriculum, lakes: LakeCache, lake: Lake, table_bits: int) -> None:
        super().__init__(lake, table_bits)
        self._curriculum = curriculum
        self._lakes = lakes
        self._task: CurriculumTask | None = None  # None between episodes

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        self._task = self._curriculum.get_task()
        self.play(self._lakes.find(self._task))
        return super().reset(seed=seed, options=options)

    def step(self, action: Any) -> _Step:
        state, reward, terminated, truncated, _ = self.env.step(action)
        if (terminated or truncated) and self._task is not None:
            # Only the step onto the goal has a reward, 1, and it ends the episode: so this is the episode's return.
            self._curriculum.update_task_performance(self._task.task_id, float(reward))
            self._task = None
        return self._lake.tiles[state], reward, terminated, truncated, {}


class LakeFleet(gymnasium.Env[dict[str, Any], NDArray[np.int64]]):
    """The environments of one worker process, a ``SyncVectorEnv`` inside, as one environment.

    What the environments return goes into the observation, which worker processes hand over in shared memory:
    ``tiles`` int32[envs, TILES], ``reward`` float32[envs], ``ended`` int8[envs]. Where an episode ended, the
    next one has begun in ``tiles``. The fleet itself never ends. ``config`` is that of any lake, for the spaces.
    """

    metadata: dict[str, Any] = {"render_modes": []}  # noqa: RUF012 - gymnasium's own

    def __init__(self, envs: int, curriculum: Curriculum, config: LakeConfig, table_bits: int) -> None:
        if multiprocessing.parent_process() is not None:
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to all; the trainer ends its workers itself
        self._cache = LakeCache(table_bits)
        any_lake = Lake(config, table_bits)
        makers = [partial(self._make_env, number, curriculum, any_lake, table_bits) for number in range(envs)]
        self._lakes = SyncVectorEnv(makers, copy=False, autoreset_mode=AutoresetMode.SAME_STEP)
        self.action_space = self._lakes.action_space
        box = gymnasium.spaces.Box
        self.observation_space = gymnasium.spaces.Dict(
            tiles=self._lakes.observation_space,
            reward=box(-np.inf, np.inf, (envs,), np.float32),
            ended=box(0, 1, (envs,), np.int8),
        )

    def _make_env(self, number: int, curriculum: Curriculum, lake: Lake, table_bits: int) -> gymnasium.Env[Any, Any]:
        """The environment of one place, 0 … envs − 1."""
        return CurriculumView(curriculum, self._cache, lake, table_bits)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        super().reset(seed=seed)
        tiles, _ = self._lakes.reset(seed=seed, options=options)
        nothing = np.zeros(self._lakes.num_envs)
        return {"tiles": tiles, "reward": nothing.astype(np.float32), "ended": nothing.astype(np.int8)}, {}

    def step(self, action: NDArray[np.int64]) -> tuple[dict[str, Any], float, bool, bool, dict[str, Any]]:
        tiles, rewards, terminated, truncated, _ = self._lakes.step(action)
        ended = (terminated | truncated).astype(np.int8)
        observation = {"tiles": tiles, "reward": rewards.astype(np.float32), "ended": ended}
        return observation, float(rewards.sum()), False, False, {}

    def close(self) -> None:
        self._lakes.close()


class Lakes:
    """Many environments, as the training loop sees them: flat arrays over all ``num_envs`` of all workers."""

    def __init__(self, fleets: AsyncVectorEnv[Any, Any] | SyncVectorEnv[Any, Any], envs: int) -> None:
        self._fleets = fleets
        self._shape = (fleets.num_envs, envs)
        self.num_envs = fleets.num_envs * envs

    def reset(self, seed: int, steps: int = 0) -> Tiles:
        """Begin an episode in every environment, ``steps`` steps into a training; the tiles, int32[num_envs, TILES]."""
        # A fleet seeds its environments with first, first + 1, …; a training that goes on gets other slips than before.
        first = (seed * 1_000_003 + steps * 7_368_787) % 2**31
        seeds: list[int | None] = [first + self.num_envs * i for i in range(self._shape[0])]
        observation, _ = self._fleets.reset(seed=seeds)
        return cast("Tiles", observation["tiles"].reshape(self.num_envs, TILES))

    def step(self, actions: NDArray[np.int64]) -> tuple[Tiles, NDArray[np.float32], NDArray[np.bool_]]:
        """Step every environment: tiles, rewards, and where an episode ended."""
        observation = self._fleets.step(actions.reshape(self._shape))[0]
        tiles = observation["tiles"].reshape(self.num_envs, TILES)
        return tiles, observation["reward"].ravel(), observation["ended"].ravel() != 0

    def close(self, *, at_once: bool) -> None:
        """End the environments and their processes; ``at_once`` does not wait for an unfinished step."""
        if at_once and isinstance(self._fleets, AsyncVectorEnv):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # gymnasium's, of the unfinished step
                self._fleets.close(terminate=True)
        else:
            self._fleets.close()


def make_lakes(config: FrozenLakeConfig, curriculum: Curriculum) -> Lakes:
    """Make the environments; every worker process attaches to the curriculum's pool."""
    any_lake = task_generator_of(curriculum).build(0).env_cfg
    make = partial(LakeFleet, config.envs_per_worker, curriculum, any_lake, config.learner.table_bits)
    makers: list[Callable[[], gymnasium.Env[Any, Any]]] = [make] * config.workers
    fleets: AsyncVectorEnv[Any, Any] | SyncVectorEnv[Any, Any]
    if config.vectorization == "sync":
        fleets = SyncVectorEnv(makers, copy=False, autoreset_mode=AutoresetMode.DISABLED)
    else:
        start = config.start_method
        fleets = AsyncVectorEnv(makers, copy=False, context=start, autoreset_mode=AutoresetMode.DISABLED)
    return Lakes(fleets, config.envs_per_worker)
