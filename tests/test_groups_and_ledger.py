"""Groups of attempts in one call, and the ledger of what is in flight."""

from __future__ import annotations

import json
import math
import random
from functools import partial
from typing import Any

import numpy as np
import pytest

from lpcurr import (
    CheckpointError,
    Curriculum,
    CurriculumConfig,
    FrontierConfig,
    InvalidBatchError,
    InvalidScoreError,
    LearnabilityConfig,
    LearningProgressConfig,
    TaskLedger,
    UnknownTaskError,
)
from lpcurr.curriculum.arguments import as_groups
from lpcurr.schedulers.common import SchedulerConfig
from tests.interrupts import interrupted

PROMPTS = [f"{i} + {i} =" for i in range(40)]


def make(**fields: Any) -> Curriculum:
    algorithm = LearnabilityConfig(attempts=8, rand_task_rate=0.2)
    values = {"tasks": PROMPTS, "seed": 5, "use_shared_memory": False, "algorithm_config": algorithm} | fields
    return CurriculumConfig(**values).make()


# -- groups -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("attempts", [1, 2, 3, 8, 17])
def test_successes_lie_evenly_among_the_attempts(attempts: int) -> None:
    for successes in range(attempts + 1):
        _, scores, _ = as_groups([0], [successes], [attempts])
        assert scores.size == attempts
        assert set(scores.tolist()) <= {0.0, 1.0}
        # No beginning of the group has more, or less, than its share of the successes by a whole one.
        share = np.arange(1, attempts + 1) * successes / attempts
        assert np.abs(np.cumsum(scores) - share).max() <= 0.5 + 1e-12


def test_groups_are_credited_as_their_episodes_one_by_one() -> None:
    with make() as groups, make() as episodes:
        ids, successes, attempts = [3, 7, 3, 99], [1, 4, 0, 2], [2, 4, 3, 5]
        assert groups.update_groups(ids, successes, attempts).tolist() == [True, True, True, False]
        expanded, scores, begins = as_groups(ids, successes, attempts)
        assert begins.tolist() == [0, 2, 6, 9]
        assert expanded.tolist() == [3] * 2 + [7] * 4 + [3] * 3 + [99] * 5
        for task_id, score in zip(expanded.tolist(), scores.tolist(), strict=True):
            episodes.update_task_performance(task_id, score)
        for task_id in (3, 7):
            ours, theirs = groups.get_task_stats(task_id), episodes.get_task_stats(task_id)
            assert ours is not None
            assert theirs is not None
            for key in ("completion_count", "total_score", "success_rate_ema", "p_fast", "p_slow"):
                assert ours[key] == theirs[key]
        assert groups.stats()["num_refused"] == 5


def test_averages_of_groups_do_not_depend_on_the_luck_of_their_order() -> None:
    config = LearningProgressConfig(ema_timescale=0.3)
    with make(algorithm_config=config) as curriculum:
        for _ in range(30):
            curriculum.update_groups([0, 1], [2, 6], 8)
        low, high = (curriculum.get_task_stats(task_id) for task_id in (0, 1))
        assert low is not None
        assert high is not None
        assert low["p_fast"] == pytest.approx(0.25, abs=0.1)
        assert high["p_fast"] == pytest.approx(0.75, abs=0.1)
        in_order = [1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]
        assert curriculum.update_many([2] * 240, in_order * 30) == 240  # what happens to come last would count most
        unlucky = curriculum.get_task_stats(2)
        assert unlucky is not None
        assert unlucky["p_fast"] < 0.12


