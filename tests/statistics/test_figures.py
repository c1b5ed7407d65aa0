"""Statistics: the names of spec.md, each equal to a naive computation to 1e-12."""

from __future__ import annotations

import math
import statistics
import time
from collections import Counter
from typing import Any

import numpy as np
import pytest

from lpcurr import CurriculumConfig, DiscreteRandomConfig, LearningProgressConfig, attach
from lpcurr.statistics.figures import gini
from tests import naive, naive_schedulers
from tests.twins import Twins, make_config

LABELS = ["easy", "medium", "hard"]

COUNTERS = """
num_created num_evicted num_completed num_scheduled num_active_tasks
algorithm/tracker/mean_score algorithm/tracker/total_completions
"""
LP = """
algorithm/lp/mean_learning_progress algorithm/lp/mean_lp_score algorithm/lp/mean_task_success_rate
algorithm/lp/mean_sample_prob algorithm/lp/num_zeros_lp_dist
"""
GINI = """
pool_occupancy task_age raw_lp_scores raw_lp_by_label zscored_lp_scores sampling_probs sampling_probs_by_label
sampling_by_label evictions_by_label pool_composition_by_label selectivity_loss_lp_to_prob
selectivity_loss_lp_label_to_prob_label selectivity_loss_lp_label_to_sampling_label
"""
DEBUG = """
debug/raw_lp_mean debug/raw_lp_std debug/raw_lp_min debug/raw_lp_max debug/raw_lp_nonzero_count
debug/raw_lp_total_count debug/task_age_mean_seconds debug/task_age_max_seconds
"""


class LabelledTwins(Twins):
    """Twins whose tasks have labels; counts what is counted by label."""

    def __init__(self, config: CurriculumConfig) -> None:
        super().__init__(config)
        self.completed: Counter[str] = Counter()
        self.evicted: Counter[str] = Counter()
        self.sampled: Counter[str] = Counter()

    def label(self, task_id: int) -> str:
        return LABELS[task_id % 3]

    def run(self) -> None:
        rng = np.random.default_rng(4)
        for task_id in range(30):
            self.curriculum.add_task(task_id, self.label(task_id))
            self.naive.add_task(task_id, self.label(task_id))
        for task_id in range(29):
            for i in range(task_id % 17):
                self.update(task_id, float(np.clip(rng.normal(0.03 * i * (task_id % 5), 0.2), -0.5, 1.5)))
                self.completed[self.label(task_id)] += 1
        for task_id in self.curriculum.sample_ids(200).tolist():
            self.naive.count_draw(task_id)
            self.sampled[self.label(task_id)] += 1
        for task_id in (3, 4, 7, 10):
            self.evict(task_id)
            self.evicted[self.label(task_id)] += 1

    def by_label(self, values: dict[int, float]) -> dict[str, list[float]]:
        groups: dict[str, list[float]] = {}
        for task_id, value in values.items():
            groups.setdefault(self.label(task_id), []).append(value)
        return groups


ALGORITHMS: dict[str, Any] = {
    "default": LearningProgressConfig(show_curriculum_troubleshooting_logging=True),
    "reference": LearningProgressConfig.reference(num_active_tasks=64, show_curriculum_troubleshooting_logging=True),
    "reweighted": LearningProgressConfig(
        early_progress_amplification=0.1, show_curriculum_troubleshooting_logging=True
    ),
    "basic": LearningProgressConfig(use_bidirectional=False, show_curriculum_troubleshooting_logging=True),
    "random": DiscreteRandomConfig(show_curriculum_troubleshooting_logging=True),
}


@pytest.fixture(params=ALGORITHMS)
def twins(request: pytest.FixtureRequest) -> Any:
    with LabelledTwins(make_config(64, ALGORITHMS[request.param])) as made:
        made.run()
        yield made


def expect(figures: dict[str, float], expected: dict[str, float]) -> None:
    for name, value in expected.items():
        assert figures[name] == pytest.approx(value, rel=1e-12, abs=1e-14), name


# -- names ----------------------------------------------------------------------------------------------------------


