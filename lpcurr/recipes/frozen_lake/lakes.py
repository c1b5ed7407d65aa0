"""Lakes: Gymnasium's FrozenLake-v1, one for each task."""

from __future__ import annotations

import copy
from collections import OrderedDict
from typing import Any, cast

import gymnasium
import numpy as np
from gymnasium.envs.toy_text.frozen_lake import FrozenLakeEnv, generate_random_map
from gymnasium.wrappers import TimeLimit

from lpcurr.curriculum.task import CurriculumTask
from lpcurr.recipes.frozen_lake.tasks import LakeConfig
from lpcurr.recipes.frozen_lake.tiles import hashed_tiles

_Outcome = tuple[float, int, float, bool]  # chance, next state, reward, whether the episode is over


class Lake:
    """A lake of one task: the environment that every episode of it copies, and what the agent sees on each tile.

    Attributes:
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
        self.env.P = _packed(self.env.P)
        letters = np.asarray(self.env.desc)
        self.tiles = hashed_tiles(letters == b"H", letters == b"G", config.slip, table_bits)

    def episode_env(self) -> gymnasium.Env[Any, Any]:
        """An environment for one slot: shares the table of transitions, which takes milliseconds to build."""
        return TimeLimit(copy.copy(self.env), self.max_steps)


def _packed(table: dict[int, dict[int, list[_Outcome]]]) -> Any:
    """FrozenLake's table of transitions, by state and action, in tuples, equal outcomes stored once.

    A third of the memory, all of it read at random; and the garbage collector passes over tuples of numbers, where the
    dictionaries and lists of some hundred lakes, half a million, held up a worker for a tenth of a second every time.
    """
    known: dict[_Outcome, _Outcome] = {}
    return tuple(
        tuple(tuple(known.setdefault(outcome, outcome) for outcome in table[state][action]) for action in table[state])
        for state in range(len(table))
    )


class LakeCache:
    """The ``size`` lakes that were played last in this process, by task id: tasks are played again and again."""

    def __init__(self, table_bits: int, size: int = 512) -> None:
        self._table_bits = table_bits
        self._size = size
        self._lakes: OrderedDict[int, Lake] = OrderedDict()

    def find(self, task: CurriculumTask) -> Lake:
        """The lake of a task; its configuration is asked for only where the lake is to be built."""
        lake = self._lakes.get(task.task_id)
        if lake is None:
            lake = self._lakes[task.task_id] = Lake(task.get_shared_env_cfg(), self._table_bits)
            if len(self._lakes) > self._size:
                self._lakes.popitem(last=False)
        else:
            self._lakes.move_to_end(task.task_id)
        return lake
