"""The training loop of the frozen-lake recipe."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lpcurr.curriculum.curriculum import Curriculum
from lpcurr.recipes.config import OnEpoch
from lpcurr.recipes.frozen_lake.environment import Lakes, Tiles, make_lakes
from lpcurr.recipes.frozen_lake.evaluation import HeldOutLakes
from lpcurr.recipes.frozen_lake.learner import Batch, Learner, advantages_of
from lpcurr.recipes.frozen_lake.tiles import TILES

if TYPE_CHECKING:
    from lpcurr.recipes.frozen_lake.config import FrozenLakeConfig


_LEARNER = "learner.npz"


def train(
    config: FrozenLakeConfig, curriculum: Curriculum, seed: int, on_epoch: OnEpoch, resume: Path | None = None
) -> None:
    """Train one learner on the lakes that the curriculum gives, up to ``total_steps`` or for ``max_seconds``."""
    generator = curriculum.config.task_generator
    lakes = make_lakes(
        curriculum,
        workers=config.workers,
        envs_per_worker=config.envs_per_worker,
        vectorization=config.vectorization,
        start_method=config.start_method,
        table_bits=config.learner.table_bits,
    )
    finished = False
    try:
        assert generator is not None  # make_lakes has seen to it
        held_out = HeldOutLakes(
            generator, config.evaluation.num_tasks, config.evaluation.seed, config.learner.table_bits
        )
        _Loop(config, lakes, held_out, seed, resume).run(on_epoch, curriculum.count_steps)
        finished = True
    finally:
        lakes.close(at_once=not finished)


class _Loop:
    def __init__(
        self,
        config: FrozenLakeConfig,
        lakes: Lakes,
        held_out: HeldOutLakes,
        seed: int,
        resume: Path | None = None,
    ) -> None:
        self._config = config
        self._lakes = lakes
        self._held_out = held_out
        self._learner = Learner(config.learner, seed)
        self._steps = self._episodes = 0
        if resume is not None:
            counters = self._learner.load(resume / _LEARNER)
            self._steps, self._episodes = counters["steps"], counters["episodes"]
        self._tiles: Tiles = lakes.reset(seed, self._steps).copy()
        self._returns = 0.0  # rewards since the epoch began: the number of successes

    def run(self, on_epoch: OnEpoch, count_steps: Callable[[int], None]) -> None:
        started = time.perf_counter()
        while self._steps < self._config.total_steps:
            began, first_step, first_episode, self._returns = time.perf_counter(), self._steps, self._episodes, 0.0
            end = min(first_step + self._config.epoch_steps, self._config.total_steps)
            in_time = True
            while self._steps < end and in_time:
                rollout_from = self._steps
                self._rollout()
                count_steps(self._steps - rollout_from)
                in_time = time.perf_counter() - started < self._config.max_seconds
            acted = time.perf_counter() - began
            success = self._held_out.success(self._learner.weights)
            episodes = self._episodes - first_episode
            on_epoch(
                {
                    "steps": self._steps,
                    "episodes": self._episodes,
                    "epoch_steps": self._steps - first_step,
                    "epoch_episodes": episodes,
                    "epoch_seconds": acted,
                    "score": self._returns / episodes if episodes else 0.0,
                    "eval/score": float(success.mean()),
                    "eval/mastered": int((success >= self._config.evaluation.mastered_from).sum()),
                    "eval/tasks": self._held_out.count,
                },
                self._save,
            )
            if not in_time:
                return

    def _save(self, folder: Path) -> None:
        self._learner.save(folder / _LEARNER, steps=self._steps, episodes=self._episodes)

    def _rollout(self) -> None:
        length, envs = self._config.learner.rollout_steps, self._lakes.num_envs
        tiles = np.empty((length, envs, TILES), np.int32)
        actions = np.empty((length, envs), np.int64)
        log_probs = np.empty((length, envs), np.float32)
        values = np.empty((length + 1, envs), np.float32)
        rewards = np.empty((length, envs), np.float32)
        ended = np.empty((length, envs), np.bool_)
        for step in range(length):
            tiles[step] = self._tiles
            actions[step], log_probs[step], values[step] = self._learner.act(self._tiles)
            self._tiles, rewards[step], ended[step] = self._lakes.step(actions[step])
        values[length] = self._learner.values(self._tiles)
        learner = self._config.learner
        advantages = advantages_of(rewards, ended, values, learner.discount, learner.trace_decay)
        self._learner.learn(
            Batch(
                tiles.reshape(-1, TILES),
                actions.ravel(),
                log_probs.ravel(),
                advantages.ravel(),
                (advantages + values[:-1]).ravel(),
            )
        )
        self._steps += length * envs
        self._episodes += int(ended.sum())
        self._returns += float(rewards.sum())
