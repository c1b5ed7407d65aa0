"""The frontier: a share of practice goes to what is being learned, the rest to what is not yet known.

When to use it: it is the default. It needs no tuning, tells progress from luck, lets no task starve, and does not care
about the scale of scores. On simulated students it made more than twice of uniform draws where tasks build on each
other, and lost two hundredths to them where half of the tasks are luck; ``lpcurr help choosing`` has the figures.

Of a task it knows n completions, and a fast and a slow average of its score, f and s, which are plain means while it is
young. On the scale from lo = min(0, least score) to hi = max(1, greatest score), where F and S are those averages:

* m = F · n / (n + 1): how far it is mastered, with one failed play as prior;
* d = F − S is movement. If nothing changes, d has variance ν · σ², ν = τ/(2−τ) + τₛ/(2−τₛ) − 2ττₛ/(τ+τₛ−ττₛ), which
  is 0.0625 at the default timescales. With q = (F + S) / 2, σ² is q(1 − q), as of scores of 0 or 1, times ρ: the
  variance that the scores had over theirs, 1 for scores of 0 or 1 and less for measured or graded ones, at least 0.3;
* g = (r − 1) / (r + 19), r = (1 + d² / (16 ν σ²))⁸ ≈ exp(d² / 2νσ²): how likely d is more than noise, where one task in
  twenty moves;
* e = F − A, where A averages some fifty plays and more (its weight α is ``task_tracker_ema_alpha``), tells what
  moves slowly from what does not move at all, and D = A − the mean of all plays what moves more slowly still:
  h = ν₂ σ² / (e² + max(ν₂ D² / ν₃ − 4 ν₂ σ², 0) + ν₂ σ²) · n / (n + 10), ν₂ = τ/(2−τ), ν₃ = α/(2−α), is how surely the
  task stands still. What stands still between always and never is luck: l = h · min(1, 6 q(1 − q));
* most draws explore, with weight 1 − 0.85 · max(m, l): little known, little mastered, and not luck first;
* a share of 0.35 goes by (m (1 − m)³ g (1 − h))²: tasks that have begun to be learned, and are not yet known; squared,
  since many that are lucky, or mastered, weigh more together than the few that it is for. It is kept with
  1 − max(m³, l), else it explores: what is mastered, or luck, does not take the share though nothing else moves;
* a share of 0.15 goes by staleness, so that what was mastered is not forgotten unseen.

Tasks make room for new ones in the order in which they entered, but each stands back by 3 N E[p(1 − p)] entries, N the
size of the pool, under what its plays say of p (Beta(1, 1) prior, 25 plays remembered, at the slow average). What is
always or never solved goes first, yet each in its turn: what is never solved is drawn most, and would be the first to
be known for it, but may be learned once others are.

References:
    Room is made as by the greedy-dual caches: Young (1994), "The k-server dual and loose competitiveness for paging".
    The measure of noise is the variance of the difference of two exponential averages of one Bernoulli sequence.
    Learning progress: Kanitscheider and others (2021), arXiv 2106.14876. Learnability: Rutherford and others (2024),
    arXiv 2408.15099. Zone of proximal development: Tzannetos and others (2023), arXiv 2304.12877.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from lpcurr.schedulers.common import (
    Rate,
    SchedulerConfig,
    Share,
    Way,
    noise_of_movement,
    own_words,
    recent_learnability,
    share_of,
    shared,
)

_STILL_AFTER = 10.0  # plays after which a task that did not move is half believed to stand still
_DOUBT = 4.0  # variances that a drift over all plays must exceed
_MIDDLING = 6.0  # from q(1 − q) = 1 / 6 on, q = 0.21 … 0.79, all of what stands still is taken for luck
_ODDS = 20.0  # one task in so many moves
_STANDS_BACK = 3.0  # entries, in pools: times E[p(1 − p)], by so many a task goes later than it entered
_LEAST_NOISE = 0.3  # of the noise of scores of 0 or 1: where a score rises without noise, its scale rises with it


@shared
def _scale(task: Any, at: Any) -> Any:
    """Return where the scale of what the task has been seen to give begins, and its length, both halved."""
    lowest = np.minimum(task.least_score[at], 0.0) * 0.5  # halves, so that no difference overflows
    return lowest, np.maximum(task.greatest_score[at], 1.0) * 0.5 - lowest


def _on_scale(average: Any, task: Any, at: Any) -> Any:
    """Return an average of the score on the scale of what the task has been seen to give, 0 … 1."""
    lowest, length = _scale(task, at)
    return (average * 0.5 - lowest) / length


@shared
def _fast(task: Any, at: Any) -> Any:
    return _on_scale(task.p_fast[at], task, at)


@shared
def _slow(task: Any, at: Any) -> Any:
    return _on_scale(task.p_slow[at], task, at)


@shared
def _recent(task: Any, at: Any) -> Any:
    return _on_scale(task.reward_ema[at], task, at)


@shared
def _middling(task: Any, at: Any) -> Any:
    """Return q(1 − q), the variance of scores of 0 or 1 with the mean of the two averages."""
    middle = (_fast(task, at) + _slow(task, at)) * 0.5
    return np.maximum(middle * (1.0 - middle), 0.0)


@shared
def _noise(task: Any, at: Any) -> Any:
    """Return σ²: q(1 − q) times the variance that the scores had over that of scores of 0 or 1 with their mean."""
    mean = _recent(task, at)
    _, length = _scale(task, at)
    half = task.reward_ema[at] * 0.5
    had = (task.ema_squared[at] * 0.25 - half * half) / (length * length)
    ratio = share_of(had, np.maximum(mean * (1.0 - mean), 0.0))
    return _middling(task, at) * np.minimum(np.maximum(ratio, _LEAST_NOISE), 1.0)


@shared
def _stillness(task: Any, at: Any, rules: Any) -> Any:
    """Return how surely a task does not move at all, 0 … 1."""
    n = task.completion_count[at] * 1.0
    recent = _recent(task, at)
    away = _fast(task, at) - recent
    drift = recent - _on_scale(task.total_score[at] / np.maximum(n, 1.0), task, at)
    variance = _noise(task, at)
    noise = rules.own[3] * variance
    beyond = np.maximum(drift * drift / rules.own[4] - _DOUBT * variance, 0.0) * rules.own[3]
    return share_of(noise, away * away + beyond + noise) * (n / (n + _STILL_AFTER))


@shared
def _luck(task: Any, at: Any, rules: Any) -> Any:
    """Return how surely a task stands still between always and never, 0 … 1."""
    return _stillness(task, at, rules) * np.minimum(_MIDDLING * _middling(task, at), 1.0)


@shared
def _mastery(task: Any, at: Any) -> Any:
    """Return how far a task is mastered, 0 … 1: its fast average on the scale, with one failed play as prior."""
    n = task.completion_count[at] * 1.0
    return _fast(task, at) * (n / (n + 1.0))


class FrontierConfig(SchedulerConfig):
    """Draw what is beginning to be learned, and otherwise what is little known and little mastered.

    >>> FrontierConfig(frontier_share=0.3).exploration_slope
    0.85
    """

    draws_by: ClassVar[Way] = Way.WEIGHT
    scale_free: ClassVar[bool] = True

    type: Literal["frontier"] = "frontier"
    ema_timescale: Rate = Field(default=0.2, description="weight τ of a new score in the fast average")
    slow_timescale_factor: Rate = Field(default=0.2, description="the slow average's weight is this times τ")
    frontier_share: Share = Field(default=0.35, description="share of the draws that go to what is being learned")
    staleness_share: Share = Field(
        default=0.15, description="share of the draws in proportion to the draws since a task was last drawn"
    )
    exploration_slope: float = Field(
        default=0.85, ge=0.0, le=0.95, description="other draws weigh a task 1 − this · how far it is mastered, or luck"
    )
    new_task_rate: Share = Field(
        default=0.3, description="share of the draws on a full pool that may evict a task and bring in a new one"
    )
    per_cost: bool = Field(default=False, description="what is being learned is weighed by progress per cost")

    @model_validator(mode="after")
    def _check_shares(self) -> Self:
        if self.frontier_share + self.staleness_share > 1.0 + 1e-9:
            raise ValueError(
                f"frontier_share={self.frontier_share:g} and staleness_share={self.staleness_share:g} add up to more "
                "than 1, and are shares of the same draws: lower one of them"
            )
        return self

    @staticmethod
    def priority(task: Any, at: Any, rules: Any) -> Any:
        """Return (m (1 − m)³ g (1 − h))², per cost where that is asked for."""
        mastery = _mastery(task, at)
        moved = _fast(task, at) - _slow(task, at)
        noise = rules.own[1] * _noise(task, at)
        step = moved * moved / 16.0
        both = noise + step
        both_2, still_2 = both * both, noise * noise
        both_4, still_4 = both_2 * both_2, still_2 * still_2
        odds = step * (both + noise) * (both_2 + still_2) * (both_4 + still_4)  # both⁸ − noise⁸: r − 1 times noise⁸
        genuine = share_of(odds, odds + _ODDS * (still_4 * still_4))
        left = 1.0 - mastery
        worth = mastery * (left * left * left) * genuine * (1.0 - _stillness(task, at, rules))
        worth = worth * worth
        if rules.own[2] > 0.0:
            worth = worth / task.mean_cost[at]
        return worth

    @staticmethod
    def exploring_weight(task: Any, at: Any, rules: Any) -> Any:
        """Return 1 − slope · max(m, l), within 0 … 1."""
        return 1.0 - rules.own[0] * np.maximum(_mastery(task, at), _luck(task, at, rules))

    @staticmethod
    def acceptance(task: Any, at: Any, rules: Any) -> Any:
        """Return 1 − max(m³, l)."""
        mastery = _mastery(task, at)
        return 1.0 - np.maximum(mastery * mastery * mastery, _luck(task, at, rules))

    @staticmethod
    def retention(task: Any, at: Any, rules: Any) -> Any:
        """Return when the task entered, later by 3 N times the expected p(1 − p) under what its plays say of p."""
        learnable = recent_learnability(_slow(task, at), task.completion_count[at])
        return task.entry[at] + _STANDS_BACK * rules.capacity * learnable

    def rules(self, min_presentations: int, fixed_set: bool) -> dict[str, Any]:
        fast, slow = self.ema_timescale, self.ema_timescale * self.slow_timescale_factor
        recent = self.task_tracker_ema_alpha
        stale = min(self.staleness_share, 1.0 - self.frontier_share)  # rounding apart
        return super().rules(min_presentations, fixed_set) | {
            "exploration_share": 1.0 - self.frontier_share - stale,
            "staleness_share": stale,
            "explored_from": min_presentations,
            "may_evict": not fixed_set,
            "baseline_normalization": 0,
            "fast_timescale": fast,
            "slow_timescale": slow,
            "own": own_words(
                self.exploration_slope,
                noise_of_movement(fast, slow),
                self.per_cost,
                fast / (2.0 - fast),
                recent / (2.0 - recent),
            ),
        }
