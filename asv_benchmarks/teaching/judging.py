"""Teach a simulated student by a curriculum, and measure what it can do: the accounting of the panel.

A curriculum is any object with ``get_task()``, whose result has a ``task_id``, and
``update_task_performance(task_id, score)``. Where it has ``sample_ids`` and ``update_many`` too, as lpcurr's has,
:data:`ENVIRONMENTS` episodes are drawn at once, played, and reported, as by so many environments side by side, with
what they cost and with a *signal*: the student's surprise, |score − what it expected of the task|, which stands for the
value loss of a real learner.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from asv_benchmarks.teaching.families import Student

ENVIRONMENTS = 8
CHECKPOINTS = 40  # moments at which the true success is measured; the area is their mean


@dataclass(frozen=True)
class Outcome:
    """What a student can do in the end, and how it was taught."""

    final: float  # mean true success on the tasks that count
    area: float  # the same, averaged over the budget
    tail: float  # mean true success on the worst tenth of the tasks
    episodes: int
    cost: float
    plays: dict[int, int]  # by task id


def teach(student: Student, curriculum: Any, budget: float) -> Outcome:
    """Teach a student until the budget is spent, to within one turn of the environments."""
    batched = hasattr(curriculum, "sample_ids")
    curve: list[float] = []
    plays: dict[int, int] = {}
    expected: dict[int, float] = {}
    episodes, cost = 0, 0.0
    while cost < budget:
        while len(curve) < CHECKPOINTS and cost >= budget * (len(curve) + 0.5) / CHECKPOINTS:
            curve.append(float(student.true_success(float(episodes)).mean()))
        tasks = curriculum.sample_ids(ENVIRONMENTS) if batched else np.array([curriculum.get_task().task_id])
        scores, costs = student.play(tasks, float(episodes))
        signals = np.empty(len(tasks))
        for at, (task_id, score) in enumerate(zip(tasks.tolist(), scores.tolist(), strict=True)):
            plays[task_id] = plays.get(task_id, 0) + 1
            surprise = score - expected.get(task_id, 0.0)
            signals[at] = abs(surprise)
            expected[task_id] = expected.get(task_id, 0.0) + max(0.1, 1.0 / plays[task_id]) * surprise
        if batched:
            curriculum.update_many(tasks, scores, signals, costs)
        else:
            curriculum.update_task_performance(int(tasks[0]), float(scores[0]))
        episodes += len(tasks)
        cost += float(costs.sum())
    success = student.true_success(float(episodes))
    curve += [float(success.mean())] * (CHECKPOINTS - len(curve))
    worst = np.sort(success)[: max(1, len(success) // 10)]
    return Outcome(float(success.mean()), float(np.mean(curve)), float(worst.mean()), episodes, cost, plays)
