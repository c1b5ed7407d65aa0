"""Random sequences of public operations, each followed by the naive pool."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

import lpcurr
from lpcurr import DiscreteRandomConfig
from tests.naive import summary
from tests.twins import Twins, make_config

IDS = st.one_of(st.integers(0, 12), st.integers(2**53 - 3, 2**53 - 1))
SCORES = st.one_of(
    st.sampled_from([0.0, 0.5, 1.0, -1.0]),
    st.floats(0.0, 1.0, width=16),
    st.floats(-100.0, 100.0, width=32),
)
SHARES = st.sampled_from([0.0, 0.3, 0.5, 1.0])

LEARNING_PROGRESS = st.fixed_dictionaries(
    {
        "min_samples_for_lp": st.integers(0, 4),
        "use_bidirectional": st.booleans(),
        "use_baseline_normalization": st.booleans(),
        "ema_timescale": st.sampled_from([0.001, 0.1, 1.0]),
        "slow_timescale_factor": st.sampled_from([0.2, 1.0]),
        "z_score_amplification": st.sampled_from([0.0, 1.0, 10.0, 50.0]),
        "lp_score_temperature": st.sampled_from([0.0, 0.0, 0.5, -1.0]),
        "early_progress_amplification": st.sampled_from([0.5, 0.5, 0.1]),
        "performance_bonus_weight": st.sampled_from([0.0, 0.3]),
        "exploration_bonus": st.sampled_from([0.0, 0.1, 3.0]),
        "rand_task_rate": SHARES,
        "new_task_rate": SHARES,
        "eviction_threshold_percentile": SHARES,
        "exploration": st.sampled_from(["relative", "absolute"]),
        "eviction_among": st.sampled_from(["explored", "all"]),
        "zero_is_unset": st.booleans(),
    }
)
ALGORITHMS = st.one_of(LEARNING_PROGRESS, LEARNING_PROGRESS, st.builds(DiscreteRandomConfig))


class PoolMachine(RuleBasedStateMachine):
    """One curriculum and its naive twin."""

    twins: Twins

    @initialize(
        algorithm=ALGORITHMS,
        capacity=st.sampled_from([1, 2, 3, 6, 17]),
        fixed=st.booleans(),
        enough=st.integers(0, 5),
        seed=st.integers(0, 2**63 - 1),
    )
    def begin(self, algorithm: Any, capacity: int, fixed: bool, enough: int, seed: int) -> None:
        fields = {"defer_init": fixed, "min_presentations_for_eviction": enough, "seed": seed}
        self.twins = Twins(make_config(capacity, algorithm, **fields))

    @property
    def known(self) -> list[int]:
        return list(self.twins.naive.tasks)

    def some(self, number: int) -> int:
        """An active task, or an id that may not be one."""
        known = self.known
        return known[number % len(known)] if known else number

    @rule(task_id=IDS)
    def add(self, task_id: int) -> None:
        naive = self.twins.naive
        if task_id in naive.tasks:
            with pytest.raises(lpcurr.DuplicateTaskError):
                self.twins.curriculum.add_task(task_id)
        elif len(naive.tasks) == naive.rules.capacity:
            with pytest.raises(lpcurr.PoolFullError):
                self.twins.curriculum.add_task(task_id)
        else:
            self.twins.add(task_id)

    @rule(number=st.integers(0, 20))
    def evict(self, number: int) -> None:
        if self.known:
            self.twins.evict(self.some(number))
        else:
            with pytest.raises(lpcurr.UnknownTaskError):
                self.twins.curriculum.evict(number)

    @rule(times=st.integers(1, 12))
    def play(self, times: int) -> None:
        for _ in range(times):
            if self.twins.naive.rules.fixed_set and not self.known:
                with pytest.raises(lpcurr.PoolEmptyError):
                    self.twins.curriculum.get_task()
            else:
                self.twins.draw()

    @rule(number=st.integers(0, 20), scores=st.lists(SCORES, min_size=1, max_size=6))
    def update(self, number: int, scores: list[float]) -> None:
        self.twins.update(self.some(number), *scores)

    @rule(task_id=IDS, score=SCORES)
    def update_any(self, task_id: int, score: float) -> None:
        self.twins.update(task_id, score)

    @rule(numbers=st.lists(st.integers(0, 20), max_size=10), score=SCORES)
    def update_many(self, numbers: list[int], score: float) -> None:
        ids = [self.some(number) for number in numbers]
        accepted = self.twins.curriculum.update_many(np.array(ids, dtype=np.int64), np.full(len(ids), score))
        assert accepted == sum(self.twins.naive.update(task_id, score) for task_id in ids)

    @rule(score=st.sampled_from([float("nan"), float("inf"), float("-inf")]), number=st.integers(0, 20))
    def refuse(self, score: float, number: int) -> None:
        with pytest.raises(lpcurr.InvalidScoreError):
            self.twins.curriculum.update_task_performance(self.some(number), score)

    @precondition(lambda self: self.known)
    @rule(enough=st.one_of(st.none(), st.integers(0, 6)))
    def recommend(self, enough: int | None) -> None:
        naive = self.twins.naive
        answer, expected = self.twins.curriculum.recommend_eviction(None, enough), naive.recommend_eviction(enough)
        assert (answer is None) == (expected is None)
        if answer is not None and expected is not None:
            scores = naive.scores()  # which of two is the least may hang on the last digit
            assert scores[answer] == pytest.approx(scores[expected], rel=1e-9)

    @rule()
    def end_epoch(self) -> None:
        self.twins.curriculum.on_epoch_end()

    @invariant()
    def is_sound(self) -> None:
        if hasattr(self, "twins"):
            assert self.twins.curriculum.find_violations() == []

    @invariant()
    def agrees(self) -> None:
        if not hasattr(self, "twins"):
            return
        naive, curriculum = self.twins.naive, self.twins.curriculum
        figures = curriculum.stats()
        assert {name: figures[name] for name in summary(naive)} == summary(naive)
        ids, probabilities = curriculum.probabilities()
        expected = naive.probabilities() if naive.tasks else {}
        assert ids.tolist() == list(expected)
        # z-scores of nearly equal tasks hang on the last digits of their averages.
        np.testing.assert_allclose(probabilities, list(expected.values()), rtol=1e-6, atol=1e-12)
        for task_id, task in naive.tasks.items():
            state = curriculum.get_task_stats(task_id)
            assert state is not None
            for name in ("completion_count", "scheduled_count", "last_score", "random_baseline"):
                assert state[name] == getattr(task, name), name
            for name in ("total_score", "reward_ema", "ema_squared", "success_rate_ema", "p_fast", "p_slow", "p_true"):
                assert state[name] == pytest.approx(getattr(task, name), rel=1e-12, abs=1e-12), name

    def teardown(self) -> None:
        if hasattr(self, "twins"):
            self.twins.curriculum.close()


TestPool = PoolMachine.TestCase
TestPool.settings = settings(
    max_examples=60,
    stateful_step_count=25,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
