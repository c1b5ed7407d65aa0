"""A student of one skill for all tasks of a generator, whose score is how long it holds a pole; it learns by steps."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from asv_benchmarks.teaching.streams import Floats, Ints, State, compiled, hashed, uniform

BANDS = 12  # of difficulty, each with a skill that its neighbours share in
LEAST, MOST = 0.02, 4.0  # the mean time held without skill, and with all of it, in episodes' longest


class Balances(NamedTuple):
    """Poles of all difficulties, which a task's id settles; what is learned on one helps on those beside it.

    A pole is held for an exponential time, up to 1, which is the score, the cost, and the measure of what an episode
    teaches: what cannot be held yet teaches little, and is not out of reach for ever.
    """

    random: State
    skill: Floats  # [BANDS]
    pace: float
    wide: float  # how far practice is felt, in bands
    demand: float  # how many times longer, less one, the hardest takes to learn than the easiest

    def play(self, tasks: Ints, now: float) -> tuple[Floats, Floats]:
        """Practise several tasks, one after the other: (scores, costs)."""
        return play_balances(self, tasks)

    @property
    def labels(self) -> list[str]:
        """No labels: the tasks come from a generator."""
        return []

    def true_success(self, now: float) -> Floats:
        """Return the mean time held at each of forty difficulties."""
        return expected_times(self)


def balances(seed: int, *, pace: float = 0.02, wide: float = 1.5, demand: float = 2.0) -> Balances:
    """Return a student without skill."""
    return Balances(np.array([seed], np.uint64), np.zeros(BANDS), pace, wide, demand)


@compiled
def _mean_time(student: Balances, difficulty: float) -> float:
    """Return the mean of the exponential time that is held at a difficulty of 0 … 1."""
    at = difficulty * (BANDS - 1)
    band = min(int(at), BANDS - 2)
    skill = student.skill[band] + (at - band) * (student.skill[band + 1] - student.skill[band])
    return LEAST * math.exp(math.log(MOST / LEAST) * min(1.0, skill))


@compiled
def play_balances(student: Balances, tasks: Ints) -> tuple[Floats, Floats]:
    """Practise several tasks, one after the other: (scores, costs), float64 each."""
    scores, costs = np.empty(len(tasks)), np.empty(len(tasks))
    for at in range(len(tasks)):
        difficulty = hashed(tasks[at], 1)
        mean = _mean_time(student, difficulty)
        held = min(1.0, -mean * math.log(1.0 - uniform(student.random)))
        lesson = student.pace * held / (1.0 + student.demand * difficulty)
        for band in range(BANDS):
            distance = (band - difficulty * (BANDS - 1)) / student.wide
            student.skill[band] += lesson * math.exp(-0.5 * distance * distance) * max(0.0, 1.0 - student.skill[band])
        scores[at] = costs[at] = held
    return scores, costs


@compiled
def expected_times(student: Balances) -> Floats:
    """Return the mean time held at each of forty difficulties."""
    times = np.empty(40)
    for at in range(40):
        mean = _mean_time(student, (at + 0.5) / 40.0)
        times[at] = mean * (1.0 - math.exp(-1.0 / mean))
    return times
