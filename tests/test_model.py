"""Random sequences of every public operation, each followed by the naive pool: same answers, or the same error."""

from __future__ import annotations

import copy
import json
import os
import pickle
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

import lpcurr
from lpcurr import Curriculum, PrioritizedReplayConfig
from lpcurr.schedulers import ALL
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
        "unbiased_averages": st.booleans(),
    }
)
OTHERS = st.sampled_from(
    [scheduler() for scheduler in ALL]
    + [PrioritizedReplayConfig(prioritization="rank", sharpness=power, staleness_share=0.2) for power in (1, 3)]
)
ALGORITHMS = st.one_of(LEARNING_PROGRESS, LEARNING_PROGRESS, OTHERS)


LABELS = st.sampled_from(["one", "two", "three", "a rather long one ü", "unknown"])

# Each is refused, whatever the pool holds, and changes nothing.
WRONG: list[tuple[Callable[[Curriculum], object], type[Exception]]] = [
    (lambda c: c.add_task(-1), lpcurr.InvalidTaskIdError),
    (lambda c: c.add_task(2**53), lpcurr.InvalidTaskIdError),
    (lambda c: c.add_task(0.5), lpcurr.InvalidTaskIdError),  # type: ignore[arg-type]
    (lambda c: c.add_task(77, label="x" * 200), lpcurr.InvalidLabelError),
    (lambda c: c.add_task(77, label=("x",)), lpcurr.InvalidLabelError),  # type: ignore[arg-type]
    (lambda c: c.add_task(77, success_threshold=float("nan")), lpcurr.LpcurrError),
    (lambda c: c.evict(999), lpcurr.UnknownTaskError),
    (lambda c: c.get_task_score(999), lpcurr.UnknownTaskError),
    (lambda c: c.score_tasks([999]), lpcurr.UnknownTaskError),
    (lambda c: c.update_many([1, 2], [0.5]), lpcurr.InvalidBatchError),
    (lambda c: c.update_many([1], [float("nan")]), lpcurr.InvalidScoreError),
    (lambda c: c.update_many([[1]], [[0.5]]), lpcurr.InvalidBatchError),
    (lambda c: c.update_task_performance(-1, 0.5), lpcurr.InvalidTaskIdError),
    (lambda c: c.update_task_performance(1, "good"), lpcurr.InvalidScoreError),  # type: ignore[arg-type]
    (lambda c: c.update_task_performance(1, 0.5, signal=float("nan")), lpcurr.InvalidScoreError),
    (lambda c: c.update_task_performance(1, 0.5, cost=0.0), lpcurr.InvalidScoreError),
    (lambda c: c.update_many([1], [0.5], costs=[-1.0]), lpcurr.InvalidScoreError),
    (lambda c: c.update_many([1], [0.5], signals=[]), lpcurr.InvalidBatchError),
    (lambda c: c.use(lpcurr.LearningProgressConfig(num_active_tasks=31)), lpcurr.ConfigError),
    (lambda c: c.sample_ids(-1), lpcurr.InvalidBatchError),
    (lambda c: c.recommend_eviction(min_presentations=-1), lpcurr.LpcurrError),
    (lambda c: c.build(1), lpcurr.ConfigError),
    (lambda c: c.slice_values(1), lpcurr.ConfigError),
    (lambda c: c.load_state({"format": "none"}), lpcurr.CheckpointError),
    (lambda c: c.load_state("/nowhere/at.all"), lpcurr.CheckpointNotFoundError),
    (lambda c: c.save("/nowhere/at.all"), OSError),
]


