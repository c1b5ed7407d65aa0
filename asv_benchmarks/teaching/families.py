"""The families of simulated students on which schedulers are judged, each with what it stands for.

A family's parameters are drawn from the seed. The sizes are such that uniform draws teach neither nothing nor all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from asv_benchmarks.teaching.balances import balances
from asv_benchmarks.teaching.ladders import ladders
from asv_benchmarks.teaching.maze import Maze, maze
from asv_benchmarks.teaching.skills import NEVER, Skills, skills
from asv_benchmarks.teaching.streams import Floats, Ints


class Student(Protocol):
    """Someone who learns tasks by playing them."""

    @property
    def labels(self) -> list[str]:
        """The label of each task of a fixed set, whose ids are 0, 1, …; none where a generator makes the tasks."""

    def play(self, tasks: Ints, now: float) -> tuple[Floats, Floats]:
        """Practise tasks, one after the other, from episode ``now`` on: (scores, costs), float64 each."""

    def true_success(self, now: float) -> Floats:
        """Return the chance of success of each task that counts, which no curriculum sees."""


@dataclass(frozen=True)
class Family:
    """Students that differ by seed, and how long they are taught."""

    name: str
    stands_for: str
    make: Callable[[int], Student]
    budget: float  # in costs; an episode costs 1 where nothing else is said
    pool: int = 0  # tasks of the pool where a generator makes them; 0: a fixed set


def chain(length: int, chains: int) -> Ints:
    """Return what each task needs, int64[tasks, 1]: the one before it in its chain."""
    tasks = np.arange(length * chains)
    return np.where(tasks % length == 0, -1, tasks - 1)[:, None]


def _equal(seed: int) -> Skills:
    return skills(400, seed, low=0.1, pace=0.08, failure_teaches=0.5)


def _speeds(seed: int) -> Skills:
    pace = 10 ** np.random.default_rng(seed).uniform(-2.3, -0.5, 400)
    return skills(400, seed, low=0.05, pace=pace)


def _chains(seed: int) -> Skills:
    return skills(200, seed, needs=chain(20, 10), pace=0.12)


def _slow_chains(seed: int) -> Skills:
    return skills(100, seed, needs=chain(10, 10), pace=0.03)


def _guessed_chains(seed: int) -> Skills:
    return skills(100, seed, needs=chain(10, 10), pace=0.05, low=0.05)


def _tree(seed: int) -> Skills:
    rng = np.random.default_rng(seed)
    needs = np.full((300, 2), -1)
    for task in range(10, 300):
        needs[task] = rng.integers(max(0, task - 60), task, 2)
    return skills(300, seed, needs=needs, mastery=0.7)


def _labels(seed: int) -> Skills:
    group = np.random.default_rng(seed).permutation(600) // 50
    first = np.array([np.flatnonzero(group == each)[0] for each in range(12)])
    needs = np.where(group == 0, -1, first[group - 1])[:, None]
    return skills(600, seed, group=group, shared=np.zeros(12), sharing=0.9, needs=needs, mastery=0.6, shared_pace=0.006)


def _sparse(seed: int) -> Skills:
    low = 10 ** np.random.default_rng(seed).uniform(-2.3, -0.7, 300)
    return skills(300, seed, low=low, pace=0.25, failure_teaches=0.0)


def _forgetting(seed: int) -> Skills:
    return skills(200, seed, low=0.05, pace=0.3, forgetting=0.0015)


def _interference(seed: int) -> Skills:
    return skills(300, seed, low=0.05, pace=0.15, interference=0.15)


def _coins(seed: int) -> Skills:
    real = np.random.default_rng(seed).permutation(400) < 120
    return skills(400, seed, low=np.where(real, 0.05, 0.5), high=np.where(real, 1.0, 0.5), pace=0.06, counts=real)


def _faint_noise(seed: int) -> Skills:
    real = np.random.default_rng(seed).random(300) < 0.5
    return skills(300, seed, low=np.where(real, 0.05, 0.2), high=np.where(real, 1.0, 0.2), pace=0.06, counts=real)


def _upset(seed: int) -> Skills:
    hit = np.random.default_rng(seed).random(300) < 0.5
    return skills(300, seed, low=0.02, upset=np.where(hit, 15_000.0, NEVER))


def _window(seed: int) -> Skills:
    block = np.random.default_rng(seed).permutation(300) // 75
    return skills(300, seed, pace=0.12, opens=block * 5000.0, closes=(block + 1) * 5000.0)


def _returns(seed: int) -> Skills:
    large = np.random.default_rng(seed).permutation(300) < 150
    return skills(300, seed, low=0.05, pace=0.06, scale=np.where(large, 1000.0, 1.0))


def _graded(seed: int) -> Skills:
    low = np.random.default_rng(seed).uniform(0.0, 0.6, 300)
    return skills(300, seed, low=low, pace=0.05, graded=0.3)


def _plateaus(seed: int) -> Skills:
    rng = np.random.default_rng(seed)
    late = rng.random(300) < 0.5
    high = np.where(late, 1.0, rng.uniform(0.5, 0.9, 300))
    pace, leap = np.where(late, 0.02, 0.2), np.where(late, 0.6, 0.0)
    return skills(300, seed, low=np.where(late, 0.0, 0.05), high=high, pace=pace, leap=leap)


def _extremes(seed: int) -> Skills:
    kind = np.random.default_rng(seed).permutation(500) // 100
    low, high = np.choose(kind, [0.05, 0.0, 0.0, 1.0, 1.0]), np.choose(kind, [1.0, 0.0, 0.0, 1.0, 1.0])
    return skills(500, seed, low=low, high=high, pace=0.05, counts=kind == 0)


def _needles(seed: int) -> Skills:
    real = np.random.default_rng(seed).permutation(1038) < 15
    return skills(1038, seed, low=0.05 * real, high=0.95 * real, pace=0.01, counts=real)


def _hidden(seed: int) -> Skills:
    plays = np.random.default_rng(seed).uniform(20, 200, 200)
    return skills(200, seed, leap=0.8, pace=-np.log(0.2) / plays, high=0.9)


def _lucky(seed: int) -> Skills:
    return skills(300, seed, pace=0.06, lucky=0.22)


def _costs(seed: int, success: float, failure: float) -> Skills:
    rng = np.random.default_rng(seed)
    possible = rng.random(300) >= 0.2
    pace = 10 ** rng.uniform(-2.0, -0.7, 300)
    return skills(300, seed, low=0.05 * possible, high=1.0 * possible, pace=pace, counts=possible,
                  cost_success=success, cost_failure=failure)  # fmt: skip


def _failures_long(seed: int) -> Skills:
    return _costs(seed, success=1.0, failure=10.0)


def _failures_short(seed: int) -> Skills:
    return _costs(seed, success=10.0, failure=1.0)


def _few_visits(seed: int) -> Skills:
    group = np.random.default_rng(seed).integers(0, 64, 10_000)
    return skills(10_000, seed, group=group, shared=np.zeros(64), sharing=0.85, low=0.05, high=0.95, shared_pace=0.004)


def _maze(seed: int) -> Maze:
    return maze(15, seed, walls=0.3, limit=60)


FAMILIES = (
    Family("equal tasks", "nothing to choose: what a curriculum may not cost", _equal, 16_000),
    Family("speeds", "some tasks are learned sixty times as fast as others", _speeds, 20_000),
    Family("chains", "a task can be learned once the one before it is mastered", _chains, 18_000),
    Family("slow chains", "chains whose tasks take fifty plays each", _slow_chains, 20_000),
    Family("guessed chains", "chains whose tasks are solved by luck once in twenty plays", _guessed_chains, 12_000),
    Family("tree", "a task can be learned once two others are mastered", _tree, 30_000),
    Family("labels", "a group of tasks can be learned once another is mastered", _labels, 20_000),
    Family("sparse discovery", "nothing is learned before a first success, which is rare", _sparse, 15_000),
    Family("forgetting", "what is not played is forgotten", _forgetting, 20_000),
    Family("interference", "every episode spoils another task", _interference, 15_000),
    Family("coin flips", "seven tasks in ten are noise that cannot be learned", _coins, 16_000),
    Family("faint noise", "half of the tasks are solved once in five plays, for ever", _faint_noise, 12_000),
    Family("upset", "half of the tasks become new ones late in the training", _upset, 20_000),
    Family("moving window", "a quarter of the tasks can be learned at a time", _window, 20_000),
    Family("returns", "half of the tasks return 0 or 1000, half 0 or 1", _returns, 15_000),
    Family("graded scores", "noisy scores between 0 and 1 that begin at different heights", _graded, 12_000),
    Family("plateaus", "half of the tasks end at 0.5 to 0.9, half show nothing for 45 plays", _plateaus, 15_000),
    Family("extremes", "solved and impossible tasks around a fifth that can be learned", _extremes, 15_000),
    Family("needles", "15 tasks that can be learned among 1,038", _needles, 75_000),
    Family("maze starts", "start cells of one maze, one table of values for all", _maze, 1_000),
    Family("hidden progress", "nothing shows for 20 to 200 plays", _hidden, 22_000),
    Family("lucky successes", "22 % of the failures are reported as successes", _lucky, 15_000),
    Family("failures long", "a failure costs ten times a success; equal cost", _failures_long, 60_000),
    Family("failures short", "a success costs ten times a failure; equal cost", _failures_short, 60_000),
    Family("few visits", "10,000 tasks in 64 groups, six plays a task", _few_visits, 60_000),
    Family("endless", "a generator of tasks of all difficulties",
           lambda seed: ladders(seed, subjects=8, top=8.0, pace=0.006, novelty=100.0), 60_000, 256),
    Family("endless half hopeless", "a generator, half of whose tasks nobody solves",
           lambda seed: ladders(seed, subjects=8, top=10.0, useless=0.5, pace=0.01, novelty=100.0), 60_000, 256),
    Family("endless mostly easy", "a generator of many easy tasks and few hard ones",
           lambda seed: ladders(seed, subjects=20, top=8.0, skew=2.0, pace=0.02, novelty=50.0), 40_000, 256),
    Family("endless balances", "a generator of poles; what looks hopeless early is learned by way of easier ones",
           balances, 615, 64),
)  # fmt: skip
