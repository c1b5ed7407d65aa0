"""What the frontier alone promises: movement is measured against the noise that a task's scores had."""

from __future__ import annotations

import numpy as np

import lpcurr
from asv_benchmarks.teaching.__main__ import judge
from asv_benchmarks.teaching.families import FAMILIES
from asv_benchmarks.teaching.schedulers import BARS, SCHEDULERS

NO_EXPLORING = lpcurr.FrontierConfig(frontier_share=1.0, staleness_share=0.0, use_shared_memory=False)


def test_grades_that_rise_are_told_from_coin_flips() -> None:
    """Grades of 0.4, then of 0.5, beside a task that is solved every second time: their averages move as much."""
    with lpcurr.CurriculumConfig(tasks=["graded", "lucky"], algorithm_config=NO_EXPLORING).make() as curriculum:
        for play in range(30):
            grade = (0.4 if play < 20 else 0.5) + 0.02 * (-1) ** play
            curriculum.update_many([0, 1], [grade, float(play % 2 == 0)])
        ids, probabilities = curriculum.probabilities()
        assert probabilities[ids == 0] > 3.0 * probabilities[ids == 1]  # 0.8 where both are taken for scores of 0 or 1


def test_scores_of_any_two_values_are_told_from_noise_alike() -> None:
    """Successes of 1000 are drawn as those of 1 are."""
    rng = np.random.default_rng(0)
    with lpcurr.CurriculumConfig(tasks=range(8), algorithm_config=NO_EXPLORING).make() as curriculum:
        for play in range(40):
            successes = rng.random(4) < play / 60
            curriculum.update_many(range(4), successes.astype(float))
            curriculum.update_many(range(4, 8), 1000.0 * successes)
        probabilities = curriculum.probabilities()[1]
        np.testing.assert_allclose(probabilities[4:], probabilities[:4], rtol=1e-9)


def test_what_is_learned_a_five_hundredth_a_play_is_no_luck() -> None:
    """Within fifty plays its average moves by less than its noise; over three hundred it does not look like a coin."""
    rng, slow, coin = np.random.default_rng(0), 0.0, 0.0
    for seed in range(20):
        with lpcurr.CurriculumConfig(tasks=range(2), seed=seed, use_shared_memory=False).make() as curriculum:
            for play in range(300):
                curriculum.update_many([0, 1], (rng.random(2) < [play / 500, 0.5]).astype(float))
            kept = curriculum._pool.state["exploring"][0]
            slow, coin = slow + kept[0] / 20, coin + kept[1] / 20
    assert coin < 0.4
    assert slow > 0.5  # 0.37 by the last fifty plays alone


def test_returns_of_any_scale_share_the_draws_while_they_rise() -> None:
    """Measured returns of 0 … 1000 beside 0 … 1: the larger ones' scale rises with them."""
    rng, skill, small = np.random.default_rng(0), np.zeros(40), 0
    with lpcurr.CurriculumConfig(tasks=range(40), seed=0, use_shared_memory=False).make() as curriculum:
        for _ in range(200):
            ids = curriculum.sample_ids(25)
            np.add.at(skill, ids, 0.005)
            results = np.clip(skill[ids] + rng.normal(0.0, 0.05, 25), 0.0, 1.0)
            curriculum.update_many(ids, np.where(ids < 20, results, 1000.0 * results))
            small += np.sum(ids < 20)
    assert 0.4 < small / 5000 < 0.6


def test_lucky_guesses_do_not_take_the_share_by_their_number() -> None:
    """Chains whose locked tasks are solved by luck once in twenty plays, four students."""
    (family,) = (family for family in FAMILIES if family.name == "guessed chains")
    of, bar = (
        np.mean([judge(family, factory, seed).final for seed in range(4)])
        for factory in (SCHEDULERS["frontier"], BARS["uniform"])
    )
    assert of > 1.7 * bar  # 1.62 where weights are not squared


def test_what_is_never_solved_goes_in_its_turn_with_what_is_always_solved() -> None:
    """However much more often it was played; what is solved now and then stays longer than what came after it."""
    for older, younger, goes in (("always", "never", 0), ("never", "always", 0), ("at times", "never", 1)):
        with lpcurr.CurriculumConfig(num_active_tasks=2, seed=0, use_shared_memory=False).make() as curriculum:
            curriculum.sample_ids(2, distinct=True)
            ids = curriculum.probabilities()[0].tolist()
            for task_id, solved in zip(ids, (older, younger), strict=True):
                for play in range(10 if solved == "always" else 60):
                    score = {"always": 1.0, "never": 0.0, "at times": play % 2}[solved]
                    curriculum.update_task_performance(task_id, score)
            assert curriculum.recommend_eviction() == ids[goes], (older, younger)


def test_renewal_does_not_give_up_what_is_learned_late() -> None:
    """One skill for all tasks of a generator: on average over students it makes as much as uniform draws, nearly."""
    (family,) = (family for family in FAMILIES if family.name == "endless balances")
    of, bar = (
        np.mean([judge(family, factory, seed).final for seed in range(16)])
        for factory in (SCHEDULERS["frontier"], BARS["uniform"])
    )
    assert of > 0.95 * bar  # 0.9 where what is never solved goes first
