"""A student of a fixed set of tasks, each with knowledge of its own, and what ties the tasks together."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from asv_benchmarks.teaching.streams import Floats, Ints, State, compiled, uniform

NEVER = math.inf


class Skills(NamedTuple):
    """Tasks with knowledge 0 … 1 each; all arrays have one entry a task unless said otherwise."""

    random: State
    knowledge: Floats
    seen: Floats  # the episode at which ``knowledge`` was last brought up to date
    low: Floats  # chance of success without knowledge, and
    high: Floats  # with all of it
    pace: Floats  # share of what is missing that a success teaches
    failure_teaches: Floats  # what a failure teaches, relative to a success
    needs: Ints  # [tasks, k]: tasks without which practice teaches nothing; -1 for none
    leap: Floats  # knowledge shows only from here on, and then all of it at once; 0 for gradual
    opens: Floats  # episodes between which practice teaches
    closes: Floats
    upset: Floats  # the episode at which its knowledge becomes worthless
    forgetting: Floats  # rate at which knowledge decays, an episode of any task
    scale: Floats  # what a success returns
    graded: Floats  # above 0, the score is the chance of success itself, give or take this much
    lucky: Floats  # share of the failures that are reported as successes
    cost_success: Floats
    cost_failure: Floats
    group: Ints
    shared: Floats  # [groups]: knowledge that the tasks of a group have in common
    sharing: float  # how much of a task's ability is its group's knowledge
    shared_pace: float
    mastery: float  # a needed task counts from this knowledge on; below 0: gradually, as knowledge ** -mastery
    interference: float  # knowledge that another task, at random, loses to an episode
    counts: NDArray[np.bool_]  # the tasks whose success is wanted

    def play(self, tasks: Ints, now: float) -> tuple[Floats, Floats]:
        """Practise several tasks, one after the other: (scores, costs)."""
        return play_skills(self, tasks, now)

    @property
    def labels(self) -> list[str]:
        """The label of each task; its id is its place in the list."""
        return [f"group {group}" for group in self.group.tolist()]

    def true_success(self, now: float) -> Floats:
        """Return the chance of success of each task that counts."""
        return true_success_in_skills(self, now)


def skills(tasks: int, seed: int, **given: Any) -> Skills:
    """Return a student whose tasks are alike, and learned in some ten plays, but for what is given.

    ``given`` are fields of :class:`Skills`; a number stands for all tasks.
    """
    values: dict[str, Any] = {
        "knowledge": 0.0, "seen": 0.0, "low": 0.0, "high": 1.0, "pace": 0.1, "failure_teaches": 1.0, "leap": 0.0,
        "opens": 0.0, "closes": NEVER, "upset": NEVER, "forgetting": 0.0, "scale": 1.0, "graded": 0.0, "lucky": 0.0,
        "cost_success": 1.0, "cost_failure": 1.0,
    }  # fmt: skip
    scalars: dict[str, Any] = {"sharing": 0.0, "shared_pace": 0.0, "mastery": 0.8, "interference": 0.0}
    arrays: dict[str, Any] = {
        "random": np.array([seed], np.uint64),
        "needs": np.full((tasks, 1), -1, np.int64),
        "group": np.zeros(tasks, np.int64),
        "shared": np.zeros(1),
        "counts": np.ones(tasks, np.bool_),
    }
    for name, value in given.items():
        (values if name in values else scalars if name in scalars else arrays)[name] = value
    columns = {name: np.broadcast_to(np.asarray(value, float), tasks).copy() for name, value in values.items()}
    return Skills(**columns, **scalars, **arrays)


@compiled
def _knowledge(student: Skills, task: int, now: float) -> float:
    """Return a task's knowledge at an episode: what was forgotten or upset meanwhile is gone."""
    if student.seen[task] < student.upset[task] <= now:
        return 0.0
    if student.forgetting[task] > 0.0:
        return student.knowledge[task] * math.exp(-student.forgetting[task] * (now - student.seen[task]))
    return student.knowledge[task]


@compiled
def _ability(student: Skills, task: int, now: float) -> float:
    """Return what shows of a task's knowledge, 0 … 1."""
    own = _knowledge(student, task, now)
    if student.leap[task] > 0.0:
        own = 1.0 if own >= student.leap[task] else 0.0
    return own + student.sharing * (student.shared[student.group[task]] - own)


@compiled
def _readiness(student: Skills, task: int, now: float) -> float:
    """Return how much of a lesson gets through, by what the task needs."""
    ready = 1.0
    for need in student.needs[task]:
        if need >= 0:
            ability = _ability(student, need, now)
            if student.mastery >= 0.0:
                ready *= 1.0 if ability >= student.mastery else 0.0
            else:
                ready *= ability**-student.mastery
    return ready


@compiled
def practise_skills(student: Skills, task: int, now: float) -> tuple[float, float]:
    """Play an episode of a task and learn from it: the score reported and the cost."""
    knowledge = _knowledge(student, task, now)
    student.knowledge[task] = knowledge
    student.seen[task] = now
    chance = student.low[task] + (student.high[task] - student.low[task]) * _ability(student, task, now)
    success = uniform(student.random) < chance
    gain = _readiness(student, task, now) * (1.0 if success else student.failure_teaches[task])
    if now < student.opens[task] or now >= student.closes[task]:
        gain = 0.0
    student.knowledge[task] = knowledge + gain * student.pace[task] * (1.0 - knowledge)
    if student.sharing > 0.0:
        group = student.group[task]
        student.shared[group] += gain * student.shared_pace * (1.0 - student.shared[group])
    if student.interference > 0.0:
        other = int(uniform(student.random) * len(student.knowledge))
        if other != task:
            student.knowledge[other] *= 1.0 - student.interference
    reported = success
    if not success and student.lucky[task] > 0.0:
        reported = uniform(student.random) < student.lucky[task]
    cost = student.cost_success[task] if success else student.cost_failure[task]
    score = 1.0 if reported else 0.0
    if student.graded[task] > 0.0:
        score = min(1.0, max(0.0, chance + student.graded[task] * (2.0 * uniform(student.random) - 1.0)))
    return student.scale[task] * score, cost


@compiled
def true_success_in_skills(student: Skills, now: float) -> Floats:
    """Return the chance of success of each task that counts."""
    chances = np.empty(student.counts.sum())
    at = 0
    for task in range(len(student.counts)):
        if student.counts[task]:
            span = student.high[task] - student.low[task]
            chances[at] = student.low[task] + span * _ability(student, task, now)
            at += 1
    return chances


@compiled
def play_skills(student: Skills, tasks: Ints, now: float) -> tuple[Floats, Floats]:
    """Practise several tasks, one after the other: (scores, costs), float64 each."""
    scores, costs = np.empty(len(tasks)), np.empty(len(tasks))
    for at in range(len(tasks)):
        scores[at], costs[at] = practise_skills(student, tasks[at], now + at)
    return scores, costs
