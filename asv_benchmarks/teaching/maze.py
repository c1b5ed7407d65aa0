"""A tabular Q-learner in one maze: its tasks are start cells that share one table of values."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from asv_benchmarks.teaching.streams import Floats, Ints, State, compiled, uniform


class Maze(NamedTuple):
    """A tabular Q-learner in one maze; task i starts in ``starts[i]``, and the goal is the last cell."""

    random: State
    moves: Ints  # [cells, 4]: where an action leads
    starts: Ints
    values: Floats  # [cells, 4]
    limit: int  # steps of an episode
    pace: float
    curiosity: float  # share of random actions

    def play(self, tasks: Ints, now: float) -> tuple[Floats, Floats]:
        """Practise several start cells, one after the other: (scores, costs)."""
        return play_maze(self, tasks, now)

    @property
    def labels(self) -> list[str]:
        """The label of each task: one maze, one label."""
        return ["maze"] * len(self.starts)

    def true_success(self, now: float) -> Floats:
        """Return for each start cell whether the greedy walk arrives, 0 or 1."""
        return true_success_in_maze(self, now)


def maze(side: int, seed: int, *, walls: float, limit: int, pace: float = 0.5, curiosity: float = 0.2) -> Maze:
    """Return a student of a random maze in which every open cell reaches the goal."""
    rng = np.random.default_rng(seed)
    while True:
        is_open = rng.random((side, side)) >= walls
        is_open[-1, -1] = True
        reached, edge = {side * side - 1}, [side * side - 1]
        while edge:
            cell = edge.pop()
            for move in range(4):
                other = _step(cell, move, is_open)
                if other not in reached:
                    reached.add(other)
                    edge.append(other)
        if len(reached) >= 0.6 * side * side:
            break
    moves = np.array([[_step(cell, move, is_open) for move in range(4)] for cell in range(side * side)])
    starts = np.array(sorted(reached - {side * side - 1}))
    return Maze(np.array([seed], np.uint64), moves, starts, np.zeros((side * side, 4)), limit, pace, curiosity)


def _step(cell: int, move: int, is_open: NDArray[np.bool_]) -> int:
    side = len(is_open)
    row, column = cell // side + (0, 1, 0, -1)[move], cell % side + (1, 0, -1, 0)[move]
    inside = 0 <= row < side and 0 <= column < side
    return row * side + column if inside and is_open[row, column] else cell


@compiled
def _greedy(student: Maze, cell: int) -> int:
    """Return an action of the greatest value, ties at random."""
    best, ties = 0, 0.0
    for action in range(4):
        if student.values[cell, action] > student.values[cell, best] or ties == 0.0:
            best, ties = action, 1.0
        elif student.values[cell, action] == student.values[cell, best]:
            ties += 1.0
            if uniform(student.random) * ties < 1.0:
                best = action
    return best


@compiled
def practise_maze(student: Maze, task: int, now: float) -> tuple[float, float]:
    """Play an episode from a start cell with one-step Q-learning: 1 at the goal, 0 after ``limit`` steps."""
    cell, goal = student.starts[task], len(student.moves) - 1
    for _ in range(student.limit):
        if uniform(student.random) < student.curiosity:
            action = int(uniform(student.random) * 4)
        else:
            action = _greedy(student, cell)
        after = student.moves[cell, action]
        target = 1.0 if after == goal else 0.95 * student.values[after].max()
        student.values[cell, action] += student.pace * (target - student.values[cell, action])
        if after == goal:
            return 1.0, 1.0
        cell = after
    return 0.0, 1.0


@compiled
def true_success_in_maze(student: Maze, now: float) -> Floats:
    """Return for each start cell whether the greedy walk arrives, 0 or 1."""
    arrives = np.zeros(len(student.starts))
    goal = len(student.moves) - 1
    for task in range(len(student.starts)):
        cell = student.starts[task]
        for _ in range(student.limit):
            values = student.values[cell]
            if values.max() == 0.0:
                break
            cell = student.moves[cell, np.argmax(values)]
            if cell == goal:
                arrives[task] = 1.0
                break
    return arrives


@compiled
def play_maze(student: Maze, tasks: Ints, now: float) -> tuple[Floats, Floats]:
    """Practise several start cells, one after the other: (scores, costs), float64 each."""
    scores, costs = np.empty(len(tasks)), np.empty(len(tasks))
    for at in range(len(tasks)):
        scores[at], costs[at] = practise_maze(student, tasks[at], now + at)
    return scores, costs
