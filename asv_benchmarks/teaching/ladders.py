"""A student of an endless supply of tasks: a task is a subject and a difficulty, and what counts is the ability."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from asv_benchmarks.teaching.streams import Floats, Ints, State, compiled, hashed, uniform


class Ladders(NamedTuple):
    """Subjects that are climbed by tasks of the right difficulty; a task's id settles its subject and difficulty."""

    random: State
    ability: Floats  # [subjects]
    top: float  # difficulties go from 0 to this
    skew: float  # difficulty is top · u ** skew: above 1, most tasks are easy; below, most are hard
    useless: float  # share of the tasks that nobody solves
    steepness: float
    pace: float
    novelty: float  # a task teaches 1 / (1 + plays / novelty): what is learned by heart is no ability
    plays: Ints  # by task id, hashed: of 60,000 tasks one in 140 shares its place with another

    def play(self, tasks: Ints, now: float) -> tuple[Floats, Floats]:
        """Practise several tasks, one after the other: (scores, costs)."""
        return play_ladders(self, tasks, now)

    @property
    def labels(self) -> list[str]:
        """No labels: the tasks come from a generator."""
        return []

    def true_success(self, now: float) -> Floats:
        """Return the mean chance of success over new tasks of each subject that can be solved."""
        return true_success_in_ladders(self, now)


def ladders(seed: int, *, subjects: int, top: float, skew: float = 1.0, useless: float = 0.0, steepness: float = 4.0,
            pace: float = 0.05, novelty: float = 40.0) -> Ladders:  # fmt: skip
    """Return a student with no ability in any subject."""
    plays = np.zeros(2**22, np.int64)
    state = np.array([seed], np.uint64)
    return Ladders(state, np.zeros(subjects), top, skew, useless, steepness, pace, novelty, plays)


@compiled
def practise_ladders(student: Ladders, task: int, now: float) -> tuple[float, float]:
    """Play an episode of a task and learn from it, most where success was in doubt."""
    if hashed(task, 2) < student.useless:
        return 0.0, 1.0
    subject = int(hashed(task, 0) * len(student.ability))
    difficulty = student.top * hashed(task, 1) ** student.skew
    place = int(hashed(task, 3) * len(student.plays))
    plays = student.plays[place]
    student.plays[place] += 1
    chance = 1.0 / (1.0 + math.exp(-student.steepness * (student.ability[subject] - difficulty)))
    success = uniform(student.random) < chance
    lesson = 4.0 * chance * (1.0 - chance) / (1.0 + plays / student.novelty)
    student.ability[subject] += student.pace * lesson
    return (1.0 if success else 0.0), 1.0


@compiled
def true_success_in_ladders(student: Ladders, now: float) -> Floats:
    """Return the mean chance of success over new tasks of each subject that can be solved."""
    chances = np.zeros(len(student.ability))
    for subject in range(len(student.ability)):
        for rung in range(50):
            difficulty = student.top * ((rung + 0.5) / 50.0) ** student.skew
            chances[subject] += 0.02 / (1.0 + math.exp(-student.steepness * (student.ability[subject] - difficulty)))
    return chances


@compiled
def play_ladders(student: Ladders, tasks: Ints, now: float) -> tuple[Floats, Floats]:
    """Practise several rungs, one after the other: (scores, costs), float64 each."""
    scores, costs = np.empty(len(tasks)), np.empty(len(tasks))
    for at in range(len(tasks)):
        scores[at], costs[at] = practise_ladders(student, tasks[at], now + at)
    return scores, costs
