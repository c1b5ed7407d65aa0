"""Slow, obvious twins of the kernels, in plain Python: spec.md written down once more, with nothing shared.

A :class:`NaivePool` is a dict of tasks in the order in which they entered. It scores every task at every question, sums
with exact fractions, and draws nothing: where the real pool chooses, a test takes its answer and asks here whether it
was allowed.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

from lpcurr import CurriculumConfig
from tests import naive_schedulers

MASK_64 = 2**64 - 1
PRIORITY_LIMIT = 1e140
HUGE = 1e300
EXPLORATION_UNIT = 10.0


@dataclass(frozen=True)
class Rules:
    """What a configuration says, under the names of spec.md.

    Attributes:
        kind: the scheduler's name.
        settings: its configuration, for what it alone has.
    """

    capacity: int
    kind: str
    settings: Any
    fixed_set: bool
    min_presentations: int
    alpha: float
    success_threshold: float
    tau: float = 0.1
    slow_tau: float = 0.02
    baseline: bool = True
    zero_is_unset: bool = False
    unbiased: bool = True
    temperature: float = 0.0
    amplification: float = 10.0
    bonus: float = 0.0
    relative: bool = True
    epsilon: float = 0.0
    exploring: float = 0.0
    stale: float = 0.0
    min_samples: int = 0
    mature_from: int = 0
    percentile: float = 1.0
    explored_only: bool = True
    new_task_rate: float = 0.0
    by_label: float = 0.0
    label_tau: float = 1.0
    label_slow_tau: float = 1.0
    evicts: bool = True
    explored_at_maturity: bool = False  # a task counts as explored from min_presentations on

    @classmethod
    def of(cls, config: CurriculumConfig) -> Rules:
        settings = config.algorithm_config
        kind = settings.type
        if kind == "learning_progress" and not getattr(settings, "use_bidirectional", True):
            kind = "score_deviation"
        enough = config.min_presentations_for_eviction
        if enough is None:
            enough = 5 if kind in ("learning_progress", "score_deviation") else 3
        if kind == "mixture":
            return cls._mixed([(part.share, cls.of(config.with_scheduler(part.use))) for part in settings.parts])
        return cls(
            capacity=config.num_active_tasks,
            kind=kind,
            settings=settings,
            fixed_set=config.defer_init,
            min_presentations=enough,
            alpha=settings.task_tracker_ema_alpha,
            success_threshold=settings.task_default_success_threshold,
            **naive_schedulers.RULES[kind](settings),
        )

    @classmethod
    def _mixed(cls, parts: list[tuple[float, Rules]]) -> Rules:
        """The rules of the part that has a priority of its own, else evicts; its share goes to what the others do."""
        ways = naive_schedulers.DRAWS_BY
        main = max((rules for _, rules in parts), key=lambda rules: (ways[rules.kind] != "uniform", rules.evicts))
        shares = {
            name: sum(of * getattr(rules, name) for of, rules in parts) for name in ("exploring", "stale", "by_label")
        }
        epsilon = 0.0
        for of, rules in parts:
            rest = 1.0 - rules.epsilon - rules.exploring - rules.stale - rules.by_label
            epsilon += of * (rules.epsilon + (rest if ways[rules.kind] == "uniform" else 0.0))
        labels = max((rules for _, rules in parts), key=lambda rules: rules.by_label)
        averages = {"label_tau": labels.label_tau, "label_slow_tau": labels.label_slow_tau}
        return replace(main, epsilon=epsilon, **shares, **averages)


@dataclass
class Task:
    """One task; ``entry`` orders tasks by age."""

    task_id: int
    entry: int
    success_threshold: float = 0.5
    label: str = "unknown"
    completion_count: int = 0
    scheduled_count: int = 0
    last_drawn: int = 0
    total_score: float = 0.0
    last_score: float = 0.0
    reward_ema: float = 0.0
    ema_squared: float = 0.0
    success_rate_ema: float = 0.0
    p_fast: float = 0.0
    p_slow: float = 0.0
    p_true: float = 0.0
    random_baseline: float = 0.0
    least_score: float = 0.0
    greatest_score: float = 0.0
    signal: float = 0.0
    mean_cost: float = 1.0


# -- one task -------------------------------------------------------------------------------------------------------


def apply_score(task: Task, score: float, rules: Rules, signal: float | None = None, cost: float = 1.0) -> None:
    """One completion."""
    signal = score if signal is None else signal
    task.completion_count += 1
    n = task.completion_count
    task.total_score += score
    task.last_score = score
    success = 1.0 if score >= task.success_threshold else 0.0
    square = min(score * score, HUGE)

    def average(old: float, new: float, weight: float, unbiased: bool = rules.unbiased) -> float:
        if n == 1:
            return new
        weight = max(weight, 1.0 / n) if unbiased else weight
        return (1.0 - weight) * old + weight * new

    task.reward_ema = average(task.reward_ema, score, rules.alpha)
    task.ema_squared = average(task.ema_squared, square, rules.alpha)
    task.success_rate_ema = average(task.success_rate_ema, success, rules.alpha)
    task.mean_cost = average(task.mean_cost, cost, rules.alpha, unbiased=True)
    task.signal = average(task.signal, signal, rules.tau, unbiased=True)
    task.least_score = score if n == 1 else min(task.least_score, score)
    task.greatest_score = score if n == 1 else max(task.greatest_score, score)
    value = score
    if rules.baseline:
        if task.random_baseline == 0.0 if rules.zero_is_unset else n == 1:
            task.random_baseline = min(score, 0.75)
        value = max(score - task.random_baseline, 0.0) / max(1.0 - task.random_baseline, 1e-10)
        value = min(value, HUGE)
    if rules.zero_is_unset and task.p_fast == 0.0 and task.p_slow == 0.0:
        task.p_fast, task.p_slow, task.p_true = value, value, score
    elif rules.zero_is_unset:
        task.p_fast = rules.tau * value + (1.0 - rules.tau) * task.p_fast
        task.p_slow = rules.slow_tau * value + (1.0 - rules.slow_tau) * task.p_slow
        task.p_true = rules.tau * score + (1.0 - rules.tau) * task.p_true
    else:
        task.p_fast = average(task.p_fast, value, rules.tau)
        task.p_slow = average(task.p_slow, value, rules.slow_tau)
        task.p_true = average(task.p_true, score, rules.tau)


def priority(task: Task, rules: Rules) -> float:
    """What the draw goes by."""
    value = naive_schedulers.PRIORITY[rules.kind](task, rules)
    return min(max(value, -PRIORITY_LIMIT), PRIORITY_LIMIT)


# -- all tasks ------------------------------------------------------------------------------------------------------


def moments(values: Sequence[float]) -> tuple[float, float]:
    """Mean and population standard deviation, exact up to one rounding."""
    ratios = [value.as_integer_ratio() for value in map(float, values)]
    n, unit = len(ratios), max(denominator for _, denominator in ratios)  # all of them powers of two
    units = [numerator * (unit // denominator) for numerator, denominator in ratios]
    variance = Fraction(n * sum(each * each for each in units) - sum(units) ** 2, (n * unit) ** 2)
    return float(Fraction(sum(units), n * unit)), _root(variance)


def _root(value: Fraction) -> float:
    if value == 0:
        return 0.0
    shift = 2 * max(0, 120 - (value.numerator.bit_length() - value.denominator.bit_length()) // 2)
    return float(Fraction(math.isqrt(value.numerator * 2**shift // value.denominator), 2 ** (shift // 2)))


def sigmoid(z: float) -> float:
    return 1.0 / (1.0 + math.exp(-min(500.0, max(-500.0, z))))


def z_score(value: float, mean: float, deviation: float, rules: Rules) -> float:
    if rules.temperature > 0.0:
        return value / rules.temperature
    if rules.temperature == 0.0 and deviation > 1e-10:
        return (value - mean) / deviation * rules.amplification
    return value


def gini(values: Iterable[float]) -> float:
    ranked = sorted(values)
    n, total = len(ranked), math.fsum(ranked)
    if n == 0 or total == 0.0:
        return 0.0
    return 2.0 * math.fsum(i * x for i, x in enumerate(ranked, 1)) / (n * total) - (n + 1) / n


class NaivePool:
    """The pool as a dict in entry order.

    Attributes:
        tasks: the active tasks by id.
        completed, refused, created, evicted, scheduled, evicted_completions: what the real pool counts.
    """

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.tasks: dict[int, Task] = {}
        self.created = self.evicted = self.completed = self.refused = self.scheduled = self.evicted_completions = 0
        self.score_sum = 0.0
        self.label_averages: dict[str, tuple[int, float, float]] = {}  # scores, fast, slow

    # -- operations -------------------------------------------------------------------------------------------------

    def add_task(self, task_id: int, label: str | None = None, success_threshold: float | None = None) -> None:
        assert task_id not in self.tasks
        assert len(self.tasks) < self.rules.capacity
        threshold = self.rules.success_threshold if success_threshold is None else success_threshold
        self.tasks[task_id] = Task(task_id, self.created, threshold, label or "unknown", last_drawn=self.scheduled)
        self.created += 1

    def evict(self, task_id: int) -> None:
        task = self.tasks.pop(task_id)
        self.evicted += 1
        self.evicted_completions += task.completion_count

    def update(self, task_id: int, score: float, signal: float | None = None, cost: float = 1.0) -> bool:
        if task_id not in self.tasks:
            self.refused += 1
            return False
        apply_score(self.tasks[task_id], score, self.rules, signal, cost)
        self.completed += 1
        self.score_sum += score
        if self.rules.by_label > 0.0:
            self._average_label(self.tasks[task_id], score)
        return True

    def _average_label(self, task: Task, score: float) -> None:
        count, fast, slow = self.label_averages.get(task.label, (0, 0.0, 0.0))
        value = naive_schedulers.scaled(score, task)
        weights = (max(tau, 1.0 / (count + 1)) for tau in (self.rules.label_tau, self.rules.label_slow_tau))
        moved = [old + weight * (value - old) for old, weight in zip((fast, slow), weights, strict=True)]
        self.label_averages[task.label] = (count + 1, moved[0], moved[1])

    def count_draw(self, task_id: int) -> None:
        self.scheduled += 1
        self.tasks[task_id].scheduled_count += 1
        self.tasks[task_id].last_drawn = self.scheduled

    def take_draw(self, task_id: int, gone: int | None = None) -> str:
        """Follow the real pool, whose ``get_task`` answered ``task_id``; how that came about. Wrong if not allowed.

        ``gone`` is the task that it replaced, where that is known: of scores that are equal but for rounding, either
        may have been the least.
        """
        known = task_id in self.tasks
        candidate = self.eviction_candidate()
        if known:
            assert self.rules.fixed_set or len(self.tasks) == self.rules.capacity, "drawn though there was room"
            assert self.rules.new_task_rate < 1.0 or candidate is None, f"{candidate} had to be evicted"
            assert self.probabilities()[task_id] > 0.0, "drawn with probability 0"
            how = "drawn"
        elif len(self.tasks) < self.rules.capacity:
            assert not self.rules.fixed_set, "a fixed set grew"
            self.add_task(task_id)
            how = "created"
        else:
            assert candidate is not None, "a task was replaced though none may be evicted"
            assert self.rules.new_task_rate > 0.0, "a task was replaced at new_task_rate 0"
            if gone is not None and gone != candidate:
                scores = self.eviction_scores()
                assert math.isclose(scores[gone], scores[candidate], rel_tol=1e-9), f"{gone} is not the least"
                assert self.is_mature(self.tasks[gone]), f"{gone} has too few completions to be evicted"
                candidate = gone
            self.evict(candidate)
            self.add_task(task_id)
            how = "replaced"
        self.count_draw(task_id)
        return how

    # -- scores -----------------------------------------------------------------------------------------------------

    def is_explored(self, task: Task) -> bool:
        rules = self.rules
        enough = rules.min_presentations if rules.explored_at_maturity else rules.min_samples
        return task.completion_count >= enough

    def lp_scores(self) -> dict[int, float]:
        """g / Σ g over all active tasks."""
        values = {task_id: priority(task, self.rules) for task_id, task in self.tasks.items()}
        if not values:
            return {}
        mean, deviation = moments(list(values.values()))
        weights = {task_id: sigmoid(z_score(value, mean, deviation, self.rules)) for task_id, value in values.items()}
        total = math.fsum(weights.values())
        return {task_id: weight / total for task_id, weight in weights.items()}

    def scores(self) -> dict[int, float]:
        """A task's probability is its score over the sum of all, in the share of draws that go this way."""
        rules = self.rules
        way = naive_schedulers.DRAWS_BY[rules.kind]
        if getattr(rules.settings, "prioritization", None) == "rank":
            way = "rank"
        if way == "uniform":
            return dict.fromkeys(self.tasks, 1.0)
        if way == "rank":
            values = {task_id: priority(task, rules) for task_id, task in self.tasks.items()}
            chances: dict[float, list[float]] = {}
            for rank, value in enumerate(sorted(values.values(), reverse=True), start=1):
                chances.setdefault(value, []).append(rank**-rules.settings.sharpness)
            return {i: math.fsum(chances[value]) / len(chances[value]) for i, value in values.items()}
        if way == "weight":
            known = {task_id: max(priority(task, rules), 0.0) for task_id, task in self.tasks.items()}
            return {i: known[i] if self.is_explored(task) else rules.bonus for i, task in self.tasks.items()}
        known = self.lp_scores()
        explored = [known[task_id] for task_id, task in self.tasks.items() if self.is_explored(task)]
        bonus = rules.bonus
        if rules.relative and explored:
            bonus *= EXPLORATION_UNIT * math.fsum(explored) / len(explored)
        return {task_id: known[task_id] if self.is_explored(task) else bonus for task_id, task in self.tasks.items()}

    def probabilities(self) -> dict[int, float]:
        """Σ share · law over the ways in which draws are made."""
        rules, n = self.rules, max(len(self.tasks), 1)
        uniform = dict.fromkeys(self.tasks, 1.0 / n)
        exploring = _normalised({i: self._exploring_weight(task) for i, task in self.tasks.items()}, uniform)
        stale = _normalised({i: float(self.scheduled - task.last_drawn) for i, task in self.tasks.items()}, uniform)
        scores = self.scores()
        main = _normalised(scores, exploring if rules.exploring > 0.0 else uniform)
        if rules.kind in naive_schedulers.ACCEPTANCE and sum(scores.values()) > 0.0:
            kept = {i: p * naive_schedulers.ACCEPTANCE[rules.kind](self.tasks[i], rules) for i, p in main.items()}
            main = {i: p + (1.0 - math.fsum(kept.values())) * exploring[i] for i, p in kept.items()}
        by_label = _normalised(self._label_weights(), uniform)
        rest = 1.0 - rules.epsilon - rules.exploring - rules.stale - rules.by_label
        shares = (rest, rules.epsilon, rules.exploring, rules.stale, rules.by_label)
        laws = (main, uniform, exploring, stale, by_label)
        return {i: sum(share * law[i] for share, law in zip(shares, laws, strict=True)) for i in self.tasks}

    def _label_weights(self) -> dict[int, float]:
        """Each task's part of what its label weighs."""
        size = Counter(task.label for task in self.tasks.values())
        worth = {
            label: naive_schedulers.label_worth(*self.label_averages.get(label, (0, 0.0, 0.0))[1:], self.rules)
            for label in size
        }
        return {i: worth[task.label] / size[task.label] for i, task in self.tasks.items()}

    def _exploring_weight(self, task: Task) -> float:
        weight = naive_schedulers.EXPLORING.get(self.rules.kind)
        return 1.0 if weight is None else weight(task, self.rules)

    def retention(self, task_id: int) -> float:
        """What the eviction goes by."""
        retention = naive_schedulers.RETENTION.get(self.rules.kind)
        return self.scores()[task_id] if retention is None else retention(self.tasks[task_id], self.rules)

    # -- eviction ---------------------------------------------------------------------------------------------------

    def is_mature(self, task: Task) -> bool:
        """Whether it has enough completions to be evicted by its score."""
        enough = self.rules.min_presentations
        least = max(self.rules.min_samples, self.rules.mature_from) if self.rules.explored_only else 0
        return task.completion_count >= max(enough, least)

    def eviction_scores(self) -> dict[int, float]:
        """The scores, or what else the scheduler retains tasks by: least goes first."""
        if self.rules.kind not in naive_schedulers.RETENTION:
            return self.scores()
        return {task_id: self.retention(task_id) for task_id in self.tasks}

    def evictable(self, min_presentations: int | None = None) -> list[int]:
        """Tasks that may be evicted by their scores, in entry order."""
        rules = self.rules
        if not rules.evicts or len(self.tasks) <= 1:
            return []
        scores = self.eviction_scores()
        counted = [s for i, s in scores.items() if not rules.explored_only or self.is_explored(self.tasks[i])]
        if not counted:
            return []
        limit = sorted(counted)[min(len(counted) - 1, math.floor(len(counted) * rules.percentile))]
        enough = rules.min_presentations if min_presentations is None else min_presentations
        if rules.explored_only:
            enough = max(enough, rules.min_samples, rules.mature_from)
        return [i for i, task in self.tasks.items() if task.completion_count >= enough and scores[i] <= limit]

    def recommend_eviction(self, min_presentations: int | None = None) -> int | None:
        evictable = self.evictable(min_presentations)
        return min(evictable, key=self.eviction_scores().__getitem__) if evictable else None

    def eviction_candidate(self) -> int | None:
        """Whom ``get_task`` on a full pool may replace."""
        rules = self.rules
        if rules.fixed_set:
            return None
        young = sum(not (self.is_explored(task) and self.is_mature(task)) for task in self.tasks.values())
        if rules.explored_only and young >= max(1.0, rules.new_task_rate * len(self.tasks)):
            return None
        candidate = self.recommend_eviction()
        if candidate is not None and rules.explored_only and self.is_played(self.tasks[candidate]):
            return None
        return candidate

    def is_played(self, task: Task) -> bool:
        """Whether it is handed out, as far as counts can tell: an old episode may have been abandoned."""
        lately = (self.scheduled - task.last_drawn) ** 2 < 4 * len(self.tasks)
        return lately and task.scheduled_count > task.completion_count > 0