def test_the_names_are_those_of_the_specification(twins: LabelledTwins) -> None:
    names = set(twins.curriculum.stats())
    expected = {*COUNTERS.split(), *DEBUG.split(), *(f"curriculum_gini/{name}" for name in GINI.split())}
    if not isinstance(twins.curriculum.config.algorithm_config, DiscreteRandomConfig):
        expected |= set(LP.split())
    for label in LABELS:
        expected |= {
            f"per_label_completions/{label}",
            f"per_label_scores/{label}",
            f"algorithm/pool_composition/{label}",
            f"algorithm/sampling_counts/{label}",
            f"per_label_stats/mean_lp_score/{label}",
            f"per_label_stats/mean_reward_ema/{label}",
            f"per_label_stats/probability/{label}",
        }
        if twins.evicted[label]:
            expected.add(f"algorithm/eviction_counts/{label}")
    assert expected - names == set()
    ours = {
        "epoch_mean_score",
        "mean_success_rate",
        "num_refused",
        "num_dropped",
        "num_repairs",
        "algorithm/num_tasks",
        "algorithm/draws/starving_tasks",
    }
    ours |= {"epoch_mean_score"} | {
        f"algorithm/draws/share/{way}" for way in ("scheduler", "uniform", "exploring", "staleness", "label")
    }
    assert {name for name in names - expected - ours if not name.startswith("task_metrics/")} == set()


def test_every_figure_is_a_finite_float(twins: LabelledTwins) -> None:
    for name, value in twins.curriculum.stats().items():
        assert type(value) is float, name
        assert math.isfinite(value), name


def test_performance_mode_leaves_out_what_looks_at_every_task() -> None:
    for performance in (True, False):
        config = CurriculumConfig(num_active_tasks=4, use_shared_memory=False, performance_mode=performance)
        with config.make() as curriculum:
            curriculum.get_task()
            names = set(curriculum.stats())
            assert names >= set(COUNTERS.split())
            assert (names >= set(LP.split())) is not performance
            for call in (
                curriculum.calculate_gini_coefficients,
                curriculum.calculate_per_label_mean_lp_stats,
                curriculum.calculate_raw_lp_debug_stats,
            ):
                assert (call() == {}) is performance
            curriculum.performance_mode = not performance
            assert bool(curriculum.calculate_gini_coefficients()) is performance


# -- values ---------------------------------------------------------------------------------------------------------


def test_counters(twins: LabelledTwins) -> None:
    figures = twins.curriculum.stats()
    expect(figures, naive.summary(twins.naive))
    expect(
        figures,
        {
            "algorithm/tracker/total_completions": twins.naive.completed,
            "algorithm/tracker/mean_score": twins.naive.score_sum / twins.naive.completed,
            "algorithm/num_tasks": 64.0,
        },
    )
    played = [task.success_rate_ema for task in twins.naive.tasks.values() if task.completion_count]
    expect(figures, {"mean_success_rate": math.fsum(played) / len(played)})
    composition = Counter(twins.label(task_id) for task_id in twins.naive.tasks)
    for name, counts in (
        ("per_label_completions", twins.completed),
        ("algorithm/sampling_counts", twins.sampled),
        ("algorithm/eviction_counts", twins.evicted),
        ("algorithm/pool_composition", composition),
    ):
        assert {key: value for key, value in figures.items() if key.startswith(f"{name}/")} == {
            f"{name}/{label}": float(count) for label, count in counts.items() if count
        }


def raw(twins: LabelledTwins) -> dict[int, float]:
    theta = getattr(twins.naive.rules.settings, "early_progress_amplification", 0.5)
    return {i: naive_schedulers.raw_progress(task, theta) for i, task in twins.naive.tasks.items()}


def test_learning_progress(twins: LabelledTwins) -> None:
    figures = twins.curriculum.stats()
    kind = twins.naive.rules.kind
    if kind == "discrete_random":
        assert not [name for name in figures if name.startswith("algorithm/lp/")]
    elif kind == "score_deviation":
        assert all(figures[name] == 0.0 for name in LP.split())
    else:
        n, lp_scores = len(twins.naive.tasks), twins.naive.lp_scores()
        expect(
            figures,
            {
                "algorithm/lp/mean_learning_progress": math.fsum(raw(twins).values()) / n,
                "algorithm/lp/mean_lp_score": 1.0 / n,
                "algorithm/lp/mean_task_success_rate": math.fsum(
                    task.success_rate_ema for task in twins.naive.tasks.values()
                )
                / n,
                "algorithm/lp/mean_sample_prob": 1.0 / n,
                "algorithm/lp/num_zeros_lp_dist": sum(score == 0.0 for score in lp_scores.values()),
            },
        )


def test_shares_and_starving_tasks(twins: LabelledTwins) -> None:
    figures, rules = twins.curriculum.stats(), twins.naive.rules
    ways = {"uniform": rules.epsilon, "exploring": rules.exploring, "staleness": rules.stale}
    ways["label"] = rules.by_label
    ways["scheduler"] = 1.0 - sum(ways.values())
    expect(figures, {f"algorithm/draws/share/{way}": share for way, share in ways.items()})
    waiting = [twins.naive.scheduled - task.last_drawn for task in twins.naive.tasks.values()]
    assert figures["algorithm/draws/starving_tasks"] == sum(draws > 5 * len(waiting) for draws in waiting)


