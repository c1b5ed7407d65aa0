"""How well a policy does on held-out lakes: exact success probabilities, from the environments' own transitions.

No episodes are played, so there is no noise, and every curriculum is judged by the same lakes. The policy looks at
nothing but the state, so its chance to reach the goal within the length limit follows from FrozenLake's table ``P``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lpcurr.generators import TaskGenerator
from lpcurr.recipes.epochs import Floats, held_out_ids
from lpcurr.recipes.frozen_lake.lakes import Lake
from lpcurr.recipes.frozen_lake.learner import ACTIONS, outputs, softmax


class HeldOutLakes:
    """Lakes that no curriculum is told of; the learner has 2**table_bits rows.

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
