"""The exact law of the draws, from what is known of the tasks at one moment, in NumPy.

The kernels draw from it task by task and in constant time. Nothing here needs numba, so that those who look from
outside (``lpcurr top``, ``lpcurr inspect``) need not wait for it. The schedulers' formulas are the same in both; the
tests hold draws and law equal. So is which tasks may be evicted, which the episode path decides in O(1), in O(n).
"""

import math
from fractions import Fraction
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np

from lpcurr import schedulers
from lpcurr.errors import PoolLostError
from lpcurr.memory import layout
from lpcurr.pool.moment import Bools, Float64s, Int64s, Moment
from lpcurr.schedulers.common import Way, sigmoid, z_score
from lpcurr.schedulers.label_progress import label_worth
from lpcurr.schedulers.learning_progress import raw_learning_progress

PRIORITY_LIMIT = 1e140
"""Priorities are clamped to ± this, as in the kernels."""

_EVERY = slice(None)
_AT_ONCE = 8192
"""So many tasks are worked out at once: what is between then stays in the processor's cache, in half the time."""
_ALWAYS = {"task_id", "entry", "label", "completion_count", "p_fast", "p_slow", "last_drawn"}


class Scores(NamedTuple):
    """Of every active task, in the order in which they entered the pool: arrays of equal length."""

    raw_progress: Float64s  # |R(p_fast) − R(p_slow)|; where draws are made by weight, the scheduler's priority
    explored: Bools  # whether it has enough completions for its priority to count
    lp_scores: Float64s  # sigmoid / Σ sigmoid where draws go by z-scores, else the score
    scores: Float64s  # what the probability is in proportion to, but for the shares of the draws that go other ways
    retention: Float64s  # what the eviction goes by: of the tasks that may go, the one with the least goes
    probabilities: Float64s  # of being the next task drawn, where no new one is made


def score_tasks(moment: Moment) -> Scores:
    """Score the active tasks as the draw of their pool does."""
    with np.errstate(all="ignore"):  # a user's scores may overflow: NaN and what is beyond the limit is dealt with
        return _score(moment, *_work_out(moment, "exploring_weight", "acceptance", "retention"))


def _score(moment: Moment, rules: SimpleNamespace, found: dict[str, Float64s]) -> Scores:
    task, priority = SimpleNamespace(**moment.columns), found["priority"]
    explored: Bools = task.completion_count >= rules.explored_from
    raw: Float64s = raw_learning_progress(task.p_fast, task.p_slow, rules.early_progress_amplification)
    if rules.draws_by == Way.Z_SCORE:
        lp_scores, scores = _scores_of_z(moment, priority, explored, rules)
        retention = scores
    else:
        if rules.draws_by == Way.WEIGHT:
            raw = priority
            scores = np.where(explored, np.maximum(raw, 0.0), rules.exploration_bonus)
        elif rules.draws_by == Way.RANK:
            raw = priority
            scores = _by_rank(raw, rules.rank_power)
        else:
            scores = np.ones(moment.size)
        lp_scores = scores
        kept = np.nan_to_num(found["retention"], nan=0.0)
        retention = np.where(explored, kept, rules.unexplored_key)
    uniform = np.full(moment.size, 1.0 / max(moment.size, 1))
    exploring = _proportional(found["exploring_weight"], uniform)
    stale = _proportional(moment.header["scheduled"] - task.last_drawn, uniform)
    chosen = _proportional(scores, exploring if rules.exploration_share > 0.0 else uniform)
    if rules.exploration_share > 0.0 and rules.draws_by == Way.WEIGHT and scores.sum() > 0.0:
        accepted = chosen * found["acceptance"]
        chosen = accepted + max(1.0 - accepted.sum(), 0.0) * exploring
    aside = rules.rand_task_rate + rules.exploration_share + rules.staleness_share + rules.label_share
    probabilities = (1.0 - aside) * chosen + rules.rand_task_rate * uniform
    if aside > rules.rand_task_rate:
        probabilities += rules.exploration_share * exploring + rules.staleness_share * stale
    if rules.label_share > 0.0:
        probabilities += rules.label_share * _by_label(moment, rules, uniform)
    return Scores(raw, explored, lp_scores, scores, retention, probabilities)


def shares(header: np.void) -> dict[str, float]:
    """Return which share of the draws goes which way; ``scheduler`` is what goes by the scheduler's own rule."""
    aside = {
        "uniform": float(header["rand_task_rate"]),
        "exploring": float(header["exploration_share"]),
        "staleness": float(header["staleness_share"]),
        "label": float(header["label_share"]),
    }
    return {"scheduler": 1.0 - sum(aside.values())} | aside


def starving(moment: Moment) -> Bools:
    """Return which active tasks were not drawn in the last five draws a task: under a fifth of their even part."""
    found: Bools = moment.header["scheduled"] - moment.columns["last_drawn"] > 5 * moment.size
    return found


def priorities(moment: Moment) -> Float64s:
    """Return what the draw goes by, of every active task, by the formula of the pool's scheduler."""
    with np.errstate(all="ignore"):
        return _work_out(moment)[1]["priority"]


class _Recording:
    """In place of the columns: remembers which of them a formula reads."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        self.shared = None

    def __getattr__(self, name: str) -> Float64s:
        self.names.add(name)
        return np.zeros(1)


def columns_of_law(header: np.void) -> set[str]:
    """Return the names of the columns that :func:`score_tasks` takes under a header's rules."""
    return _ALWAYS | (_columns_read(header, with_retention=True) - {"priority"})


