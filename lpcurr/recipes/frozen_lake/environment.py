"""Gymnasium's FrozenLake-v1, its map changing from task to task, seen through hashed tiles.

A step of the environment costs about 10 µs, a turn of a worker process's pipe about 100 µs: so each worker holds many
environments (:class:`LakeFleet`) and answers for all of them in one turn. Measured on two cores: 12,000 steps/s with
one environment a process, 80,000 with two processes of 32.
"""

from __future__ import annotations

import copy
import multiprocessing
import signal
import warnings
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Protocol, cast

import gymnasium
import numpy as np
from gymnasium.envs.toy_text.frozen_lake import FrozenLakeEnv, generate_random_map
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv
from gymnasium.wrappers import TimeLimit
from numpy.typing import NDArray

from lpcurr.curriculum import Curriculum
from lpcurr.errors import ConfigError
from lpcurr.integrations.gymnasium import CurriculumEnv
from lpcurr.recipes.frozen_lake.tasks import LakeConfig
from lpcurr.recipes.frozen_lake.tiles import TILES, hashed_tiles

_CACHED_LAKES = 512

Tiles = NDArray[np.int32]
_Step = tuple[Any, Any, bool, bool, dict[str, Any]]


class Lake:
    """A lake of one task: the environment that every episode of it copies, and what the agent sees on each tile.

    Args:
        config: what lake.
        table_bits: log2 of the learner's rows.

    Attributes:
        config: what lake.
        env: FrozenLake-v1 as ``gymnasium.make`` makes it; never stepped itself.
        max_steps: an episode's length limit.
        tiles: int32[states, TILES], the learner's rows for each state.
    """

    def __init__(self, config: LakeConfig, table_bits: int) -> None:
        self.config = config
        self.max_steps = int(8 * config.size * (1 + 3 * config.slip))
        lake = gymnasium.make(
            "FrozenLake-v1",
            desc=generate_random_map(config.size, 1.0 - config.holes, seed=config.map_seed),
            is_slippery=config.slip > 0.0,
            success_rate=1.0 - config.slip,
            max_episode_steps=self.max_steps,
            disable_env_checker=True,
        )
        self.env = cast("FrozenLakeEnv", lake.unwrapped)
        letters = np.asarray(self.env.desc)
        self.tiles = hashed_tiles(letters == b"H", letters == b"G", config.slip, table_bits)

    def episode_env(self) -> gymnasium.Env[Any, Any]:
        """An environment for one slot: shares the table of transitions, which takes milliseconds to build."""
        return TimeLimit(copy.copy(self.env), self.max_steps)


class TileView(gymnasium.Wrapper[Any, Any, Any, Any]):
    """FrozenLake-v1 seen as the learner's rows for the agent's tile, int32[TILES]; ``set_task`` changes the lake.

    Lakes are kept, the latest ``_CACHED_LAKES`` in each process, since a pool's tasks are played again and again.
    """

    _lakes: OrderedDict[tuple[LakeConfig, int], Lake] = OrderedDict()  # noqa: RUF012 - one for all environments of a process

    def __init__(self, config: LakeConfig, table_bits: int) -> None:
        self._table_bits = table_bits
        self._lake = self._find(config)
        super().__init__(self._lake.episode_env())
        self.observation_space = gymnasium.spaces.Box(0, 2**table_bits - 1, (TILES,), np.int32)
        self.action_space = self.env.action_space  # the same for every lake

    def set_task(self, config: LakeConfig) -> None:
        """Play another lake from the next reset on; the random stream goes on."""
        self._lake = self._find(config)
        replacement = self._lake.episode_env()
        replacement.unwrapped.np_random = self.env.unwrapped.np_random
        self.env = replacement

    def _find(self, config: LakeConfig) -> Lake:
        key = (config, self._table_bits)
        lake = self._lakes.get(key)
        if lake is None:
            lake = self._lakes[key] = Lake(config, self._table_bits)
            if len(self._lakes) > _CACHED_LAKES:
                self._lakes.popitem(last=False)
        else:
            self._lakes.move_to_end(key)
        return lake

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        state, _ = self.env.reset(seed=seed, options=options)
        return self._lake.tiles[state], {}

    def step(self, action: Any) -> _Step:
        state, reward, terminated, truncated, _ = self.env.step(action)
        return self._lake.tiles[state], reward, terminated, truncated, {}


class LakeCurriculumEnv(CurriculumEnv):
    """Keeps its infos to itself: a fleet drops them, and to stack four keys costs 50 µs and more an episode."""

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, dict[str, Any]]:
        observation, _ = super().reset(seed=seed, options=options)
        return observation, {}

    def _report(self, *episode: Any) -> dict[str, Any]:
        super()._report(*episode)
        return {}