# -- random streams -------------------------------------------------------------------------------------------------


class Xoshiro:
    """xoshiro256++ of Blackman and Vigna, from their description."""

    def __init__(self, words: Iterable[int]) -> None:
        self.state = [int(word) for word in words]

    def next_word(self) -> int:
        s = self.state
        result = (_rotate((s[0] + s[3]) & MASK_64, 23) + s[0]) & MASK_64
        t = (s[1] << 17) & MASK_64
        s[2] ^= s[0]
        s[3] ^= s[1]
        s[1] ^= s[2]
        s[0] ^= s[3]
        s[2] ^= t
        s[3] = _rotate(s[3], 45)
        return result

    def uniform(self) -> float:
        return (self.next_word() >> 11) / 2**53

    def below(self, bound: int) -> int:
        """Lemire's draw from the upper 32 bits, with rejection where it would be biased."""
        while True:
            product = (self.next_word() >> 32) * bound
            if product % 2**32 >= 2**32 % bound:
                return product >> 32

    def task_id(self) -> int:
        return self.next_word() >> 11


def _rotate(word: int, count: int) -> int:
    return ((word << count) | (word >> (64 - count))) & MASK_64


class SeedSequence:
    """NumPy's SeedSequence for one integer and a spawn key, by the published algorithm (O'Neill's seed_seq)."""

    def __init__(self, entropy: int, spawn_key: tuple[int, ...] = ()) -> None:
        words = list(_words_32(entropy))
        if spawn_key and len(words) < 4:
            words += [0] * (4 - len(words))
        for number in spawn_key:
            words += _words_32(number)
        self.pool = self._mix(words)

    @staticmethod
    def _mix(words: list[int]) -> list[int]:
        mask, constant = 2**32 - 1, 0x43B0D7E5

        def hashed(value: int) -> int:
            nonlocal constant
            value ^= constant
            constant = constant * 0x931E8875 & mask
            value = value * constant & mask
            return value ^ value >> 16

        def mixed(x: int, y: int) -> int:
            result = (x * 0xCA01F9DD - y * 0x4973F715) & mask
            return result ^ result >> 16

        pool = [hashed(words[i] if i < len(words) else 0) for i in range(4)]
        for source in range(4):
            for target in range(4):
                if source != target:
                    pool[target] = mixed(pool[target], hashed(pool[source]))
        for word in words[4:]:
            for target in range(4):
                pool[target] = mixed(pool[target], hashed(word))
        return pool

    def generate_words(self, count: int) -> list[int]:
        """``count`` words of 64 bits."""
        mask, constant, halves = 2**32 - 1, 0x8B51F9DD, []
        for i in range(2 * count):
            value = self.pool[i % 4] ^ constant
            constant = constant * 0x58F38DED & mask
            value = value * constant & mask
            halves.append(value ^ value >> 16)
        return [halves[i] | halves[i + 1] << 32 for i in range(0, 2 * count, 2)]