def test_what_was_not_drawn_for_five_draws_a_task_starves() -> None:
    config = CurriculumConfig(num_active_tasks=4, seed=0, defer_init=True, use_shared_memory=False)
    with config.make() as curriculum:
        curriculum.add_task(0)
        curriculum.sample_ids(30)
        assert curriculum.stats()["algorithm/draws/starving_tasks"] == 0.0
        curriculum.add_task(1)
        curriculum.use(LearningProgressConfig(rand_task_rate=0.0, exploration_bonus=0.0, min_samples_for_lp=1))
        for score in (0.0, 1.0, 0.0, 1.0):
            curriculum.update_task_performance(0, score)
        assert set(curriculum.sample_ids(11).tolist()) == {0}
        assert curriculum.stats()["algorithm/draws/starving_tasks"] == 1.0


def test_gini_coefficients(twins: LabelledTwins) -> None:
    figures = twins.curriculum.calculate_gini_coefficients()
    progress, probabilities = raw(twins), twins.naive.probabilities()
    if twins.naive.rules.kind == "learning_progress":
        zscored = twins.naive.lp_scores()
    elif twins.naive.rules.kind == "score_deviation":
        zscored = twins.naive.scores()
    else:
        zscored = dict.fromkeys(progress, 1.0)
    expected = {
        "pool_occupancy": naive.gini(task.completion_count for task in twins.naive.tasks.values()),
        "raw_lp_scores": naive.gini(progress.values()),
        "raw_lp_by_label": naive.gini(math.fsum(values) for values in twins.by_label(progress).values()),
        "zscored_lp_scores": naive.gini(zscored.values()),
        "sampling_probs": naive.gini(probabilities.values()),
        "sampling_probs_by_label": naive.gini(math.fsum(v) for v in twins.by_label(probabilities).values()),
        "sampling_by_label": naive.gini(twins.sampled.values()),
        "evictions_by_label": naive.gini(twins.evicted.values()),
        "pool_composition_by_label": naive.gini(len(v) for v in twins.by_label(progress).values()),
    }
    expected["selectivity_loss_lp_to_prob"] = expected["raw_lp_scores"] - expected["sampling_probs"]
    by_label = expected["raw_lp_by_label"]
    expected["selectivity_loss_lp_label_to_prob_label"] = by_label - expected["sampling_probs_by_label"]
    expected["selectivity_loss_lp_label_to_sampling_label"] = by_label - expected["sampling_by_label"]
    expect(figures, {f"curriculum_gini/{name}": value for name, value in expected.items()})


def test_raw_progress_and_label_means(twins: LabelledTwins) -> None:
    values = raw(twins)
    expect(
        twins.curriculum.calculate_raw_lp_debug_stats(),
        {
            "debug/raw_lp_mean": math.fsum(values.values()) / len(values),
            "debug/raw_lp_std": statistics.stdev(values.values()),
            "debug/raw_lp_min": min(values.values()),
            "debug/raw_lp_max": max(values.values()),
            "debug/raw_lp_nonzero_count": sum(value > 0.0 for value in values.values()),
            "debug/raw_lp_total_count": len(values),
        },
    )
    rewards = {i: task.reward_ema for i, task in twins.naive.tasks.items() if task.completion_count}
    means = {f"mean_lp_score/{label}": statistics.fmean(v) for label, v in twins.by_label(values).items()}
    means |= {f"mean_reward_ema/{label}": statistics.fmean(v) for label, v in twins.by_label(rewards).items()}
    chances = twins.by_label(twins.naive.probabilities())
    means |= {f"probability/{label}": math.fsum(values) for label, values in chances.items()}
    assert len(twins.naive.tasks) > len(rewards) > 0
    for label, scores in twins.by_label(rewards).items():
        assert twins.curriculum.stats()[f"per_label_scores/{label}"] == pytest.approx(statistics.fmean(scores))
    expect(
        twins.curriculum.calculate_per_label_mean_lp_stats(),
        {f"per_label_stats/{name}": value for name, value in means.items()},
    )


