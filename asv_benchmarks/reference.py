"""The reference algorithm in plain NumPy, and the quick wins that were proposed for it.

What every variant computes are the rules of ``LearningProgressConfig.reference()``, checked against recorded cases of
the reference itself and against ``lpcurr`` (``tests/benchmarks``). They differ in when they compute it:

* ``as it is``: eviction rescores the pool for every candidate, as the reference does once tasks are old enough;
* ``rescore``: a Python list of the tasks is made, and the pool rescored, once at every episode;
* ``cached list``: the same without making the list;
* ``every 10``, ``every 100``, ``every 1000``: the distribution is recomputed only every so many episodes, and is stale
  in between.

This is kinder to the reference than its own code: columns instead of an object for each task, no lock, and no task is
ever replaced.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asv_benchmarks.pools import random_scores
from lpcurr import LearningProgressConfig

Floats = NDArray[np.float64]

MIN_PRESENTATIONS = 5  # completions before a task may be evicted: the default of ``CurriculumConfig``

VARIANTS: dict[str, dict[str, Any]] = {
    "as it is": {"task_list": True, "evict": True},
    "rescore": {"task_list": True},
    "cached list": {},
    "every 10": {"every": 10},
    "every 100": {"every": 100},
    "every 1000": {"every": 1000},
}
"""Arguments of :class:`ReferencePool` by variant."""


class ReferencePool:
    """A fixed set of tasks under the reference's rules.

    Args:
        tasks: how many.
        config: ``LearningProgressConfig.reference(…)``.
        every: episodes between two computations of the distribution.
        task_list: whether each computation first collects the tasks one by one, as the reference does.
        evict: whether each episode first looks for a task to evict, as the reference does.
        seed: of the draws.

    Attributes:
        completions: int64[tasks].
        p_fast, p_slow, p_true, baseline: float64[tasks].
    """

    def __init__(
        self,
        tasks: int,
        config: LearningProgressConfig | None = None,
        *,
        every: int = 1,
        task_list: bool = False,
        evict: bool = False,
        seed: int = 0,
    ) -> None:
        self._config = config or LearningProgressConfig.reference()
        self._every, self._task_list, self._evict = every, task_list, evict
        self._rng = np.random.default_rng(seed)
        self.completions = np.zeros(tasks, np.int64)
        self.p_fast, self.p_slow, self.p_true, self.baseline = np.zeros((4, tasks))
        self.refresh()

    def update(self, task: int, score: float) -> None:
        """Credit one completion: the same arithmetic for every variant, O(1)."""
        config = self._config
        self._since += 1
        self.completions[task] += 1
        normalised = score
        if config.use_baseline_normalization:
            if self.baseline[task] == 0.0:
                self.baseline[task] = min(score, 0.75)
            baseline = self.baseline[task]
            normalised = max(score - baseline, 0.0) / max(1.0 - baseline, 1e-10)
        fast = config.ema_timescale
        slow = fast * config.slow_timescale_factor
        if self.p_fast[task] == 0.0 and self.p_slow[task] == 0.0:
            self.p_fast[task] = self.p_slow[task] = normalised
            self.p_true[task] = score
        else:
            self.p_fast[task] = fast * normalised + (1.0 - fast) * self.p_fast[task]
            self.p_slow[task] = slow * normalised + (1.0 - slow) * self.p_slow[task]
            self.p_true[task] = fast * score + (1.0 - fast) * self.p_true[task]

    def progress(self) -> Floats:
        """Raw learning progress with smoothing and bonus, float64[tasks]."""
        config = self._config
        fast, slow = self.p_fast, self.p_slow
        theta = config.early_progress_amplification
        if abs(theta - 0.5) > 1e-6:
            fast, slow = _reweight(fast, theta), _reweight(slow, theta)
        progress = np.abs(fast - slow) + config.progress_smoothing
        if config.performance_bonus_weight > 0.0:
            progress = progress + config.performance_bonus_weight * self.p_true
        return progress

    def scores(self) -> Floats:
        """The score of every task, O(n), float64[tasks]."""
        config = self._config
        progress = self.progress()
        deviation = progress.std()
        if config.lp_score_temperature > 0.0:
            z = progress / config.lp_score_temperature
        elif config.lp_score_temperature == 0.0 and deviation > 1e-10:
            z = (progress - progress.mean()) / deviation * config.z_score_amplification
        else:
            z = progress
        sigmoid = 1.0 / (1.0 + np.exp(-np.clip(z, -500.0, 500.0)))
        explored = self.completions >= config.min_samples_for_lp
        return np.where(explored, sigmoid / sigmoid.sum(), config.exploration_bonus)

    def probabilities(self) -> Floats:
        """The exact distribution at this moment, float64[tasks]."""
        scores = self.scores()
        total = scores.sum()
        return scores / total if total > 0.0 else np.full(scores.size, 1.0 / scores.size)

    def draw(self) -> int:
        """A task by the distribution as it was when it was last computed."""
        if self._since >= self._every:
            self.refresh()
        return min(int(np.searchsorted(self._cumulative, self._rng.random(), side="right")), self.completions.size - 1)

    def refresh(self) -> None:
        """Compute the distribution, O(n)."""
        if self._task_list:
            _ = [int(task) for task in range(self.completions.size) if self.completions[task] >= 0]
        self.drawn_from = self.probabilities()
        self._cumulative = np.cumsum(self.drawn_from)
        self._since = 0

    def episode(self, score: float) -> int:
        """Draw, play, update; the task."""
        if self._evict:
            self.eviction_candidate_quadratic()
        task = self.draw()
        self.update(task, score)
        return task

    def staleness(self) -> float:
        """Total variation distance between the distribution that the next draw uses and the exact one."""
        exact = self.probabilities()
        used = exact if self._since >= self._every else self.drawn_from
        return 0.5 * float(np.abs(used - exact).sum())

    def eviction_candidate_quadratic(self) -> int:
        """What would be evicted, found as the reference finds it: the pool is rescored for each candidate, O(n²)."""
        config = self._config
        count = self.completions.size
        best, least = -1, np.inf
        for task in np.flatnonzero(self.completions >= MIN_PRESENTATIONS):
            scores = self.scores()
            index = min(count - 1, int(count * config.eviction_threshold_percentile))
            if scores[task] <= np.sort(scores)[index] and scores[task] < least:
                best, least = int(task), float(scores[task])
        return best


def _reweight(p: Floats, theta: float) -> Floats:
    p = np.clip(p, 0.0, 1.0)
    denominator = p + theta * (1.0 - 2.0 * p)
    safe = np.abs(denominator) >= 1e-10
    return np.where(safe, p * (1.0 - theta) / np.where(safe, denominator, 1.0), np.where(p < 0.5, 0.0, 1.0))


class Learners:
    """A realistic stream of scores: each task is a Bernoulli trial whose success rate rises as it is practised.

    A logistic curve of the task's completions, with difficulty and speed of its own: at any moment some tasks are
    mastered, some out of reach, some being learned.
    """

    def __init__(self, tasks: int, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        self._difficulty = rng.normal(40.0, 40.0, tasks)
        self._width = rng.uniform(5.0, 20.0, tasks)
        self._rng = rng

    def score(self, task: int, completions: int) -> float:
        """Play once: 0.0 or 1.0."""
        rate = 1.0 / (1.0 + np.exp(-(completions - self._difficulty[task]) / self._width[task]))
        return float(self._rng.random() < rate)


def mature_reference(tasks: int, **variant: Any) -> ReferencePool:
    """A pool of which each task has a dozen completions, spread as those of ``pools.mature_curriculum``."""
    pool = ReferencePool(tasks, **variant)
    rng = np.random.default_rng(0)
    level, trend = rng.random(tasks), rng.normal(0.0, 0.05, tasks)
    pool.completions[:] = 12
    pool.baseline[:] = np.minimum(level, 0.75)
    rise = np.clip(trend * 11.0, 0.0, 1.0)
    pool.p_fast[:], pool.p_slow[:], pool.p_true[:] = 0.7 * rise, 0.2 * rise, level
    pool.refresh()
    return pool


def microseconds(variant: str, tasks: int, at_most: float = 2.0) -> float:
    """Cost of an episode of a variant; measured over whole periods of recomputation, for ``at_most`` seconds or so."""
    pool = mature_reference(tasks, **VARIANTS[variant])
    every = VARIANTS[variant].get("every", 1)
    scores = random_scores(every)
    samples: list[float] = []
    began = time.perf_counter()
    while not samples or (time.perf_counter() - began < at_most and len(samples) < 50):
        start = time.perf_counter()
        for score in scores:
            pool.episode(score)
        samples.append(time.perf_counter() - start)
    return float(np.median(samples)) / every * 1e6


class Reference:
    """The reference algorithm in NumPy: microseconds of an episode."""

    params = (list(VARIANTS), [1_000, 32_768])
    param_names = ("variant", "tasks")
    unit = "us"
    timeout = 300

    def setup(self, variant: str, tasks: int) -> None:
        if variant == "as it is" and tasks > 1_000:
            raise NotImplementedError("minutes an episode")

    def track_episode(self, variant: str, tasks: int) -> float:
        return microseconds(variant, tasks)