@pytest.mark.parametrize(
    ("ids", "successes", "attempts", "message"),
    [
        ([1, 2], [1], [8, 8], "2 ids, 1 successes and 2 attempts"),
        ([1], [9], [8], "9 successes in 8 attempts"),
        ([1, 2], [0, -1], 8, "index 1 has -1 successes"),
        ([1], [0], [0], "0 successes in 0 attempts"),
        ([1], [0], [2**40], "attempts are 1 …"),
        ([1, 2], [3.0, 0.5], [8], "successes is 0.5 at index 1"),
        ([1], [float("nan")], 8, "successes is nan"),
        ([1], [1], True, "attempts has dtype bool"),
        ([1], ["1"], 8, "successes has dtype"),
        ([1, 2], [[1, 0], [1, 1]], 2, r"shape \(2, 2\).*the sum or mean of its row"),
    ],
)
def test_bad_groups_are_refused_as_a_whole(ids: Any, successes: Any, attempts: Any, message: str) -> None:
    with make() as curriculum:
        with pytest.raises(InvalidBatchError, match=message):
            curriculum.update_groups(ids, successes, attempts)
        assert curriculum.stats()["num_completed"] == 0


@pytest.mark.parametrize("attempts", [8, 8.0, np.array(8), np.float32(8), np.array([8, 8])])
def test_counts_may_be_whole_floats_and_arrays_of_one_number(attempts: Any) -> None:
    with make() as curriculum:
        assert curriculum.update_groups([1, 2], np.array([3.0, 8.0], np.float32), attempts).all()
        assert curriculum.stats()["num_completed"] == 16
        assert curriculum.update_groups([], [], attempts if np.ndim(attempts) == 0 else []).size == 0


# -- the ledger -------------------------------------------------------------------------------------------------------


def chance_of(task_id: int) -> float:
    return (task_id % 10) / 9


def answer(ids: np.ndarray[Any, Any], step: int) -> list[int]:
    """How many of eight answers to each prompt are right: of the step alone, as a model's would be after a resume."""
    draws = random.Random(step)
    return [sum(draws.random() < chance_of(task_id) for _ in range(8)) for task_id in ids.tolist()]


def train(
    ledger: TaskLedger, batches: list[np.ndarray[Any, Any]], first: int, last: int, ahead: int
) -> list[list[int]]:
    """Train steps, with so many batches taken ahead; what is still in flight stays in ``batches``."""
    trained = []
    for step in range(first, last):
        while len(batches) < ahead + 1:
            batches.append(ledger.take(6))
        ids = batches.pop(0)
        ledger.report(ids, answer(ids, step), 8)
        trained.append(ids.tolist())
    return trained


@pytest.mark.parametrize("cut", range(50))
def test_a_run_that_is_cut_and_resumed_trains_the_same_prompts(cut: int) -> None:
    draws = random.Random(cut)
    steps, ahead = 30, draws.randrange(5)
    with make(seed=cut) as curriculum:
        expected = train(TaskLedger(curriculum), [], 0, steps, ahead)
    at = draws.randrange(steps)
    with make(seed=cut) as curriculum:
        ledger = TaskLedger(curriculum)
        before = train(ledger, [], 0, at, ahead)
        state = json.loads(json.dumps(ledger.state_dict()))
    with make(seed=cut + 1000) as curriculum:
        resumed = TaskLedger(curriculum)
        resumed.load_state_dict(state)
        assert before + train(resumed, [], at, steps, ahead) == expected


def test_what_is_in_flight_is_saved_until_it_is_reported_or_released() -> None:
    with make() as curriculum:
        ledger = TaskLedger(curriculum)
        first, second = ledger.take(4), ledger.take(4)
        assert ledger.in_flight.tolist() == [*first.tolist(), *second.tolist()]
        ledger.report(first[:3], [1, 2, 3], 8)
        ledger.release(second[1:2])
        left = [int(first[3]), int(second[0]), int(second[2]), int(second[3])]
        assert ledger.in_flight.tolist() == left
        state = ledger.state_dict()
        resumed = TaskLedger(curriculum)
        resumed.load_state_dict(state)
        assert resumed.in_flight.tolist() == left
        assert resumed.take(3).tolist() == list(dict.fromkeys(left))[:3]
        batch = resumed.take(10)  # the rest of it, and new ones beside
        assert np.unique(batch).size == 10


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_take_that_is_interrupted_has_taken_all_or_nothing() -> None:
    with make() as curriculum:
        before = TaskLedger(curriculum)
        before.take(3)
        state, calls, more = before.state_dict(), 0, True
        while more:
            calls += 1
            ledger = TaskLedger(curriculum)
            ledger.load_state_dict(state)
            more = interrupted(partial(ledger.take, 5), calls)
            assert len(ledger.in_flight) in ((3, 5) if more else (5,))
        assert calls > 20