def goes_by_success(header: np.void) -> bool:
    """Whether draws, or evictions where there are any, go by successes and not by scores alone."""
    return "success_rate_ema" in _columns_read(header, with_retention=bool(header["may_evict"]))


def _columns_read(header: np.void, with_retention: bool) -> set[str]:
    (rules, scheduler), task = _rules(header), _Recording()
    formulas = (scheduler.priority, scheduler.exploring_weight, scheduler.acceptance, scheduler.retention)
    with np.errstate(all="ignore"):
        for formula in formulas if with_retention else formulas[:3]:
            formula(task, _EVERY, rules)
    return task.names


def mean_and_deviation(header: np.void) -> tuple[float, float]:
    """Return mean and population standard deviation of the priorities, from the header's double-double sums."""
    n = int(header["active_count"])
    high, low = float(header["sum_high"]), float(header["sum_low"])
    squares = Fraction(float(header["square_high"])) + Fraction(float(header["square_low"]))
    variance = n * squares - (Fraction(high) + Fraction(low)) ** 2  # times n²
    return (high + low) / max(n, 1), math.sqrt(variance / n**2) if n and variance > 0 else 0.0


def _work_out(moment: Moment, *names: str) -> tuple[SimpleNamespace, dict[str, Float64s]]:
    """Return the rules, and of every active task its priority and what the scheduler's formulas of these names give."""
    rules, scheduler = _rules(moment.header)
    task, found = SimpleNamespace(**moment.columns), {name: np.empty(moment.size) for name in ("priority", *names)}
    task.priority = found["priority"]
    for first in range(0, moment.size, _AT_ONCE):
        task.shared, at = {}, slice(first, first + _AT_ONCE)
        for name, values in found.items():
            values[at] = getattr(scheduler, name)(task, at, rules)
            if name == "priority":
                values[at] = np.clip(np.nan_to_num(values[at], nan=0.0), -PRIORITY_LIMIT, PRIORITY_LIMIT)
    return rules, found


def _rules(header: np.void) -> tuple[SimpleNamespace, Any]:
    """Return the rules of a pool, and the scheduler that they are of."""
    rules = SimpleNamespace(**{name: header[name].tolist() for name in ("capacity", *layout.RULES)})
    if not 0 <= rules.scheduler < len(schedulers.ALL):
        raise PoolLostError(f"this pool is damaged: it names scheduler {rules.scheduler} of {len(schedulers.ALL)}")
    return rules, schedulers.ALL[rules.scheduler]


def _proportional(weights: Any, otherwise: Float64s) -> Float64s:
    """Return the weights as shares of their sum; where that is 0, another law."""
    total = weights.sum()
    return weights / total if total > 0.0 else otherwise


def _by_rank(priority: Float64s, power: float) -> Float64s:
    """Return rank^−power, the highest having rank 1; tasks of equal priority have the mean of what their ranks give."""
    _, groups, counts = np.unique(-priority, return_inverse=True, return_counts=True)
    weights = np.arange(1, priority.size + 1, dtype=np.float64) ** -power
    sums: Float64s = np.add.reduceat(weights, np.cumsum(counts) - counts) if priority.size else weights
    return (sums / counts)[groups]


def _by_label(moment: Moment, rules: SimpleNamespace, uniform: Float64s) -> Float64s:
    """Return the law of the draws by label: its progress, and its tasks alike."""
    rows, labels = moment.label_rows, moment.labels
    counts = np.bincount(rows, minlength=labels.size)
    weights = np.where(counts > 0, label_worth(labels["fast"], labels["slow"], rules), 0.0)
    return _proportional(weights[rows] / counts[rows], uniform)


def _scores_of_z(moment: Moment, priority: Float64s, explored: Bools, rules: Any) -> tuple[Float64s, Float64s]:
    """Return sigmoid / Σ sigmoid of all tasks, and their scores: the exploration bonus for the unexplored ones."""
    sigmoids = sigmoid(z_score(priority, *mean_and_deviation(moment.header), rules.amplification, rules.temperature))
    lp_scores: Float64s = sigmoids / sigmoids.sum() if moment.size else sigmoids
    bonus = rules.exploration_bonus
    if rules.relative_exploration and explored.any():
        bonus *= layout.EXPLORATION_UNIT * lp_scores[explored].mean()
    return lp_scores, np.where(explored, lp_scores, bonus)


def rank_for_eviction(
    moment: Moment, retention: Float64s, queried: Int64s, enough: int, explored_from: int | None, percentile: float
) -> tuple[list[int], int | None]:
    """Find the evictable tasks among the queried ids, in their order; and the one with the least key, or None.

    ``retention`` is what the eviction goes by, of the active tasks in entry order. A task may go from ``enough``
    completions on, if its key is at most that at index min(m − 1, floor(m · percentile)) of the m that count: those
    with ``explored_from`` completions, or all where that is None.
    """
    ids, completions = moment.columns["task_id"], moment.columns["completion_count"]
    counted = retention if explored_from is None else retention[completions >= explored_from]
    if counted.size == 0 or ids.size == 1:  # a pool of one task evicts nothing
        return [], None
    threshold = np.sort(counted)[min(counted.size - 1, math.floor(counted.size * percentile))]
    may_go = (completions >= max(enough, explored_from or 0)) & (retention <= threshold)
    key_of = dict(zip(ids[may_go].tolist(), retention[may_go].tolist(), strict=True))
    evictable = [task_id for task_id in queried.tolist() if task_id in key_of]
    return evictable, min(evictable, key=key_of.__getitem__, default=None)
