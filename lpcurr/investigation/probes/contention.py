"""How processes that share one curriculum wait for each other."""

from __future__ import annotations

import multiprocessing
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from lpcurr.errors import LpcurrError
from lpcurr.investigation.baseline import Control
from lpcurr.investigation.clocks import queued_seconds
from lpcurr.investigation.played import Played
from lpcurr.investigation.probes.structures import lock_paths
from lpcurr.investigation.resizing import close
from lpcurr.investigation.thresholds import Budget

Tell = Callable[[str], None]

POOL_SIZE = 8
"""Tasks in the pool: so few that going through all of them under the lock costs nothing. What is left is the lock."""

_PATIENCE = 30.0  # seconds beyond the budget, after which a process that does not answer is ended
_WARM_UP = 3


@dataclass
class Turns:
    """What each number of processes took.

    Attributes:
        processes: how many play at once.
        episodes_per_second: of all together.
        episode_seconds: in the curriculum's methods for one episode, less the time that others had the cores.
        blocked_seconds: of it, neither computing nor ready to: waiting for something.
        parts: ``episode_seconds`` by part.
    """

    processes: list[int] = field(default_factory=list)
    episodes_per_second: list[float] = field(default_factory=list)
    episode_seconds: list[float] = field(default_factory=list)
    blocked_seconds: list[float] = field(default_factory=list)
    parts: list[dict[str, float]] = field(default_factory=list)

    @property
    def wait(self) -> float:
        """Seconds that each of the most processes is blocked longer in one episode than one process alone."""
        return max(self.blocked_seconds[-1] - self.blocked_seconds[0], 0.0)

    @property
    def stretch(self) -> float:
        """How many times longer an episode takes each of the most processes than one alone."""
        return self.episode_seconds[-1] / self.episode_seconds[0]

    def slowest_part(self) -> str:
        """The part whose time grows most with the processes."""
        first, last = self.parts[0], self.parts[-1]
        return max(last, key=lambda part: last[part] - first.get(part, 0.0))


@dataclass
class Contention:
    """The curriculum and a control side by side.

    Attributes:
        pool_size: tasks in the pool.
        turns: of the curriculum.
        control: of a curriculum that does nothing under a lock of ``multiprocessing``.
        locks: paths of the locks that can be seen.
    """

    pool_size: int
    turns: Turns
    control: Turns
    locks: list[str]


def measure_contention(make: Callable[[int], Any], budget: Budget, tell: Tell) -> Contention:
    """Let more and more forked processes play one pool, and a control, in turns.

    Raises:
        LpcurrError: a process died.
    """
    subject, control = make(POOL_SIZE), Control(POOL_SIZE)
    try:
        runs: dict[tuple[str, int], list[_Run]] = {}
        for repetition in range(budget.contention_repetitions):
            for count in budget.processes:
                tell(f"{count} on one pool, repetition {repetition + 1}")
                for name, target in (("subject", subject), ("control", control)):
                    runs.setdefault((name, count), []).append(_play(target, count, budget.contention_seconds))
        turns = {name: _gather(name, runs, budget) for name in ("subject", "control")}
        return Contention(POOL_SIZE, turns["subject"], turns["control"], lock_paths(subject))
    finally:
        close(subject)


@dataclass
class _Run:
    """One turn: episodes per second, and seconds of an episode, blocked, and by part."""

    rate: float
    seconds: float
    blocked: float
    parts: dict[str, float]


def _gather(name: str, runs: dict[tuple[str, int], list[_Run]], budget: Budget) -> Turns:
    turns = Turns()
    for count in budget.processes:
        repeated = runs[name, count]
        turns.processes.append(count)
        turns.episodes_per_second.append(median(run.rate for run in repeated))
        turns.episode_seconds.append(median(run.seconds for run in repeated))
        turns.blocked_seconds.append(median(run.blocked for run in repeated))
        turns.parts.append({part: median(run.parts.get(part, 0.0) for run in repeated) for part in repeated[0].parts})
    return turns


def _play(target: Any, count: int, seconds: float) -> _Run:
    context = multiprocessing.get_context("fork")  # another's curriculum need not be picklable
    results, ready = context.SimpleQueue(), context.Barrier(count)
    arguments = (target, seconds, ready, results)
    workers = [context.Process(target=_work, args=(*arguments, number), daemon=True) for number in range(count)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forking beside the display's thread
        for worker in workers:
            worker.start()
    try:
        answers: list[_Answer] = []
        until = time.perf_counter() + seconds + _PATIENCE
        while len(answers) < count:
            if not results.empty():
                answers.append(results.get())
            elif any(worker.exitcode for worker in workers) or time.perf_counter() > until:
                raise LpcurrError("a process that played the curriculum died, or hangs: is it made for several?")
            else:
                time.sleep(0.005)
    finally:
        for worker in workers:
            worker.join(1.0 if len(answers) == count else 0.0)
            worker.kill()
            worker.join()
    return _combine(answers)


def _combine(answers: list[_Answer]) -> _Run:
    episodes = max(sum(answer.episodes for answer in answers), 1)
    parts = {part: sum(a.parts.get(part, 0.0) for a in answers) / episodes for part in answers[0].parts}
    queued = sum(answer.queued for answer in answers) / episodes
    computed = sum(answer.computed for answer in answers) / episodes
    elapsed = sum(answer.elapsed for answer in answers) / episodes
    return _Run(
        rate=sum(answer.episodes / answer.elapsed for answer in answers),
        seconds=sum(parts.values()) * max(1.0 - queued / elapsed, 0.1),
        blocked=max(elapsed - queued - computed, 0.0),
        parts=parts,
    )


@dataclass
class _Answer:
    """Of one process: episodes; seconds that passed, that it was ready without a core, that it computed; by part."""

    episodes: int
    elapsed: float
    queued: float
    computed: float
    parts: dict[str, float]


def _work(target: Any, seconds: float, ready: Any, results: Any, number: int) -> None:
    """Play in a process of its own."""
    played = Played(target, seed=number)
    for _ in range(_WARM_UP):
        played.episode()
    ready.wait(_PATIENCE)
    played.seconds.clear()
    queued, computed, began, episodes = queued_seconds(), time.thread_time(), time.perf_counter(), 0
    while (elapsed := time.perf_counter() - began) < seconds:
        played.episode()
        episodes += 1
    queued, computed = queued_seconds() - queued, time.thread_time() - computed
    results.put(_Answer(episodes, elapsed, queued, computed, played.seconds))