def _words_32(number: int) -> Iterator[int]:
    yield number & (2**32 - 1)
    while number := number >> 32:
        yield number & (2**32 - 1)


# -- small structures -----------------------------------------------------------------------------------------------


@dataclass
class LabelTable:
    """Labels by the rules of the layout: kept while active, then the last ``retained`` that went, first in first out.

    Attributes:
        rows: labels that may be in use at a time, beside "unknown" and "(other)".
    """

    rows: int
    retained: int
    active: dict[str, int] = field(default_factory=dict)
    inactive: list[str] = field(default_factory=list)

    def enter(self, name: str) -> str:
        """A task gets this label; under which one it counts."""
        if name not in self.active and name not in self.inactive:
            if len(self.active) + len(self.inactive) >= self.rows:
                if not self.inactive:
                    return "(other)"
                self.inactive.pop(0)
            self.active[name] = 0
        if name in self.inactive:
            self.inactive.remove(name)
        self.active[name] = self.active.get(name, 0) + 1
        return name

    def leave(self, name: str) -> None:
        """A task of this label goes."""
        if name == "(other)":
            return
        self.active[name] -= 1
        if self.active[name] == 0:
            del self.active[name]
            self.inactive.append(name)
            if len(self.inactive) > self.retained:
                self.inactive.pop(0)


def _normalised(weights: dict[int, float], otherwise: dict[int, float]) -> dict[int, float]:
    total = math.fsum(weights.values())
    return {i: weight / total for i, weight in weights.items()} if total > 0.0 else otherwise


def summary(pool: NaivePool) -> dict[str, Any]:
    """The counters under the names of the statistics."""
    return {
        "num_created": pool.created,
        "num_evicted": pool.evicted,
        "num_completed": pool.completed,
        "num_scheduled": pool.scheduled,
        "num_active_tasks": len(pool.tasks),
        "num_refused": pool.refused,
    }