def test_the_state_of_a_task_is_the_twins(twins: LabelledTwins) -> None:
    now = time.time()
    for task_id, task in twins.naive.tasks.items():
        state = twins.curriculum.get_task_stats(task_id)
        assert state is not None
        for name in ("task_id", "completion_count", "scheduled_count", "label", "success_threshold", "last_score"):
            assert state[name] == getattr(task, name), name
        for name in ("total_score", "reward_ema", "ema_squared", "success_rate_ema", "p_fast", "p_slow", "p_true"):
            assert state[name] == pytest.approx(getattr(task, name), rel=1e-12, abs=1e-15), name
        assert state["random_baseline"] == task.random_baseline
        assert state["seed"] == task_id
        assert state["generator_type"] == 0.0
        assert now - 60.0 < state["creation_time"] <= now
    assert twins.curriculum.get_task_stats(3) is None


def test_ages_are_measured_in_seconds() -> None:
    with make_config(4, {}).make() as curriculum:
        curriculum.add_task(1)
        curriculum.add_task(2)
        curriculum._pool.state["creation_time"][0, :2] = [time.time() - 100.0, time.time() - 300.0]
        figures = curriculum.calculate_raw_lp_debug_stats()
        assert figures["debug/task_age_mean_seconds"] == pytest.approx(200.0, abs=30.0)
        assert figures["debug/task_age_max_seconds"] == pytest.approx(300.0, abs=30.0)
        assert curriculum.calculate_gini_coefficients()["curriculum_gini/task_age"] == pytest.approx(0.25, abs=0.05)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_an_empty_pool_and_a_pool_of_one_have_statistics(algorithm: str) -> None:
    with make_config(64, ALGORITHMS[algorithm]).make() as curriculum:
        for _ in range(2):
            assert all(math.isfinite(value) for value in curriculum.stats().values())
            if curriculum.stats()["num_active_tasks"] == 0:
                curriculum.add_task(1)
        assert curriculum.calculate_raw_lp_debug_stats()["debug/raw_lp_std"] == 0.0
        assert curriculum.probabilities()[1].tolist() == [1.0]


# -- epochs ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("performance_mode", [True, False])
def test_the_mean_score_of_an_epoch(performance_mode: bool) -> None:
    with CurriculumConfig(num_active_tasks=4, performance_mode=performance_mode).make() as curriculum:
        assert curriculum.session_id is not None
        curriculum.add_task(0)
        curriculum.update_many([0] * 3, [0.0, 0.0, 1.5])
        assert curriculum.stats()["epoch_mean_score"] == 0.5
        curriculum.on_epoch_end()
        assert "epoch_mean_score" not in curriculum.stats(), "none has ended in it"
        with attach(curriculum.session_id) as other:
            other.update_many([0] * 2, [1.0, 0.5])
            assert curriculum.stats()["epoch_mean_score"] == 0.75
            assert "epoch_mean_score" not in other.stats(), "it does not know how the epoch began"
            other.on_epoch_end()
        curriculum.update_many([0], [0.25])
        assert "epoch_mean_score" not in curriculum.stats()


def test_an_epoch_counts_samples_and_evictions_from_zero() -> None:
    with LabelledTwins(make_config(64, {})) as twins:
        twins.run()
        evictions = {label: count for label, count in twins.evicted.items() if count}
        stats = twins.curriculum.get_episode_stats("easy")
        assert stats == {
            "env_curriculum_stats/per_label_samples": {"easy": 1},
            "env_curriculum_stats/per_label_evictions": evictions,
        }
        stats["env_curriculum_stats/per_label_evictions"].clear()  # the caller's own
        assert twins.curriculum.get_episode_stats("x")["env_curriculum_stats/per_label_evictions"] == evictions
        twins.curriculum.on_epoch_end()
        assert twins.curriculum.get_episode_stats("x")["env_curriculum_stats/per_label_evictions"] == {}
        figures = twins.curriculum.stats()
        assert not [name for name in figures if name.startswith("algorithm/sampling_counts/")]
        expect(figures, {f"algorithm/eviction_counts/{label}": n for label, n in evictions.items()})
        assert figures["num_scheduled"] == 200.0
        twins.evict(5)
        assert twins.curriculum.get_episode_stats("x")["env_curriculum_stats/per_label_evictions"] == {"hard": 1}


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], 0.0),
        ([0.0, 0.0], 0.0),
        ([3.0], 0.0),
        ([1.0, 1.0, 1.0], 0.0),
        ([0.0, 0.0, 0.0, 1.0], 0.75),
        ([1, 2, 3], 2 / 9),
    ],
)
def test_gini_of_a_few_numbers(values: list[float], expected: float) -> None:
    assert gini(values) == pytest.approx(expected, abs=1e-15)
    assert naive.gini(values) == pytest.approx(expected, abs=1e-15)
