"""Lakes: Gymnasium's FrozenLake-v1, one for each task; and how well a policy does on held-out ones.

What the agent sees on a tile are hashed conjunctions of where the goal is, what lies around, and how slippery it is.
Small conjunctions (what lies around) hold on every map, large ones (the exact way to the goal) on few: together what is
learned on one lake helps on others, and yet lakes of another size and kind leave something to learn.
"""

import copy
from collections import OrderedDict
from typing import Any, cast

import gymnasium
import numpy as np
from gymnasium.envs.toy_text.frozen_lake import FrozenLakeEnv, generate_random_map
from gymnasium.wrappers import TimeLimit
from numpy.typing import NDArray

from lpcurr.curriculum.task import CurriculumTask
from lpcurr.generators import TaskGenerator
from lpcurr.recipes.epochs import Floats, held_out_ids
from lpcurr.recipes.frozen_lake.learner import ACTIONS, outputs, softmax
from lpcurr.recipes.frozen_lake.tasks import LakeConfig

TILES = 8
"""Tilings: rows of the learner's table that are active in a state."""

_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)  # 2**64 over the golden ratio: spreads consecutive keys
_FROZEN, _HOLE, _WALL = 0, 1, 2
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


def hashed_tiles(holes: NDArray[np.bool_], goal: NDArray[np.bool_], slip: float, table_bits: int) -> NDArray[np.int32]:
    """Return the active rows, of 2**table_bits, of each state of a map, int32[n², TILES], from two bool[n, n]."""
    size = holes.shape[0]
    row, column = np.divmod(np.arange(size * size), size)
    goal_row, goal_column = np.argwhere(goal)[0]
    down, right = goal_row - row, goal_column - column
    around = np.full((size + 4, size + 4), _WALL)
    around[2:-2, 2:-2] = np.where(holes, _HOLE, _FROZEN)

    def pattern(*offsets: tuple[int, int]) -> NDArray[np.int64]:
        kinds = [around[row + 2 + i, column + 2 + j] * 3**k for k, (i, j) in enumerate(offsets)]
        return np.asarray(np.sum(kinds, axis=0), np.int64)

    beside = pattern((0, -1), (1, 0), (0, 1), (-1, 0))
    diagonal = pattern((1, 1), (1, -1), (-1, 1), (-1, -1))
    beyond = pattern((0, 2), (2, 0), (0, -2), (-2, 0))
    slipperiness = np.full(size * size, round(slip * 20))
    tilings = (
        (down, right),
        (down // 2, right // 2, beside),
        (down // 4, right // 4, beside),
        ((down + 2) // 4, (right + 2) // 4, slipperiness),
        (beside, slipperiness),
        (beside, diagonal, slipperiness),
        (down, right, beside),
        (beside, beyond, slipperiness),
    )
    rows = [_hash(tiling, (*key,), table_bits) for tiling, key in enumerate(tilings)]
    return np.stack(rows, axis=1)


def _hash(tiling: int, keys: tuple[NDArray[np.int64], ...], table_bits: int) -> NDArray[np.int32]:
    mixed = np.full(keys[0].shape, tiling + 1, np.uint64) * _MULTIPLIER
    for key in keys:
        mixed = (mixed ^ key.astype(np.int64).astype(np.uint64)) * _MULTIPLIER
        mixed ^= mixed >> np.uint64(29)
    return (mixed & np.uint64(2**table_bits - 1)).astype(np.int32)


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


class HeldOutLakes:
    """Lakes that no curriculum is told of; the learner has 2**table_bits rows.

    Success is exact, from the environments' own transitions. No episodes are played, so there is no noise, and every
    curriculum is judged by the same lakes. The policy looks at nothing but the state, so its chance to reach the goal
    within the length limit follows from FrozenLake's table ``P``.

    Attributes:
        configs: what they are, in the order of :meth:`success`.
    """

    def __init__(self, generator: TaskGenerator, num_tasks: int, seed: int, table_bits: int) -> None:
        # Longest first: those whose time is up fall off the end.
        lakes = [Lake(generator.build(task_id).env_cfg, table_bits) for task_id in held_out_ids(num_tasks, seed)]
        lakes.sort(key=lambda lake: -lake.max_steps)
        self.configs = [lake.config for lake in lakes]
        self._limits = np.array([lake.max_steps for lake in lakes], np.int64)
        sizes = [len(lake.tiles) for lake in lakes]
        self._ends = np.cumsum(sizes)
        offsets = self._ends - sizes
        self._starts = offsets + [int(np.argmax(lake.env.initial_state_distrib)) for lake in lakes]
        self._tiles = np.concatenate([lake.tiles for lake in lakes])
        tables = [_transitions(lake) for lake in lakes]
        self._next = np.concatenate([table[0] + offset for table, offset in zip(tables, offsets, strict=True)])
        self._chance = np.concatenate([table[1] for table in tables])
        self._won = np.concatenate([table[2] for table in tables])

    def success(self, weights: Floats) -> Floats:
        """The probability to reach each lake's goal in time, under the softmax policy: float[lakes]."""
        policy = softmax(outputs(weights, self._tiles)[:, :ACTIONS]).astype(np.float32)
        # Holes and the goal lead to themselves without reward: from there the chance is 0 by itself.
        move = np.einsum("sa,sad->sd", policy, self._chance)
        won = (move * self._won).sum(axis=1)
        chance = np.zeros(len(won), np.float32)
        active = len(self.configs)
        result = np.empty(active)
        for step in range(1, int(self._limits[0]) + 1):
            states = self._ends[active - 1]
            chance[:states] = won[:states] + (move[:states] * chance[self._next[:states]]).sum(axis=1)
            while active and self._limits[active - 1] == step:
                active -= 1
                result[active] = chance[self._starts[active]]
        return result


def _transitions(lake: Lake) -> tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.float32]]:
    """FrozenLake's table as arrays, by state and direction of movement d (an action may move in several).

    Returns:
        int64[states, 4] the state that d leads to; float32[states, 4, 4] the chance that action a moves in d;
        float32[states, 4] whether d reaches the goal.
    """
    table: Any = lake.env.P  # of tuples, where gymnasium's annotation says dict
    states = len(table)
    following = np.zeros((states, ACTIONS), np.int64)
    won = np.zeros((states, ACTIONS), np.float32)
    chance = np.zeros((states, ACTIONS, ACTIONS), np.float32)
    for state, actions in enumerate(table):
        for action, outcomes in enumerate(actions):
            directions = (action,) if len(outcomes) == 1 else ((action - 1) % 4, action, (action + 1) % 4)
            for direction, (p, target, reward, _) in zip(directions, outcomes, strict=True):
                following[state, direction] = target
                won[state, direction] = reward
                chance[state, action, direction] = p
    return following, chance, won
