"""The training loop of the frozen-lake recipe."""

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from lpcurr.curriculum.curriculum import Curriculum
from lpcurr.recipes.config import Metrics, OnEpoch
from lpcurr.recipes.epochs import Trainee, held_out_figures, task_generator_of, train_epochs
from lpcurr.recipes.frozen_lake.config import FrozenLakeConfig
from lpcurr.recipes.frozen_lake.environment import Lakes, Tiles, make_lakes
from lpcurr.recipes.frozen_lake.lakes import TILES, HeldOutLakes
from lpcurr.recipes.frozen_lake.learner import Batch, Learner, advantages_of

_LEARNER = "learner.npz"


def train(
    config: FrozenLakeConfig, curriculum: Curriculum, seed: int, on_epoch: OnEpoch, resume: Path | None = None
) -> None:
    """Train one learner on the lakes that the curriculum gives, up to ``total_steps`` or for ``max_seconds``."""
    lakes = make_lakes(config, curriculum)
    finished, judged = False, config.evaluation
    try:
        generator = task_generator_of(curriculum)
        held_out = HeldOutLakes(generator, judged.num_tasks, judged.seed, config.learner.table_bits)
        train_epochs(LakeTrainee(config, lakes, held_out, seed, curriculum.count_steps, resume), config, on_epoch)
        finished = True
    finally:
        lakes.close(at_once=not finished)


class LakeTrainee(Trainee):
    """The ``learner`` on its lakes; ``count_steps`` is told of the steps of every rollout."""

    def __init__(
        self,
        config: FrozenLakeConfig,
        lakes: Lakes,
        held_out: HeldOutLakes | None,
        seed: int,
        count_steps: Callable[[int], None],
        resume: Path | None = None,
    ) -> None:
        self._config, self._lakes, self._held_out, self._count_steps = config, lakes, held_out, count_steps
        self.learner = Learner(config.learner, seed)
        if resume is not None:
            counters = self.learner.load(resume / _LEARNER)
            self.steps, self.episodes = counters["steps"], counters["episodes"]
        self._tiles: Tiles = lakes.reset(seed, self.steps).copy()

    def play(self, until: int, deadline: float) -> None:
        in_time = True
        while self.steps < until and in_time:
            self.roll_out()
            in_time = time.perf_counter() < deadline

    def evaluate(self) -> Metrics:
        if self._held_out is None:
            return {}
        return held_out_figures(self._held_out.success(self.learner.weights), self._config.evaluation.mastered_from)

    def save(self, folder: Path) -> None:
        self.learner.save(folder / _LEARNER, steps=self.steps, episodes=self.episodes)

    def roll_out(self) -> None:
        """Act for ``rollout_steps`` in every environment, and learn from that."""
        learner = self._config.learner
        length, envs = learner.rollout_steps, self._lakes.num_envs
        tiles = np.empty((length, envs, TILES), np.int32)
        actions = np.empty((length, envs), np.int64)
        log_probs, rewards = np.empty((length, envs), np.float32), np.empty((length, envs), np.float32)
        values = np.empty((length + 1, envs), np.float32)
        ended = np.empty((length, envs), np.bool_)
        for step in range(length):
            tiles[step] = self._tiles
            actions[step], log_probs[step], values[step] = self.learner.act(self._tiles)
            self._tiles, rewards[step], ended[step] = self._lakes.step(actions[step])
        values[length] = self.learner.values(self._tiles)
        advantages = advantages_of(rewards, ended, values, learner.discount, learner.trace_decay)
        returns = (advantages + values[:-1]).ravel()
        batch = Batch(tiles.reshape(-1, TILES), actions.ravel(), log_probs.ravel(), advantages.ravel(), returns)
        self.learner.learn(batch)
        self._count_steps(length * envs)
        self.steps += length * envs
        self.episodes += int(ended.sum())
        self.score_sum += float(rewards.sum())
