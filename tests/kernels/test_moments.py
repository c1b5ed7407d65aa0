"""Mean and deviation of progress, as the draw sees them, against exact fractions."""

from __future__ import annotations

import numpy as np
import pytest

from tests.twins import Twins, make_config

# Progress is |score|: no baseline, and a slow average that stays at its first value.
PLAIN = {
    "use_baseline_normalization": False,
    "rand_task_rate": 0.0,
    "min_samples_for_lp": 2,
    "unbiased_averages": False,
}
HUGE = [1e6, 1e12, 1e20, 1e50, 1e99, 1e101, 1e150, 1e200, -1e20, -1e200]


def explored_pool(twins: Twins, count: int = 300) -> None:
    twins.add(*range(count))
    rng = np.random.default_rng(0)
    for task_id in range(count):
        twins.update(task_id, *rng.uniform(size=4).tolist())
    twins.check()


@pytest.mark.parametrize("huge", HUGE)
def test_one_huge_score_does_not_outlive_its_task(huge: float) -> None:
    with Twins(make_config(300, PLAIN)) as twins:
        explored_pool(twins)
        twins.update(5, huge)
        twins.evict(5)
        twins.check()
        assert twins.curriculum.find_violations() == []


@pytest.mark.parametrize("huge", HUGE)
def test_one_huge_score_does_not_outlive_its_average(huge: float) -> None:
    # The fast average is the last score and the slow one all but: progress is back to normal after two of them.
    quick = PLAIN | {"ema_timescale": 1.0, "slow_timescale_factor": 0.999}
    with Twins(make_config(1000, quick)) as twins:
        explored_pool(twins)
        twins.update(5, huge, *[0.5] * 120)
        twins.check()
        assert twins.curriculum.find_violations() == []


@pytest.mark.parametrize("spread", [1e-9, 1e-8, 1e-6])
def test_progress_that_is_nearly_equal_keeps_its_deviation(spread: float) -> None:
    with Twins(make_config(64, PLAIN | {"progress_smoothing": 0.3})) as twins:
        twins.add(*range(64))
        for task_id in range(64):
            twins.update(task_id, 0.0, *[task_id * spread] * 3)
        ids, probabilities = twins.curriculum.probabilities()
        assert probabilities[-1] > 2.0 * probabilities[0]
        # z-scores of numbers that differ by 1e-9 have seven digits in any case.
        expected = np.array([twins.naive.probabilities()[i] for i in ids.tolist()])
        np.testing.assert_allclose(probabilities, expected, rtol=1e-6)
