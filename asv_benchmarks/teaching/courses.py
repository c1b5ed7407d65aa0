"""A student whose scores are measured, graded or survival times of any scale, and who learns by batches."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from asv_benchmarks.teaching.streams import Floats, Ints, State, compiled, normal, uniform

MASTERED = 0.8  # knowledge from which on a task is what others need


class Course(NamedTuple):
    """Tasks with knowledge 0 … 1 each; all arrays have one entry a task unless said otherwise."""

    random: State
    knowledge: Floats
    lessons: Floats  # since the last batch, not learned yet
    episodes: Ints  # [1]: since the last batch
    needs: Ints  # [tasks, k]: tasks without which practice teaches nothing; -1 for none
    low: Floats  # what is attained without knowledge, and
    high: Floats  # with all of it: a chance of success, or a grade
    pace: Floats  # share of what is missing that a lesson teaches
    bottom: Floats  # the score of nothing attained, and
    top: Floats  # of all
    graded: bool  # the score is the grade, not 0 or 1
    survival: bool  # grades are means of exponential times, up to 1
    noise: float  # deviation of what is added to the score
    batch: int  # episodes between which nothing is learned

    @property
    def labels(self) -> list[str]:
        """The label of each task: one course, one label."""
        return ["course"] * len(self.knowledge)

    def play(self, tasks: Ints, now: float) -> tuple[Floats, Floats]:
        """Practise several tasks, one after the other: (scores, costs)."""
        return play_course(self, tasks)

    def true_success(self, now: float) -> Floats:
        """Return what is attained in each task on average."""
        return self.low + (self.high - self.low) * self.knowledge


def course(tasks: int, seed: int, *, needs: Ints, graded: bool = False, survival: bool = False, noise: float = 0.0,
           batch: int = 1, **given: Any) -> Course:  # fmt: skip
    """Return a student whose tasks score 0 or 1 but for what is given; a number stands for all tasks."""
    values = {"low": 0.0, "high": 1.0, "pace": 0.08, "bottom": 0.0, "top": 1.0} | given
    columns = {name: np.broadcast_to(np.asarray(value, float), tasks).copy() for name, value in values.items()}
    random, episodes = np.array([seed], np.uint64), np.zeros(1, np.int64)
    return Course(random, np.zeros(tasks), np.zeros(tasks), episodes, needs, **columns, graded=graded,
                  survival=survival, noise=noise, batch=batch)  # fmt: skip


@compiled
def _learn(student: Course) -> None:
    """Take in the lessons of a batch."""
    student.episodes[0] = 0
    for task in range(len(student.knowledge)):
        if student.lessons[task] > 0.0:
            missing = (1.0 - student.knowledge[task]) * (1.0 - student.pace[task]) ** student.lessons[task]
            student.knowledge[task], student.lessons[task] = 1.0 - missing, 0.0


@compiled
def play_course(student: Course, tasks: Ints) -> tuple[Floats, Floats]:
    """Practise several tasks, one after the other: (scores, costs), float64 each."""
    scores, costs = np.empty(len(tasks)), np.ones(len(tasks))
    for at in range(len(tasks)):
        task = tasks[at]
        grade = student.low[task] + (student.high[task] - student.low[task]) * student.knowledge[task]
        if student.survival:
            grade = min(1.0, -grade * math.log(1.0 - uniform(student.random)))
        elif not student.graded:
            grade = 1.0 if uniform(student.random) < grade else 0.0
        scores[at] = student.bottom[task] + (student.top[task] - student.bottom[task]) * grade
        if student.noise > 0.0:
            scores[at] += student.noise * normal(student.random)
        ready = True
        for need in student.needs[task]:
            if need >= 0 and student.knowledge[need] < MASTERED:
                ready = False
        student.lessons[task] += 1.0 if ready else 0.0
        student.episodes[0] += 1
        if student.episodes[0] >= student.batch:
            _learn(student)
    return scores, costs
