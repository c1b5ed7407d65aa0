"""The loop over epochs that the packaged recipes have in common, and the figures of an evaluation."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from lpcurr.recipes.config import Metrics, OnEpoch, TrainingConfig

Floats = NDArray[np.floating[Any]]


class Trainee(Protocol):
    """A learner with its environments."""

    @property
    def steps(self) -> int:
        """Environment steps so far."""

    @property
    def episodes(self) -> int:
        """Episodes so far."""

    @property
    def score_sum(self) -> float:
        """Sum of the scores of this process's episodes."""

    def play(self, until: int, deadline: float) -> None:
        """Act and learn up to a number of steps, or until ``time.perf_counter()`` passes the deadline."""

    def evaluate(self) -> Metrics:
        """Return figures of held-out tasks, see :func:`held_out_figures`; empty where there are none."""

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
