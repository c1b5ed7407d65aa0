"""The loop over epochs that the packaged recipes have in common, and the figures of an evaluation."""

import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lpcurr.curriculum.curriculum import Curriculum
from lpcurr.errors import ConfigError
from lpcurr.generators import TaskGenerator
from lpcurr.recipes.config import Metrics, OnEpoch, TrainingConfig

Floats = NDArray[np.floating[Any]]


class Trainee(ABC):
    """A recipe's learner with its environments, which goes on from what :meth:`save` wrote where it is given that.

    ``steps`` and ``episodes`` are those so far, ``score_sum`` is of the scores of this process's episodes.
    """

    steps = episodes = 0
    score_sum = 0.0

    @abstractmethod
    def play(self, until: int, deadline: float) -> None:
        """Act and learn up to a number of steps, or until ``time.perf_counter()`` passes the deadline."""

    @abstractmethod
    def evaluate(self) -> Metrics:
        """Return figures of held-out tasks, see :func:`held_out_figures`; empty where there are none."""

    @abstractmethod
    def save(self, folder: Path) -> None:
        """Write what is needed to go on from here."""


def train_epochs(trainee: Trainee, config: TrainingConfig, on_epoch: OnEpoch) -> None:
    """Train up to ``total_steps`` or for ``max_seconds``, and tell the figures of each epoch."""
    deadline = time.perf_counter() + config.max_seconds
    in_time = True
    while trainee.steps < config.total_steps and in_time:
        began, steps, episodes, score_sum = time.perf_counter(), trainee.steps, trainee.episodes, trainee.score_sum
        trainee.play(min(steps + config.epoch_steps, config.total_steps), deadline)
        acted = time.perf_counter() - began
        in_time = time.perf_counter() < deadline
        played = trainee.episodes - episodes
        metrics: Metrics = {
            "steps": trainee.steps,
            "episodes": trainee.episodes,
            "epoch_steps": trainee.steps - steps,
            "epoch_episodes": played,
            "epoch_seconds": acted,
            "score": (trainee.score_sum - score_sum) / played if played else 0.0,
        }
        on_epoch(metrics | trainee.evaluate(), trainee.save)


def task_generator_of(curriculum: Curriculum) -> TaskGenerator:
    """Return what makes the tasks; raises ``ConfigError`` where there is none."""
    if curriculum.config.task_generator is None:
        raise ConfigError("curriculum.task_generator is null: the recipe needs tasks to train on")
    return curriculum.config.task_generator


def held_out_ids(count: int, seed: int) -> list[int]:
    """Draw the ids of the held-out tasks, of which no curriculum is told."""
    ids: list[int] = (np.random.SeedSequence(seed).generate_state(count, np.uint64) >> np.uint64(11)).tolist()
    return ids


def held_out_figures(scores: Floats, mastered_from: float) -> Metrics:
    """Return the mean and the worst tenth of scores[tasks], and how many are mastered.

    >>> held_out_figures(np.array([0.25] + 9 * [0.75]), 0.8)["eval/worst_tenth"]
    0.25
    """
    worst = np.sort(scores)[: -(-len(scores) // 10)]
    return {
        "eval/score": float(scores.mean()),
        "eval/worst_tenth": float(worst.mean()),
        "eval/mastered": int((scores >= mastered_from).sum()),
        "eval/tasks": len(scores),
    }
