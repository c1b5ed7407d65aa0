"""Random streams: seeds and words are those of the published algorithms."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

from lpcurr import CurriculumConfig
from lpcurr.kernels import JIT
from lpcurr.pool.pool import Pool
from tests.kernels.calls import content, draw_below, draw_ids, draw_uniform, make_pool, next_words
from tests.naive import SeedSequence, Xoshiro

COUNT = 20_000 if JIT else 1_000
BOUNDS = [1, 2, 3, 7, 1000, 2**20, 3 * 2**30, 2**31 + 1, 2**32 - 1]


def seeded(words: list[int]) -> Pool:
    pool = make_pool(4)
    for i, word in enumerate(words):
        pool.state["process"][f"stream{i}"][0, 0] = word
    return pool


def test_the_words_are_those_of_xoshiro256_plus_plus() -> None:
    """The test vector that the Rust and Julia implementations give for the seed words 1, 2, 3, 4."""
    words = np.empty(6, dtype=np.uint64)
    next_words(content(seeded([1, 2, 3, 4])), 0, words)
    expected = [41943041, 58720359, 3588806011781223, 3591011842654386, 9228616714210784205, 9973669472204895162]
    assert words.tolist() == expected
    twin = Xoshiro([1, 2, 3, 4])
    assert [twin.next_word() for _ in expected] == expected


def test_every_kind_of_draw_is_the_twins() -> None:
    seeds = [2**64 - 1, 5, 2**63, 0xDEADBEEF]
    pool, twin = seeded(seeds), Xoshiro(seeds)
    segment = content(pool)
    for kind, call, draw in (
        (np.uint64, next_words, twin.next_word),
        (np.float64, draw_uniform, twin.uniform),
        (np.int64, draw_ids, twin.task_id),
    ):
        values: Any = np.empty(500, dtype=kind)
        call(segment, 0, values)
        assert values.tolist() == [draw() for _ in range(500)]
    bounds = np.random.default_rng(0).choice(BOUNDS, 2000)
    numbers = np.empty(2000, dtype=np.int64)
    draw_below(segment, 0, bounds, numbers)
    assert numbers.tolist() == [twin.below(bound) for bound in bounds.tolist()]
    state = pool.state["process"][0][0]
    assert [int(state[f"stream{i}"]) for i in range(4)] == twin.state


@pytest.mark.parametrize("bound", BOUNDS)
def test_bounded_draws_are_uniform(bound: int) -> None:
    pool = make_pool(4)
    numbers = np.empty(COUNT, dtype=np.int64)
    draw_below(content(pool), 0, np.full(COUNT, bound), numbers)
    assert numbers.min() >= 0
    assert numbers.max() < bound
    cells = min(bound, 12)
    if cells > 1:
        counts, _ = np.histogram(numbers, bins=cells, range=(0, bound))
        sizes, _ = np.histogram(np.arange(bound), bins=cells, range=(0, bound)) if bound < 5000 else (np.ones(cells), 0)
        assert stats.chisquare(counts, COUNT * sizes / sizes.sum()).pvalue > 1e-4


def test_uniform_numbers_are_uniform_and_below_one() -> None:
    numbers = np.empty(COUNT)
    draw_uniform(content(make_pool(4)), 0, numbers)
    assert 0.0 <= numbers.min() <= numbers.max() < 1.0
    assert stats.kstest(numbers, "uniform").pvalue > 1e-4


@pytest.mark.parametrize("seed", [0, 1, 2**32 - 1, 2**32, 2**63 - 1])
@pytest.mark.parametrize("ordinal", [0, 1, 7, 2**32 + 5])
def test_the_twin_seeds_as_numpy_does(seed: int, ordinal: int) -> None:
    numpys = np.random.SeedSequence(seed, spawn_key=(ordinal,)).generate_state(4, np.uint64)
    assert SeedSequence(seed, (ordinal,)).generate_words(4) == numpys.tolist()
    assert SeedSequence(seed).generate_words(4) == np.random.SeedSequence(seed).generate_state(4, np.uint64).tolist()


def test_a_pool_creates_the_tasks_of_its_seed() -> None:
    """From the seed to the ids, by the twins alone."""
    with CurriculumConfig(num_active_tasks=50, seed=2**40 + 3, use_shared_memory=False).make() as curriculum:
        twin = Xoshiro(SeedSequence(2**40 + 3, (0,)).generate_words(4))
        assert [curriculum.get_task().task_id for _ in range(50)] == [twin.task_id() for _ in range(50)]