def test_prompts_that_were_appended_to_the_list_come_in_with_a_resume() -> None:
    with make() as curriculum:
        state = TaskLedger(curriculum).state_dict()
    with make(tasks=[*PROMPTS, "new", "newer"]) as curriculum:
        curriculum.evict(3)
        TaskLedger(curriculum).load_state_dict(state)
        assert sorted(curriculum.columns()["task_id"].tolist()) == list(range(42))


def test_a_task_that_was_in_two_batches_is_again_in_two_batches() -> None:
    with make(tasks=PROMPTS[:5]) as curriculum:
        ledger = TaskLedger(curriculum)
        batches = [ledger.take(5).tolist() for _ in range(3)]
        state = ledger.state_dict()
        ledger.load_state_dict(state)
        assert [ledger.take(5).tolist() for _ in range(3)] == batches
        ledger.report(batches[0] + batches[1], [0] * 10, 1)
        assert ledger.in_flight.tolist() == batches[2]


def test_a_task_that_is_not_in_flight_is_not_credited() -> None:
    with make() as curriculum:
        ledger = TaskLedger(curriculum)
        ids = ledger.take(3)
        ledger.report(ids[:1], [8], 8)
        for again in ([int(ids[0])], [int(ids[1]), int(ids[0])], [int(ids[1])] * 2):
            with pytest.raises(UnknownTaskError, match="report or release what take"):
                ledger.report(again, [8] * len(again), 8)
            with pytest.raises(UnknownTaskError):
                ledger.release(again)
        with pytest.raises(InvalidBatchError):
            ledger.report(ids[1:], [9, 9], 8)
        assert ledger.in_flight.tolist() == ids[1:].tolist()
        assert curriculum.stats()["num_completed"] == 8


def test_what_is_in_flight_is_not_handed_out_again_while_there_is_anything_else() -> None:
    favoured = {"type": "plr", "signal_timescale": 1.0, "staleness_share": 0.0, "rand_task_rate": 0.01}
    with CurriculumConfig(tasks=range(12), seed=0, algorithm_config=favoured).make() as curriculum:
        curriculum.update_many(range(12), [0.5] * 12, signals=[100.0] * 4 + [1.0] * 8)
        ledger = TaskLedger(curriculum)
        batches = [ledger.take(3, again=False).tolist() for _ in range(4)]
        assert sorted(np.concatenate(batches)) == list(range(12))
        assert {*batches[0], *batches[1]} > {0, 1, 2, 3}  # drawn by weight, as before
        ledger.release(batches[1][:2])
        more = ledger.take(3, again=False).tolist()
        assert sorted(more[:2]) == sorted(batches[1][:2])
        assert len(set(more)) == 3
        resumed = TaskLedger(curriculum)
        resumed.load_state_dict(ledger.state_dict())
        again = [resumed.take(5, again=False).tolist() for _ in range(3)]
        assert [len(set(batch)) for batch in again] == [5, 5, 5]
        assert {*again[0], *again[1], *again[2]} == set(range(12))
        with pytest.raises(InvalidBatchError):
            ledger.take(13, again=False)


def test_first_draws_among_what_is_not_in_flight_go_by_weight() -> None:
    weights = {"type": "plr", "signal_timescale": 1.0, "staleness_share": 0.0, "rand_task_rate": 0.0}
    with CurriculumConfig(tasks=range(4), seed=0, algorithm_config=weights).make() as curriculum:
        curriculum.update_many(range(4), [0.5] * 4, signals=[6.0, 2.0, 1.0, 1.0])
        ledger, drawn = TaskLedger(curriculum), []
        ledger.load_state_dict(ledger.state_dict() | {"in_flight": [0]})
        assert ledger.take(1).tolist() == [0]
        for _ in range(2000):
            (task_id,) = ledger.take(1, again=False).tolist()
            ledger.release([task_id])
            drawn.append(task_id)
        np.testing.assert_allclose(np.bincount(drawn, minlength=4) / 2000, [0, 0.5, 0.25, 0.25], atol=0.05)