class PoolMachine(RuleBasedStateMachine):
    """One curriculum and its naive twin."""

    twins: Twins
    saved: tuple[dict[str, Any], Any] | None = None  # a state, and the naive pool of that moment

    @initialize(
        algorithm=ALGORITHMS,
        capacity=st.sampled_from([1, 2, 3, 6, 17]),
        fixed=st.booleans(),
        enough=st.integers(0, 5),
        seed=st.integers(0, 2**63 - 1),
        shared=st.booleans(),
    )
    def begin(self, algorithm: Any, capacity: int, fixed: bool, enough: int, seed: int, shared: bool) -> None:
        fields = {"defer_init": fixed, "min_presentations_for_eviction": enough, "seed": seed}
        fields["use_shared_memory"] = shared
        self.others: list[Curriculum] = []
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

    @rule(task_id=IDS, label=LABELS, threshold=st.sampled_from([None, 0.0, 0.9]))
    def add_labelled(self, task_id: int, label: str, threshold: float | None) -> None:
        naive, curriculum = self.twins.naive, self.twins.curriculum
        if task_id in naive.tasks or len(naive.tasks) == naive.rules.capacity:
            with pytest.raises((lpcurr.DuplicateTaskError, lpcurr.PoolFullError)):
                curriculum.add_task(task_id, label, success_threshold=threshold)
            return
        curriculum.add_task(task_id, label, success_threshold=threshold)
        naive.add_task(task_id, label, threshold)

    @rule(number=st.integers(0, 20))
    def drop(self, number: int) -> None:
        task_id = self.some(number)
        assert self.twins.curriculum.drop_task(task_id) == (task_id in self.twins.naive.tasks)
        if task_id in self.twins.naive.tasks:
            self.twins.naive.evict(task_id)

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

    @rule(count=st.integers(0, 9), whole=st.booleans())
    def sample(self, count: int, whole: bool) -> None:
        naive, curriculum = self.twins.naive, self.twins.curriculum
        if naive.rules.fixed_set and not self.known:
            if count > 0:
                with pytest.raises(lpcurr.PoolEmptyError):
                    curriculum.sample_ids(count)
            return
        if not naive.rules.fixed_set and naive.rules.new_task_rate > 0.0:
            count = min(count, 1)  # of several, one could not say whose place each new task took
        before = set(naive.tasks)
        if whole:
            tasks = curriculum.sample_tasks(count)
            assert [task.label for task in tasks] == [
                naive.tasks[task.task_id].label if task.task_id in naive.tasks else "unknown" for task in tasks
            ]
            ids = np.array([task.task_id for task in tasks], dtype=np.int64)
        else:
            ids = curriculum.sample_ids(count)
        assert (ids.dtype, ids.shape) == (np.int64, (count,))
        gone = before - set(curriculum.probabilities()[0].tolist())
        for task_id in ids.tolist():
            naive.take_draw(task_id, *gone)

    @rule(number=st.integers(0, 20), scores=st.lists(SCORES, min_size=1, max_size=6))
    def update(self, number: int, scores: list[float]) -> None:
        self.twins.update(self.some(number), *scores)

    @rule(task_id=IDS, score=SCORES)
    def update_any(self, task_id: int, score: float) -> None:
        self.twins.update(task_id, score)

    @rule(number=st.integers(0, 20), score=SCORES, signal=SCORES, cost=st.floats(0.5, 1e6))
    def update_with_signal_and_cost(self, number: int, score: float, signal: float, cost: float) -> None:
        task_id, naive = self.some(number), self.twins.naive
        accepted = self.twins.curriculum.update_task_performance(task_id, score, signal=signal, cost=cost)
        assert accepted == naive.update(task_id, score, signal, cost)

    @rule(algorithm=ALGORITHMS)
    def use(self, algorithm: Any) -> None:
        algorithm = lpcurr.LearningProgressConfig(**algorithm) if isinstance(algorithm, dict) else algorithm
        self.twins.use(algorithm)  # curriculum.use(…)
        assert self.twins.curriculum.config.algorithm_config.type == algorithm.type

    @rule(numbers=st.lists(st.integers(0, 20), max_size=10), score=SCORES)
    def update_many(self, numbers: list[int], score: float) -> None:
        ids = [self.some(number) for number in numbers]
        accepted = self.twins.curriculum.update_many(np.array(ids, dtype=np.int64), np.full(len(ids), score))
        assert accepted == sum(self.twins.naive.update(task_id, score) for task_id in ids)

    @rule(numbers=st.lists(st.integers(0, 20), max_size=10), score=SCORES)
    def update_each(self, numbers: list[int], score: float) -> None:
        ids = [self.some(number) for number in numbers]
        credited = self.twins.curriculum.update_each(np.array(ids, dtype=np.int64), np.full(len(ids), score))
        assert credited.tolist() == [self.twins.naive.update(task_id, score) for task_id in ids]

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
            scores = naive.eviction_scores()  # which of two is the least may hang on the last digit
            assert scores[answer] == pytest.approx(scores[expected], rel=1e-9)

    @precondition(lambda self: self.known)
    @rule(enough=st.one_of(st.none(), st.integers(0, 6)))
    def list_evictable(self, enough: int | None) -> None:
        naive = self.twins.naive
        answer, expected = self.twins.curriculum.evictable_tasks(None, enough), naive.evictable(enough)
        scores = naive.eviction_scores()
        for task_id in set(answer) ^ set(expected):  # at the limit, the last digit decides
            assert any(
                scores[task_id] == pytest.approx(scores[each], rel=1e-6) for each in naive.tasks if each != task_id
            )

    @rule(number=st.integers(0, 20))
    def score(self, number: int) -> None:
        curriculum, naive = self.twins.curriculum, self.twins.naive
        expected = naive.scores() if naive.tasks else {}
        found = curriculum.score_tasks(np.array(self.known, dtype=np.int64))
        assert found == pytest.approx(expected, rel=1e-6, abs=1e-12)
        task_id = self.some(number)
        if task_id in naive.tasks:
            assert curriculum.get_task_score(task_id) == found[task_id]
        else:
            assert curriculum.get_task_stats(task_id) is None

    @rule(count=st.integers(0, 1000))
    def tell_steps(self, count: int) -> None:
        curriculum = self.twins.curriculum
        before = sum(each["steps"] for each in curriculum.process_counters())
        curriculum.count_steps(count)
        assert sum(each["steps"] for each in curriculum.process_counters()) == before + count

    @rule()
    def end_epoch(self) -> None:
        curriculum = self.twins.curriculum
        curriculum.on_epoch_end()
        assert curriculum.get_episode_stats("one") == {
            "env_curriculum_stats/per_label_samples": {"one": 1},
            "env_curriculum_stats/per_label_evictions": {},
        }

    @rule(mode=st.booleans())
    def look(self, mode: bool) -> None:
        curriculum = self.twins.curriculum
        curriculum.performance_mode = mode
        figures = (
            curriculum.calculate_gini_coefficients(),
            curriculum.calculate_per_label_mean_lp_stats(),
            curriculum.calculate_raw_lp_debug_stats(),
        )
        assert all(np.isfinite(list(each.values())).all() for each in figures)
        assert not mode or not any(figures)
        curriculum.performance_mode = False
        (mine, *_) = [each for each in curriculum.process_counters() if each["alive"]]
        assert mine["draws"] >= 0

    # -- wrong, and elsewhere -----------------------------------------------------------------------------------

    @rule(case=st.sampled_from(WRONG))
    def do_wrong(self, case: tuple[Callable[[Curriculum], object], type[Exception]]) -> None:
        call, error = case
        with pytest.raises(error):
            call(self.twins.curriculum)

    @rule(by=st.sampled_from(["pickle", "name"]))
    def go_on_through_another(self, by: str) -> None:
        curriculum = self.twins.curriculum
        if curriculum.session_id is None:
            with pytest.raises(lpcurr.LpcurrError):
                pickle.dumps(curriculum)
        elif len(self.others) < 5:
            self.others.append(curriculum)
            if by == "pickle":
                self.twins.curriculum = pickle.loads(pickle.dumps(curriculum))
            else:
                self.twins.curriculum = lpcurr.attach(curriculum.session_id)

    @precondition(lambda self: self.others)
    @rule()
    def go_back(self) -> None:
        left, self.twins.curriculum = self.twins.curriculum, self.others.pop()
        left.close()
        with pytest.raises(lpcurr.PoolClosedError):
            left.get_task()

    # -- checkpoints --------------------------------------------------------------------------------------------

    @rule()
    def keep_state(self) -> None:
        state = json.loads(json.dumps(self.twins.curriculum.get_state()))
        self.saved = state, copy.deepcopy(self.twins.naive)

    @precondition(lambda self: self.saved is not None)
    @rule()
    def restore_state(self) -> None:
        assert self.saved is not None
        state, naive = self.saved
        self.twins.curriculum.load_state(state)
        rules = self.twins.naive.rules  # the configuration stays
        self.twins.naive = copy.deepcopy(naive)
        self.twins.naive.rules = rules

    @rule()
    def save_and_load(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "pool.lpc"
            self.twins.curriculum.save(path)
            loaded = Curriculum.load(path)
        self._close()
        self.others, self.twins.curriculum = [], loaded

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
            exact = ("label", "success_threshold", "completion_count", "scheduled_count", "last_drawn", "last_score")
            for name in (*exact, "least_score", "greatest_score"):
                assert state[name] == getattr(task, name), name
            assert state["random_baseline"] == task.random_baseline
            averages = ("reward_ema", "ema_squared", "success_rate_ema", "p_fast", "p_slow", "p_true")
            for name in ("total_score", *averages, "signal", "mean_cost"):
                assert state[name] == pytest.approx(getattr(task, name), rel=1e-12, abs=1e-12), name

    def teardown(self) -> None:
        if hasattr(self, "twins"):
            self._close()

    def _close(self) -> None:
        for each in (self.twins.curriculum, *reversed(self.others)):  # the creator last
            each.close()
            each.unlink()


def test_every_public_operation_is_among_the_rules() -> None:
    source = Path(__file__).read_text()
    elsewhere = {
        *(
            "moment",
            "columns",
            "statistics",
            "append_tasks",
            "task_list",
            "num_active_tasks",
            "evaluation",
            "update_groups",
            "record",
            "replay",
            "drop_unplayable",
            *("state_dict", "load_state_dict"),  # the same as get_state and load_state
        ),
        "config",
        "session_id",
        "closed",
        "unlink",
        "find_violations",
        "get_task",
        "update_task_performance",
        "evict",
    }
    public = {name for name in dir(Curriculum) if not name.startswith("_")} - elsewhere
    assert [name for name in sorted(public) if f".{name}(" not in source] == []


TestPool = PoolMachine.TestCase
TestPool.settings = settings(
    max_examples=int(os.environ.get("LPCURR_MODEL_EXAMPLES", "25")),
    stateful_step_count=25,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