class LakeFleet(gymnasium.Env[dict[str, Any], NDArray[np.int64]]):
    """The environments of one worker process, a ``SyncVectorEnv`` inside, as one environment.

    What the environments return goes into the observation, which worker processes hand over in shared memory:
    ``tiles`` int32[envs, TILES], ``reward`` float32[envs], ``ended`` int8[envs]. Where an episode ended, the
    next one has begun in ``tiles``. The fleet itself never ends.

    Args:
        envs: how many.
        curriculum: where their tasks come from.
        config: any lake, for the spaces.
        table_bits: log2 of the learner's rows.
    """

    metadata: dict[str, Any] = {"render_modes": []}  # noqa: RUF012 - gymnasium's own

    def __init__(self, envs: int, curriculum: Curriculum, config: LakeConfig, table_bits: int) -> None:
        if multiprocessing.parent_process() is not None:
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to all; the trainer ends its workers itself

        def make() -> gymnasium.Env[Any, Any]:
            return LakeCurriculumEnv(TileView(config, table_bits), curriculum)

        self._lakes = SyncVectorEnv([make] * envs, copy=False, autoreset_mode=AutoresetMode.SAME_STEP)
        self.action_space = self._lakes.action_space
        box = gymnasium.spaces.Box
        self.observation_space = gymnasium.spaces.Dict(
            tiles=self._lakes.observation_space,
            reward=box(-np.inf, np.inf, (envs,), np.float32),
            ended=box(0, 1, (envs,), np.int8),
        )

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


class Lakes(Protocol):
    """Many environments, as the training loop sees them: flat arrays over all environments of all workers."""

    num_envs: int

    def reset(self, seed: int, steps: int = 0) -> Tiles:
        """Begin an episode in every environment, ``steps`` steps into a training; the tiles, int32[num_envs, TILES]."""

    def step(self, actions: NDArray[np.int64]) -> tuple[Tiles, NDArray[np.float32], NDArray[np.bool_]]:
        """One step of every environment: tiles, rewards, and where an episode ended."""

    def close(self, *, at_once: bool) -> None:
        """End the environments and their processes; ``at_once`` does not wait for an unfinished step."""


class _FleetLakes:
    """Fleets behind a vector environment, flattened."""

    def __init__(self, fleets: AsyncVectorEnv[Any, Any] | SyncVectorEnv[Any, Any], envs: int) -> None:
        self._fleets = fleets
        self._shape = (fleets.num_envs, envs)
        self.num_envs = fleets.num_envs * envs

    def reset(self, seed: int, steps: int = 0) -> Tiles:
        # A fleet seeds its environments with first, first + 1, …; a training that goes on gets other slips than before.
        first = (seed * 1_000_003 + steps * 7_368_787) % 2**31
        seeds: list[int | None] = [first + self.num_envs * i for i in range(self._shape[0])]
        observation, _ = self._fleets.reset(seed=seeds)
        return cast("Tiles", observation["tiles"].reshape(self.num_envs, TILES))

    def step(self, actions: NDArray[np.int64]) -> tuple[Tiles, NDArray[np.float32], NDArray[np.bool_]]:
        observation = self._fleets.step(actions.reshape(self._shape))[0]
        tiles = observation["tiles"].reshape(self.num_envs, TILES)
        return tiles, observation["reward"].ravel(), observation["ended"].ravel() != 0

    def close(self, *, at_once: bool) -> None:
        """Close the environments; ``at_once`` does not wait for a step that was interrupted."""
        if at_once and isinstance(self._fleets, AsyncVectorEnv):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # gymnasium's, of the unfinished step
                self._fleets.close(terminate=True)
        else:
            self._fleets.close()


def make_lakes(
    curriculum: Curriculum,
    *,
    workers: int,
    envs_per_worker: int,
    vectorization: str,
    start_method: str | None,
    table_bits: int,
) -> Lakes:
    """Make the environments; every worker process attaches to the curriculum's pool.

    Raises:
        ConfigError: the curriculum has no task generator.
    """
    generator = curriculum.config.task_generator
    if generator is None:
        raise ConfigError("the frozen-lake recipe needs curriculum.task_generator")
    config = generator.build(0).env_cfg

    def make() -> LakeFleet:
        return LakeFleet(envs_per_worker, curriculum, config, table_bits)

    makers: list[Callable[[], gymnasium.Env[Any, Any]]] = [make] * workers
    fleets: AsyncVectorEnv[Any, Any] | SyncVectorEnv[Any, Any]
    if vectorization == "sync":
        fleets = SyncVectorEnv(makers, copy=False, autoreset_mode=AutoresetMode.DISABLED)
    else:
        fleets = AsyncVectorEnv(makers, copy=False, context=start_method, autoreset_mode=AutoresetMode.DISABLED)
    return _FleetLakes(fleets, envs_per_worker)