def test_tasks_of_a_label_are_handed_out_alone_and_again_after_a_resume() -> None:
    with CurriculumConfig(tasks=range(12), task_labels=["a", 1, 1] * 4, seed=0).make() as curriculum:
        ledger = TaskLedger(curriculum)
        first, second = ledger.take(3, label="a").tolist(), ledger.take(5, label=1).tolist()
        assert {task_id % 3 for task_id in first} == {0}
        assert len({task_id for task_id in second if task_id % 3}) == 5
        assert set(ledger.take(3, label=1, again=False)) == {1, 2, 4, 5, 7, 8, 10, 11} - {*second}
        ledger.load_state_dict(ledger.state_dict())
        assert ledger.take(6, label=1)[:5].tolist() == second
        assert ledger.take(3, label="a").tolist() == first
        with pytest.raises(InvalidBatchError, match="9 were asked for, and there are 8 of label '1'"):
            ledger.take(9, label=1, again=False)


def test_scores_that_are_more_than_right_or_wrong_land_too() -> None:
    with CurriculumConfig(tasks=["a", "b", "c"], seed=0).make() as curriculum:
        ledger = TaskLedger(curriculum)
        ids = ledger.take(3)
        with pytest.raises(InvalidScoreError):
            ledger.report_scores(ids, [0.25, 0.5, math.nan])
        assert ledger.in_flight.tolist() == ids.tolist()
        assert ledger.report_scores(ids[:2], [0.25, 0.5], signals=[3.0, 4.0]).all()
        assert ledger.in_flight.tolist() == ids[2:].tolist()
        known = [curriculum.get_task_stats(task_id) or {} for task_id in ids.tolist()]
        assert [stats["mean_score"] for stats in known] == [0.25, 0.5, 0.0]
        assert known[1]["signal"] == 4.0
        with pytest.raises(UnknownTaskError):
            ledger.report_scores(ids[:1], [1.0])


def test_a_state_that_is_none_changes_nothing() -> None:
    with make() as curriculum:
        ledger = TaskLedger(curriculum)
        ids = ledger.take(3)
        state = ledger.state_dict()
        for wrong in ({}, state["curriculum"], state | {"curriculum": {}}):
            with pytest.raises(CheckpointError):
                ledger.load_state_dict(wrong)
        with pytest.raises(InvalidBatchError):
            ledger.load_state_dict(state | {"in_flight": [0.5]})
        assert ledger.in_flight.tolist() == ids.tolist()


# -- what the guide recommends ----------------------------------------------------------------------------------------


SMALL_PRIOR = LearnabilityConfig(attempts=8, prior_successes=0.001, prior_failures=0.001, rand_task_rate=0.05)


@pytest.mark.parametrize(
    ("algorithm", "share"),
    [
        (FrontierConfig(), 0.13),
        (LearningProgressConfig(), 0.34),
        (LearnabilityConfig(attempts=8), 0.12),
        (SMALL_PRIOR, 0.92),
    ],
    ids=lambda value: getattr(value, "type", ""),
)
def test_the_guides_settings_draw_the_prompts_that_have_a_signal(algorithm: SchedulerConfig, share: float) -> None:
    draws = np.random.default_rng(0)
    with make(tasks=list(range(1000)), algorithm_config=algorithm) as curriculum:
        chances = np.repeat([0.0, 1.0, 0.5], [450, 450, 100])
        hits = 0
        for step in range(300):
            ids = curriculum.sample_ids(64, distinct=True)
            curriculum.update_groups(ids, draws.binomial(8, chances[ids]), 8)
            hits += int((ids >= 900).sum()) if step >= 200 else 0
        assert hits / (100 * 64) == pytest.approx(share, abs=0.025)
