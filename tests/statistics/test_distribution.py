"""What is drawn, against the exact distribution of the naive twin, on pools in many states.

Where draws are counted, the pool is a fixed set or ``new_task_rate`` is 0, so that drawing changes nothing but the
count of draws. Seeds are fixed: a test that passes once passes always, until the distribution changes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from lpcurr import Curriculum, CurriculumConfig, DiscreteRandomConfig, LearningProgressConfig
from lpcurr.memory import layout
from tests.twins import Twins, assert_drawn_from, make_config

DRAWS = 200_000
IDS = [11, 0, 2**53 - 1, *range(100, 137)]
REFERENCE = {"exploration": "absolute", "eviction_among": "all", "zero_is_unset": True, "rand_task_rate": 0.0}

State = Callable[[Twins], None]


def play(twins: Twins, ids: Sequence[int], completions: Sequence[int], seed: int = 0) -> None:
    """Scores of tasks that are at different stages of being learned."""
    rng = np.random.default_rng(seed)
    for task_id, count in zip(ids, completions, strict=True):
        slope = rng.uniform(0.0, 0.1)
        for i in range(count):
            twins.update(task_id, float(np.clip(slope * i + rng.normal(0.0, 0.1), -0.5, 1.5)))


def all_unexplored(twins: Twins) -> None:
    twins.add(*IDS)
    play(twins, IDS, [i % 10 for i in range(len(IDS))])


def none_unexplored(twins: Twins) -> None:
    twins.add(*IDS)
    play(twins, IDS, [10 + i % 7 for i in range(len(IDS))])


def mixed(twins: Twins) -> None:
    twins.add(*IDS)
    play(twins, IDS, [(7 * i) % 31 for i in range(len(IDS))])


def one_explored(twins: Twins) -> None:
    twins.add(*IDS)
    play(twins, IDS, [30 if i == 5 else i % 5 for i in range(len(IDS))])


def one_task(twins: Twins) -> None:
    twins.add(7)
    play(twins, [7], [25])


def one_unexplored_task(twins: Twins) -> None:
    twins.add(7)


def equal_progress(twins: Twins) -> None:
    twins.add(*IDS)
    for task_id in IDS:
        twins.update(task_id, *[0.1] * 6, *[0.7] * 6)


def two_groups(twins: Twins) -> None:
    """Half of the tasks stand still, half improve: the z-scores are ±1, the sigmoids far apart."""
    twins.add(*IDS)
    for i, task_id in enumerate(IDS):
        twins.update(task_id, *([0.2] * 12 if i % 2 else [0.2] * 6 + [0.9] * 6))


def one_standout(twins: Twins) -> None:
    twins.add(*IDS)
    for i, task_id in enumerate(IDS):
        twins.update(task_id, *([0.0] * 10 + [1.0] * 4 if i == 20 else [0.3, 0.31] * 6))


def after_evictions(twins: Twins) -> None:
    mixed(twins)
    for task_id in [*IDS[3:40:4], IDS[0]]:
        twins.evict(task_id)
    twins.add(5_000, 5_001)
    twins.update(5_000, *[0.0] * 10, 0.5)
    twins.evict(5_001)


STATES: list[State] = [
    all_unexplored,
    none_unexplored,
    mixed,
    one_explored,
    one_task,
    one_unexplored_task,
    equal_progress,
    two_groups,
    one_standout,
    after_evictions,
]

ALGORITHMS: dict[str, dict[str, Any] | DiscreteRandomConfig] = {
    "default": {},
    "reference": REFERENCE,
    "random": DiscreteRandomConfig(),
    "basic": {"use_bidirectional": False},
    "basic_reference": {**REFERENCE, "use_bidirectional": False},
    "amplification_0": {"z_score_amplification": 0.0},
    "amplification_1": {"z_score_amplification": 1.0},
    "amplification_50": {"z_score_amplification": 50.0, "ema_timescale": 0.001, "unbiased_averages": False},
    "amplification_50_reference": {**REFERENCE, "z_score_amplification": 50.0},
    "warm": {"lp_score_temperature": 0.05, "rand_task_rate": 0.0},
    "warm_reference": {**REFERENCE, "lp_score_temperature": 0.05},
    "negative_temperature": {"lp_score_temperature": -1.0},
    "performance_bonus": {"performance_bonus_weight": 0.3, "progress_smoothing": 0.02},
    "early_progress": {"early_progress_amplification": 0.05},
    "late_progress": {"early_progress_amplification": 0.9, "rand_task_rate": 0.0},
    "no_baseline": {"use_baseline_normalization": False},
    "no_random_share": {"rand_task_rate": 0.0},
    "half_random": {"rand_task_rate": 0.5},
    "all_random": {"rand_task_rate": 1.0},
    "no_bonus": {"exploration_bonus": 0.0, "rand_task_rate": 0.0},
    "no_bonus_reference": {**REFERENCE, "exploration_bonus": 0.0},
    "big_bonus": {"exploration_bonus": 5.0},
    "small_bonus_reference": {**REFERENCE, "exploration_bonus": 0.001},
    "no_samples_needed": {"min_samples_for_lp": 0},
}


# Each way of drawing in every state; other settings of it in three, and in every state in the heavy suite.
WAYS = ("default", "reference", "random", "basic", "half_random", "no_bonus")
TELLING = (all_unexplored, mixed, after_evictions)


@pytest.mark.parametrize(
    ("algorithm", "state"),
    [
        pytest.param(
            algorithm,
            state,
            id=f"{algorithm}-{state.__name__}",
            marks=() if algorithm in WAYS or state in TELLING else pytest.mark.heavy,
        )
        for algorithm in ALGORITHMS
        for state in STATES
    ],
)
def test_draws_follow_the_exact_distribution(algorithm: str, state: State) -> None:
    with Twins(make_config(64, ALGORITHMS[algorithm])) as twins:
        state(twins)
        twins.check()
        twins.check_draws(twins.curriculum.sample_ids(DRAWS))
        assert twins.curriculum.find_violations() == []


@pytest.mark.parametrize("algorithm", ["default", "reference", "basic", "random", "half_random"])
def test_single_draws_follow_the_same_distribution(algorithm: str) -> None:
    with Twins(make_config(64, ALGORITHMS[algorithm])) as twins:
        mixed(twins)
        twins.check_draws([twins.curriculum.get_task().task_id for _ in range(20_000)])


@pytest.mark.parametrize("algorithm", ["default", "reference", "basic"])
def test_draws_from_shared_memory_follow_the_same_distribution(algorithm: str) -> None:
    with Twins(make_config(64, ALGORITHMS[algorithm], use_shared_memory=True)) as twins:
        mixed(twins)
        twins.check()
        twins.check_draws(twins.curriculum.sample_ids(DRAWS))
        twins.check_draws([twins.curriculum.get_task().task_id for _ in range(10_000)])


def test_the_draws_test_notices_a_distribution_that_is_slightly_off() -> None:
    probabilities = {1: 0.25, 2: 0.25, 3: 0.5}
    rng = np.random.default_rng(0)
    assert_drawn_from(rng.choice([1, 2, 3], p=[0.25, 0.25, 0.5], size=DRAWS), probabilities)
    with pytest.raises(AssertionError):
        assert_drawn_from(rng.choice([1, 2, 3], p=[0.255, 0.25, 0.495], size=DRAWS), probabilities)
    with pytest.raises(AssertionError):
        assert_drawn_from([1, 2, 3, 4], probabilities)
    with pytest.raises(AssertionError):
        assert_drawn_from([1, 2], {1: 1.0, 2: 0.0})


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.__name__)
@pytest.mark.parametrize("algorithm", ["default", "reference", "basic", "random", "no_bonus", "half_random"])
def test_probabilities_are_proportional_to_scores(algorithm: str, state: State) -> None:
    with Twins(make_config(64, ALGORITHMS[algorithm])) as twins:
        state(twins)
        ids, probabilities = twins.curriculum.probabilities()
        scores = np.array([twins.curriculum.get_task_score(i) for i in ids.tolist()])
        epsilon = twins.naive.rules.epsilon
        share = scores / scores.sum() if scores.sum() > 0.0 else np.full(ids.size, 1.0 / ids.size)
        np.testing.assert_allclose(probabilities, (1.0 - epsilon) * share + epsilon / ids.size, rtol=1e-12)
        assert probabilities.sum() == pytest.approx(1.0, rel=1e-12)


# -- the exact scan -------------------------------------------------------------------------------------------------


def hopeless(twins: Twins, completions: int = 12, ahead: int = 0) -> None:
    """Every sigmoid about 1e-200, within a factor of ten of each other, but some that are ahead at about 0.002."""
    twins.add(*IDS)
    for i, task_id in enumerate(IDS):
        # The last tasks have too few completions, yet no better scores.
        score = -0.006 - 1e-4 * i if i < ahead else -0.460 - 2e-5 * i
        twins.update(task_id, *[score] * (completions if i < 25 else 9))


@pytest.mark.parametrize(
    "rules",
    [{}, REFERENCE, {**REFERENCE, "exploration_bonus": 0.01}, {**REFERENCE, "exploration_bonus": 0.0}],
    ids=["relative", "absolute", "absolute_small_bonus", "absolute_no_bonus"],
)
def test_where_all_are_hopeless_a_draw_needs_no_scan(rules: dict[str, Any]) -> None:
    algorithm = {**rules, "performance_bonus_weight": 1.0, "lp_score_temperature": 0.001, "rand_task_rate": 0.0}
    with Twins(make_config(64, algorithm)) as twins:
        hopeless(twins)
        lp_scores = twins.naive.lp_scores()
        assert 2.0 < max(lp_scores.values()) / min(lp_scores.values()) < 10.0
        twins.check()
        twins.check_draws(twins.curriculum.sample_ids(DRAWS))
        assert twins.curriculum._pool.state["process"]["scans"][0].sum() < DRAWS / 100


@pytest.mark.parametrize("rules", [{}, REFERENCE, {**REFERENCE, "exploration_bonus": 0.01}])
def test_where_rejection_runs_out_of_tries_a_scan_draws_from_the_same_distribution(rules: dict[str, Any]) -> None:
    """One task is so far ahead that tries run out about every fifth time: draws by rejection and by scan mix."""
    algorithm = {"rand_task_rate": 0.0, **rules, "performance_bonus_weight": 1.0, "z_score_amplification": 30.0}
    with Twins(make_config(64, algorithm)) as twins:
        hopeless(twins, ahead=1)
        twins.check()
        twins.check_draws(twins.curriculum.sample_ids(DRAWS))
        assert 0.02 * DRAWS < twins.curriculum._pool.state["process"]["scans"][0].sum() < 0.6 * DRAWS


# -- freshness ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", ["default", "reference", "basic", "amplification_50"])
def test_a_draw_reflects_the_very_last_update(algorithm: str) -> None:
    with Twins(make_config(64, ALGORITHMS[algorithm])) as twins:
        mixed(twins)
        for task_id, scores in ((IDS[3], [1.0] * 12), (IDS[4], [0.0]), (IDS[30], [1.5]), (11, [0.9] * 10)):
            before = twins.naive.probabilities()
            for score in scores:
                twins.update(task_id, score)
                twins.check()
            assert twins.naive.probabilities() != before
            twins.check_draws(twins.curriculum.sample_ids(DRAWS // 4))
        assert twins.curriculum.find_violations() == []


@pytest.mark.parametrize("algorithm", ["default", "reference", "basic"])
def test_a_draw_reflects_the_last_batch(algorithm: str) -> None:
    with Twins(make_config(64, ALGORITHMS[algorithm])) as twins:
        mixed(twins)
        rng = np.random.default_rng(5)
        ids, scores = rng.choice([*IDS, 424_242], 500), rng.normal(0.5, 0.4, 500)
        accepted = twins.curriculum.update_many(ids, scores)
        assert accepted == sum(twins.naive.update(i, x) for i, x in zip(ids.tolist(), scores.tolist(), strict=True))
        assert accepted < 500
        twins.check()
        twins.check_draws(twins.curriculum.sample_ids(DRAWS))


@pytest.mark.parametrize("rules", [{}, REFERENCE, {"use_bidirectional": False}], ids=["default", "reference", "basic"])
def test_draws_follow_the_distribution_right_after_creations_and_evictions(rules: dict[str, Any]) -> None:
    algorithm = {**rules, "new_task_rate": 0.0}
    with Twins(make_config(24, algorithm, defer_init=False)) as twins:
        ids = [twins.create() for _ in range(24)]
        play(twins, ids, [(5 * i) % 23 for i in range(24)])
        for round_number in range(6):
            twins.check_draws(twins.curriculum.sample_ids(DRAWS // 8))
            for task_id in ids[2 * round_number : 2 * round_number + 3]:
                if task_id in twins.naive.tasks:
                    twins.evict(task_id)
            while len(twins.naive.tasks) < 24:
                twins.create()
            twins.check()
            twins.check_draws(twins.curriculum.sample_ids(DRAWS // 8))
            twins.update(next(reversed(twins.naive.tasks)), *[0.0] * 10, 1.0, 1.0)
            twins.check()
        assert twins.curriculum.find_violations() == []


def test_the_share_of_unexplored_tasks_does_not_depend_on_the_size_of_the_pool() -> None:
    shares = []
    for size in (20, 200, 2000):
        with make_config(size, {"rand_task_rate": 0.0}).make() as curriculum:
            for task_id in range(size):
                curriculum.add_task(task_id)
            explored = np.repeat(np.arange(size * 9 // 10), 12)
            curriculum.update_many(explored, np.random.default_rng(0).uniform(size=explored.size))
            _, probabilities = curriculum.probabilities()
            shares.append(probabilities[size * 9 // 10 :].sum())
    np.testing.assert_allclose(shares, 0.1, rtol=1e-12)  # a bonus of 0.1 gives them the weight of the mean task


# -- what the distribution is for -----------------------------------------------------------------------------------


def test_a_batch_of_draws_counts_each_of_them_once() -> None:
    with Twins(make_config(64, {})) as twins:
        mixed(twins)
        drawn = twins.curriculum.sample_ids(5_000)
        figures = twins.curriculum.stats()
        assert figures["num_scheduled"] == figures["algorithm/sampling_counts/unknown"] == 5_000
        ids, counts = np.unique(drawn, return_counts=True)
        for task_id, count in zip(ids.tolist(), counts.tolist(), strict=True):
            state = twins.curriculum.get_task_stats(task_id)
            assert state is not None
            assert state["scheduled_count"] == count


def test_a_batch_draws_what_single_draws_would() -> None:
    algorithm = LearningProgressConfig(min_samples_for_lp=3, new_task_rate=0.3)
    config = CurriculumConfig(num_active_tasks=12, seed=9, use_shared_memory=False, algorithm_config=algorithm)
    with config.make() as one, config.make() as batch:
        rng = np.random.default_rng(1)
        for _ in range(60):
            single = [one.get_task().task_id for _ in range(7)]
            assert batch.sample_ids(7).tolist() == single
            scores = rng.uniform(size=7)
            for task_id, score in zip(single, scores.tolist(), strict=True):
                one.update_task_performance(task_id, score)
            batch.update_many(np.array(single), scores)
        assert one.stats()["num_evicted"] > 5
        _same_tasks(one, batch)


def _same_tasks(one: Curriculum, other: Curriculum) -> None:
    for field in ("task_id", "entry", "completion_count", "scheduled_count", "p_fast", "reward_ema"):
        np.testing.assert_array_equal(layout.cells(one._pool.state, field), layout.cells(other._pool.state, field))
