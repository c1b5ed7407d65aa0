"""What the stress tool's workers do: everything a curriculum can, at random, with an account of what was finished."""

from __future__ import annotations

import multiprocessing
import os
import threading
from multiprocessing.context import BaseContext
from pathlib import Path
from typing import NamedTuple

import numpy as np

import lpcurr
from lpcurr import Curriculum

# A worker's account. What it is about to do stands under PENDING_… until it is counted under the others; a batch counts
# as so many calls.
CALLS, DRAWS, UPDATES, PENDING_DRAWS, PENDING_UPDATES, ATTACHES = range(6)
_FIELDS = 8

SWITCHED = (
    lpcurr.LearningProgressConfig(min_samples_for_lp=3, max_inactive_labels_retained=30, new_task_rate=0.2),
    lpcurr.FrontierConfig(max_inactive_labels_retained=30),
    lpcurr.PrioritizedReplayConfig(
        max_inactive_labels_retained=30, prioritization="rank", by="score", new_task_rate=0.2
    ),
    lpcurr.LabelProgressConfig(max_inactive_labels_retained=30, new_task_rate=0.2),
)
"""What workers switch between where they are told to."""

_ASIDE = 10  # episodes that a forked child or a thread plays

Account = np.ndarray[tuple[int], np.dtype[np.int64]]


class Habits(NamedTuple):
    """What workers do beside playing: how often they switch the scheduler; with a folder they save and fork too."""

    seed: int
    switching: float = 0.0
    saves_to: Path | None = None


class Ledger:
    """An account for each worker that ever ran, in memory of its own: it says what a killed worker had finished."""

    def __init__(self, context: BaseContext, lives: int) -> None:
        self._memory = context.RawArray("q", lives * _FIELDS)
        self._lives = lives

    @property
    def accounts(self) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
        """int64[lives, fields]."""
        return np.frombuffer(self._memory, dtype=np.int64).reshape(self._lives, _FIELDS)


class Labelled:
    """A task generator with a few hundred labels, so that labels come, go and come back."""

    def __init__(self, labels: int) -> None:
        self.labels = labels

    def __call__(self, task_id: int) -> dict[str, int]:
        return {"map_seed": task_id}

    def label_of(self, task_id: int) -> str:
        return f"label {task_id % self.labels}"


class Worker:
    """One process's play."""

    def __init__(self, curriculum: Curriculum, account: Account, life: int, habits: Habits) -> None:
        self.curriculum = curriculum
        self.account = account
        self.random = np.random.default_rng(habits.seed * 100_003 + life)
        self.habits = habits
        self.seen: list[int] = [0]

    def run(self) -> None:
        """Play until killed, or until the parent is gone."""
        parent = multiprocessing.parent_process()
        turns = [self._episodes, self._batch, self._administer, self._look, self._return, self._switch]
        switching, aside = self.habits.switching, 0.005 if self.habits.saves_to else 0.0
        chances = [0.5, 0.45 - switching - 2 * aside, 0.03, 0.015, 0.005, switching]
        if aside:
            turns += [self._save, self._spread]
            chances += [aside] * 2
        while parent is None or os.getppid() == parent.pid:
            turn = self.random.choice(len(turns), p=chances)
            turns[turn]()

    def _episodes(self) -> None:
        for score in self.random.random(20).tolist():
            self.account[PENDING_DRAWS] = 1
            task = self.curriculum.get_task()
            self.account[DRAWS] += 1
            self.account[PENDING_DRAWS] = 0
            self._update(task.task_id, score)
            self.curriculum.get_episode_stats(task.label)
            self.account[CALLS] += 2
        self.seen = [*self.seen[-50:], task.task_id]

    def _update(self, task_id: int, score: float) -> None:
        self.account[PENDING_UPDATES] = 1
        self.curriculum.update_task_performance(task_id, score)
        self.account[UPDATES] += 1
        self.account[PENDING_UPDATES] = 0

    def _batch(self) -> None:
        size = int(self.random.integers(1, 1000))
        self.account[PENDING_DRAWS] = size
        ids = self.curriculum.sample_ids(size)
        self.account[DRAWS] += size
        self.account[PENDING_DRAWS] = 0
        ids[::17] = 1  # not in the pool, most of the time
        self.account[PENDING_UPDATES] = size
        self.curriculum.update_many(ids, self.random.random(size))
        self.account[UPDATES] += size
        self.account[PENDING_UPDATES] = 0
        self.account[CALLS] += 2 * size

    def _administer(self) -> None:
        for task_id in self.seen[-3:]:
            try:
                self.curriculum.evict(task_id)
            except lpcurr.UnknownTaskError:
                continue
            try:
                self.curriculum.add_task(task_id, f"by hand {task_id % 300}")
            except (lpcurr.DuplicateTaskError, lpcurr.PoolFullError):
                continue
            self.account[CALLS] += 2

    def _look(self) -> None:
        if self.random.random() < 0.2:
            self.curriculum.on_epoch_end()
        else:
            self.curriculum.stats()
        self.account[CALLS] += 1

    def _switch(self) -> None:
        self.curriculum.use(SWITCHED[int(self.random.integers(len(SWITCHED)))])
        self.account[CALLS] += 1

    def _return(self) -> None:
        session, generator = self.curriculum.session_id, self.curriculum._generator
        assert session is not None
        self.curriculum.close()
        self.curriculum = lpcurr.attach(session, generator)
        self.account[ATTACHES] += 1

    def _save(self) -> None:
        assert self.habits.saves_to is not None
        self.curriculum.save(self.habits.saves_to / f"pool {self.random.integers(3)}")
        self.account[CALLS] += 1

    def _spread(self) -> None:
        """Play in two threads, and in a child that is forked amid their calls and has a place of its own."""
        threads = [threading.Thread(target=_play, args=(self.curriculum,)) for _ in range(2)]
        self.account[[PENDING_DRAWS, PENDING_UPDATES]] = 3 * _ASIDE
        for thread in threads:
            thread.start()
        if not (child := os.fork()):
            try:
                _play(self.curriculum)
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        for thread in threads:
            thread.join()
        self.account[[DRAWS, UPDATES]] += 3 * _ASIDE
        self.account[[PENDING_DRAWS, PENDING_UPDATES]] = 0
        self.account[CALLS] += 6 * _ASIDE


def _play(curriculum: Curriculum) -> None:
    for _ in range(_ASIDE):
        curriculum.update_task_performance(curriculum.get_task().task_id, 0.5)


def work(curriculum: Curriculum, ledger: Ledger, life: int, habits: Habits) -> None:
    """A worker process."""
    Worker(curriculum, ledger.accounts[life], life, habits).run()
