"""Bad input: an lpcurr error at the border that names the value and the limit, and nothing has changed."""

from __future__ import annotations

import io
import json
import math
import os
import pickle
import secrets
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lpcurr
from lpcurr import Curriculum, CurriculumConfig, DiscreteRandomConfig, LearningProgressConfig
from lpcurr.errors import shown
from lpcurr.memory import layout
from lpcurr.memory.processes import NAME_PREFIX
from lpcurr.memory.sessions import list_sessions
from lpcurr.monitor.reading import SessionReader

Call = Callable[[Any], object]

TASK = 5


def make(**fields: Any) -> Curriculum:
    return CurriculumConfig(**({"num_active_tasks": 4, "seed": 0, "use_shared_memory": False} | fields)).make()


@pytest.fixture
def curriculum() -> Iterator[Curriculum]:
    """A pool with task 5, which has a completion, and room for three more."""
    with make() as made:
        made.add_task(TASK, "five")
        made.update_task_performance(TASK, 0.25)
        yield made


class Tensor:
    """As one of torch's that lies on a device and has a gradient."""

    def __init__(self, values: Any) -> None:
        self.values = values

    def __array__(self, *arguments: Any, **options: Any) -> Any:
        raise RuntimeError("Can't call numpy() on Tensor that requires grad")

    def detach(self) -> Any:
        return self

    def cpu(self) -> Any:
        return np.asarray(self.values)


@pytest.mark.parametrize("score", [np.array(0.5), np.array([0.5]), np.float32(0.5), np.ma.masked_array(0.5, False)])
def test_a_score_may_be_an_array_that_holds_one_number(score: Any, curriculum: Curriculum) -> None:
    assert curriculum.update_task_performance(5, score)
    stats = curriculum.get_task_stats(5)
    assert stats is not None
    assert stats["total_score"] == 0.75  # after the 0.25 of the fixture


def contents(curriculum: Curriculum) -> bytes:
    """The whole segment but for the lock."""
    return curriculum._pool.snapshot().tobytes()


def check_refused(curriculum: Curriculum, call: Call, error: type[Exception], builtin: type, words: list[str]) -> None:
    before = contents(curriculum)
    with pytest.raises(error) as caught:
        call(curriculum)
    assert isinstance(caught.value, lpcurr.LpcurrError)
    assert isinstance(caught.value, builtin)
    for word in words:
        assert word in str(caught.value)
    assert contents(curriculum) == before
    assert curriculum.find_violations() == []


# -- scores ---------------------------------------------------------------------------------------------------------

BAD_SCORES: dict[str, Any] = {
    "nan": math.nan,
    "inf": math.inf,
    "-inf": -math.inf,
    "numpy nan": np.float64("nan"),
    "float32 inf": np.float32("inf"),
    "str": "0.5",
    "None": None,
    "complex": 1j,
    "bytes": b"1",
    "array of two": np.array([0.5, 0.5]),
    "masked": np.ma.masked_array([0.5], [True]),
    "list": [0.5],
    "datetime": np.datetime64("2020-01-01"),
}


@pytest.mark.parametrize("score", BAD_SCORES.values(), ids=BAD_SCORES)
def test_a_score_that_is_not_a_finite_number_is_refused(score: Any, curriculum: Curriculum) -> None:
    for call in (
        lambda c: c.update_task_performance(TASK, score),
        lambda c: c.update_task_performance(999, score),  # not in the pool: no reason to let it pass
    ):
        check_refused(curriculum, call, lpcurr.InvalidScoreError, ValueError, [named(score)])


def named(score: Any) -> str:
    return repr(float(score)) if isinstance(score, (float, np.floating)) else repr(score)


@pytest.mark.parametrize("name", [name for name in BAD_SCORES if name != "None"])
def test_a_success_threshold_that_is_not_a_finite_number_is_refused(name: str, curriculum: Curriculum) -> None:
    threshold = BAD_SCORES[name]
    call = lambda c: c.add_task(7, success_threshold=threshold)  # noqa: E731
    check_refused(curriculum, call, lpcurr.InvalidScoreError, ValueError, [named(threshold)])


def test_a_huge_score_is_named_in_the_error_as_it_was_given(curriculum: Curriculum) -> None:
    call = lambda c: c.update_task_performance(TASK, 10**400)  # noqa: E731
    check_refused(curriculum, call, lpcurr.InvalidScoreError, ValueError, ["1000000000"])


@pytest.mark.parametrize(
    "score",
    [1, True, np.float32(0.5), np.float64(0.5), np.int64(1), np.uint8(1), np.bool_(True), Fraction(1, 2), -3.5, 1e300],
    ids=lambda score: f"{type(score).__name__} {score}",
)
def test_any_finite_number_is_a_score(score: Any, curriculum: Curriculum) -> None:
    assert curriculum.update_task_performance(TASK, score) is True
    state = curriculum.get_task_stats(TASK)
    assert state is not None
    assert state["last_score"] == float(score)


def test_a_refused_nan_score_leaves_every_probability_as_it_was() -> None:
    with make(
        algorithm_config=LearningProgressConfig(min_samples_for_lp=2, ema_timescale=0.9, z_score_amplification=3)
    ) as curriculum:
        for task_id in range(4):
            curriculum.add_task(task_id)
            curriculum.update_many([task_id] * 3, [0.0, 0.1 * task_id, 0.2 * task_id])
        before = curriculum.probabilities()[1].tolist()
        assert len(set(before)) == 4
        with pytest.raises(lpcurr.InvalidScoreError):
            curriculum.update_task_performance(2, math.nan)
        with pytest.raises(lpcurr.InvalidScoreError):
            curriculum.update_many([0, 1, 2], [0.5, 0.5, math.nan])
        assert curriculum.probabilities()[1].tolist() == before


# -- task ids -------------------------------------------------------------------------------------------------------

BAD_IDS: dict[str, Any] = {
    "negative": -1,
    "54 bits": 2**53,
    "64 bits": 2**63,
    "71 bits": 2**70,
    "negative, 71 bits": -(2**70),
    "numpy negative": np.int64(-1),
    "numpy uint64": np.uint64(2**63),
    "float": 5.0,
    "numpy float": np.float64(5.0),
    "str": "5",
    "None": None,
    "list": [5],
}

ID_CALLS: dict[str, Callable[[Curriculum, Any], object]] = {
    "update_task_performance": lambda c, i: c.update_task_performance(i, 0.5),
    "add_task": lambda c, i: c.add_task(i),
    "evict": lambda c, i: c.evict(i),
    "drop_task": lambda c, i: c.drop_task(i),
    "drop_unplayable": lambda c, i: c.drop_unplayable(i),
    "get_task_score": lambda c, i: c.get_task_score(i),
    "get_task_stats": lambda c, i: c.get_task_stats(i),
}


@pytest.mark.parametrize("method", ID_CALLS)
@pytest.mark.parametrize("task_id", BAD_IDS.values(), ids=BAD_IDS)
def test_an_id_that_is_no_integer_of_53_bits_is_refused(task_id: Any, method: str, curriculum: Curriculum) -> None:
    words = [str(task_id) if isinstance(task_id, (int, np.integer)) else repr(task_id)]
    words += ["2**53"] if isinstance(task_id, (int, np.integer)) else [type(task_id).__name__]
    call = lambda c: ID_CALLS[method](c, task_id)  # noqa: E731
    check_refused(curriculum, call, lpcurr.InvalidTaskIdError, ValueError, words)


@pytest.mark.parametrize("task_id", [-1, 2**53, "5", 1.5], ids=str)
@pytest.mark.parametrize("method", ["build", "slice_values"])
def test_an_id_that_is_none_is_not_given_to_the_generator(method: str, task_id: Any) -> None:
    config = CurriculumConfig(num_active_tasks=4, use_shared_memory=False)
    with (
        config.make(task_generator=lambda task_id: {"id": task_id}) as curriculum,
        pytest.raises(lpcurr.InvalidTaskIdError, match=str(task_id)),
    ):
        getattr(curriculum, method)(task_id)


@pytest.mark.parametrize(
    "kind", [int, np.int64, np.int32, np.uint64, np.uint8, np.array, lambda task: np.array([task])]
)
def test_numpy_integers_are_task_ids(kind: Callable[[int], Any], curriculum: Curriculum) -> None:
    assert curriculum.update_task_performance(kind(TASK), 0.5)
    curriculum.add_task(kind(9))
    assert curriculum.get_task_score(kind(9)) >= 0.0
    assert curriculum.get_task_stats(kind(9)) is not None
    curriculum.evict(kind(9))
    assert curriculum.get_task_stats(kind(9)) is None


def test_the_largest_and_the_least_id_are_tasks_as_any_other(curriculum: Curriculum) -> None:
    for task_id in (0, 2**53 - 1):
        curriculum.add_task(task_id)
        assert curriculum.update_task_performance(task_id, 0.5)
        assert curriculum.get_task_stats(task_id)["completion_count"] == 1  # type: ignore[index]
    assert curriculum.find_violations() == []


def test_a_task_that_is_not_in_the_pool_is_a_key_error_that_names_it(curriculum: Curriculum) -> None:
    for call in (
        lambda c: c.evict(77),
        lambda c: c.get_task_score(77),
        lambda c: c.score_tasks([TASK, 77]),
    ):
        check_refused(curriculum, call, lpcurr.UnknownTaskError, KeyError, ["77"])
    assert curriculum.get_task_stats(77) is None
    assert curriculum.drop_task(77) is False


# -- batches --------------------------------------------------------------------------------------------------------

BAD_BATCHES: dict[str, tuple[Any, Any, list[str]]] = {
    "float ids": ([5.0], [0.5], ["ids", "float64", "int64"]),
    "bool ids": ([True], [0.5], ["ids", "bool"]),
    "unsigned ids": (np.array([5], dtype=np.uint64), [0.5], ["ids", "uint64"]),
    "str ids": (["5"], [0.5], ["ids", "int64"]),
    "object ids": ([None], [0.5], ["ids", "object"]),
    "ids of 71 bits": ([2**70], [0.5], ["ids"]),
    "time ids": (np.array(["2020"], dtype="M8[s]"), [0.5], ["ids"]),
    "str scores": ([5], ["0.5"], ["scores", "float64"]),
    "complex scores": ([5], [1j], ["scores", "complex128"]),
    "masked scores": ([5], np.ma.masked_array([0.5], [True]), ["scores", "masked", "compressed"]),
    "masked ids": (np.ma.masked_array([5], [True]), [0.5], ["ids", "masked"]),
    "object scores": ([5], [None], ["scores", "object"]),
    "one id, no array": (5, 0.5, ["ids", "()"]),
    "a matrix of ids": ([[5, 5]], [0.5, 0.5], ["ids", "(1, 2)"]),
    "a column of scores": ([5, 5], [[0.5], [0.5]], ["scores", "(2, 1)"]),
    "fewer scores": ([5, 5, 5], [0.5, 0.5], ["3", "2"]),
    "no scores": ([5], [], ["1", "0"]),
    "ragged ids": ([[5], [5, 6]], [0.5, 0.5], ["ids"]),
    "None": (None, None, ["ids"]),
}


@pytest.mark.parametrize(("ids", "scores", "words"), BAD_BATCHES.values(), ids=BAD_BATCHES)
def test_a_batch_of_wrong_dtype_shape_or_length_is_refused(
    ids: Any, scores: Any, words: list[str], curriculum: Curriculum
) -> None:
    call = lambda c: c.update_many(ids, scores)  # noqa: E731
    check_refused(curriculum, call, lpcurr.InvalidBatchError, ValueError, words)


@pytest.mark.parametrize(
    ("ids", "scores", "error", "words"),
    [
        ([5, 5, 5], [0.1, 0.2, math.nan], lpcurr.InvalidScoreError, ["nan", "index 2"]),
        ([5, 5, 5], [0.1, -math.inf, 0.2], lpcurr.InvalidScoreError, ["-inf", "index 1"]),
        ([5, -1, 5], [0.1, 0.2, 0.3], lpcurr.InvalidTaskIdError, ["-1", "index 1"]),
        ([5, 5, 2**53], [0.1, 0.2, 0.3], lpcurr.InvalidTaskIdError, [str(2**53), "index 2"]),
    ],
)
def test_one_bad_value_in_a_batch_refuses_the_whole_batch(
    ids: list[int], scores: list[float], error: type[Exception], words: list[str], curriculum: Curriculum
) -> None:
    call = lambda c: c.update_many(np.array(ids), np.array(scores))  # noqa: E731
    check_refused(curriculum, call, error, ValueError, words)


@pytest.mark.parametrize(
    ("ids", "scores"),
    [
        ([5, 5], [1, 0]),
        (np.array([5, 5], dtype=np.int32), np.array([1.0, 0.0], dtype=np.float32)),
        ([5, 5], np.array([True, False])),
        (np.ma.masked_array([5, 5]), np.ma.masked_array([1.0, 0.0], [False, False])),
        (Tensor([5, 5]), Tensor([1.0, 0.0])),
        (np.array([5, 9, 5, 9])[::2], np.array([1.0, 0.0])),
        ((5, 5), (1.0, 0.0)),
    ],
)
def test_whatever_is_safely_an_array_of_ids_and_scores_is_taken(ids: Any, scores: Any, curriculum: Curriculum) -> None:
    assert curriculum.update_many(ids, scores) == 2
    state = curriculum.get_task_stats(TASK)
    assert state is not None
    assert (state["completion_count"], state["last_score"]) == (3, 0.0)


def test_an_empty_batch_does_nothing(curriculum: Curriculum) -> None:
    before = contents(curriculum)
    assert curriculum.update_many([], []) == 0
    assert curriculum.sample_ids(0).tolist() == []
    assert contents(curriculum) == before


@pytest.mark.parametrize("count", [-1, 1.5, "3", None, 10**30, 2**26 + 1], ids=str)
def test_a_number_of_draws_that_is_none_is_refused(count: Any, curriculum: Curriculum) -> None:
    call = lambda c: c.sample_ids(count)  # noqa: E731
    check_refused(curriculum, call, lpcurr.InvalidBatchError, ValueError, [str(count)])


QUERY_CALLS: dict[str, tuple[Call, list[str]]] = {
    "ragged ids to score": (lambda c: c.score_tasks([[1], [1, 2]]), ["ids"]),
    "float ids to score": (lambda c: c.score_tasks([5.0]), ["ids", "float64"]),
    "a matrix to evict from": (lambda c: c.recommend_eviction([[5]]), ["ids", "(1, 1)"]),
    "a minimum that is no number": (lambda c: c.recommend_eviction(None, "a"), ["min_presentations", "'a'"]),
    "a negative minimum": (lambda c: c.recommend_eviction(None, -1), ["min_presentations", "-1"]),
    "a broken minimum": (lambda c: c.evictable_tasks(None, 2.5), ["min_presentations", "2.5"]),
}
MISTAKEN_CALLS: dict[str, tuple[Call, type[Exception], str]] = {
    "a list as label": (lambda c: c.get_episode_stats(["x"]), lpcurr.InvalidLabelError, r"\['x'\] is a list"),
    "a ledger of nothing": (lambda c: lpcurr.TaskLedger(None), lpcurr.ConfigError, "None is a NoneType, not a Curr"),  # type: ignore[arg-type]
    "no state": (lambda c: lpcurr.TaskLedger(c).load_state_dict(7), lpcurr.CheckpointError, "7 is no state"),  # type: ignore[arg-type]
    "loose rewards": (lambda c: lpcurr.TaskLedger(c).report_rewards([1.0], 1.0), lpcurr.InvalidBatchError, "pairs"),  # type: ignore[list-item]
    "one generator to merge": (lambda c: lpcurr.merge(5), lpcurr.ConfigError, "'int' object is not iterable"),  # type: ignore[arg-type]
    "one weight": (lambda c: lpcurr.merge([lambda i: i], 5), lpcurr.ConfigError, "'int' object is not iterable"),  # type: ignore[arg-type]
    "a timeout that is none": (
        lambda c: lpcurr.attach("x", timeout="5"),
        lpcurr.ConfigError,
        "timeout '5'.*give seconds",
    ),  # type: ignore[arg-type]
    "a text as tasks": (lambda c: c.evaluation("abc"), lpcurr.ConfigError, "'abc': give a list"),
    "a mask as distinct": (lambda c: c.sample_ids(2, distinct=np.ones(2, bool)), lpcurr.ConfigError, "give True or"),  # type: ignore[arg-type]
    "a word as distinct": (lambda c: c.sample_tasks(2, distinct="no"), lpcurr.ConfigError, "distinct is 'no'"),  # type: ignore[arg-type]
    "a mask as again": (lambda c: lpcurr.TaskLedger(c).take(1, again=np.ones(2, bool)), lpcurr.ConfigError, "again"),  # type: ignore[arg-type]
    "again of a drop": (lambda c: c.drop_unplayable(5, again=[]), lpcurr.ConfigError, r"again is \[\]"),  # type: ignore[arg-type]
    "tables for a moment": (lambda c: c.moment(tables_only="no"), lpcurr.ConfigError, "tables_only is 'no'"),  # type: ignore[arg-type]
    "another generator": (lambda c: c.load_state(c.get_state(), replace_generator=1), lpcurr.ConfigError, "is 1 of"),  # type: ignore[arg-type]
    "yes for a count": (lambda c: c.sample_ids(True), lpcurr.InvalidBatchError, "is True, not an integer"),
    "yes for an id": (lambda c: c.evict(True), lpcurr.InvalidTaskIdError, "task id True"),
    "a file as ids": (lambda c: c.update_many(io.BytesIO(), [1.0]), lpcurr.InvalidBatchError, "ids"),  # type: ignore[arg-type]
    "no scores": (lambda c: c.update_many([5], None), lpcurr.InvalidBatchError, "scores has"),  # type: ignore[arg-type]
    "a fuzzy threshold": (
        lambda c: lpcurr.TaskLedger(c).report_rewards([], np.ones(2)),
        lpcurr.InvalidScoreError,
        "one num",
    ),  # type: ignore[arg-type]
    "a dict as config": (lambda c: lpcurr.Curriculum.load("x", config={}), lpcurr.ConfigError, "not a CurriculumConf"),  # type: ignore[arg-type]
    "a mask as label": (
        lambda c: lpcurr.bucketed({"a": 1}).add_bucket("a", [1], label=[1]),
        lpcurr.ConfigError,
        "give",
    ),  # type: ignore[arg-type]
    "no bucket": (lambda c: lpcurr.bucketed({"a": 1}).add_bucket("a", np.array(1)), lpcurr.ConfigError, "a bucket is"),  # type: ignore[arg-type]
    "half a task": (lambda c: lpcurr.bucketed({"a": 1}).build(1.5), TypeError, "'float'"),  # type: ignore[arg-type]
    "a timeout without end": (lambda c: lpcurr.attach("x", timeout=np.nan), lpcurr.SessionNotFoundError, "'x'"),
}


@pytest.mark.parametrize(("call", "kind", "words"), MISTAKEN_CALLS.values(), ids=MISTAKEN_CALLS)
def test_what_is_taken_for_something_else_is_refused_in_a_sentence(
    call: Call, kind: type[Exception], words: str, curriculum: Curriculum
) -> None:
    with pytest.raises(kind, match=words):
        call(curriculum)


@pytest.mark.parametrize(("call", "words"), QUERY_CALLS.values(), ids=QUERY_CALLS)
def test_a_question_with_bad_arguments_is_refused(call: Call, words: list[str], curriculum: Curriculum) -> None:
    check_refused(curriculum, call, lpcurr.InvalidBatchError, ValueError, words)


# -- tasks and labels -----------------------------------------------------------------------------------------------


def test_a_task_is_not_added_twice(curriculum: Curriculum) -> None:
    call = lambda c: c.add_task(TASK, "another")  # noqa: E731
    check_refused(curriculum, call, lpcurr.DuplicateTaskError, ValueError, [str(TASK)])


def test_no_task_is_added_to_a_full_pool(curriculum: Curriculum) -> None:
    for task_id in (1, 2, 3):
        curriculum.add_task(task_id)
    check_refused(curriculum, lambda c: c.add_task(4, "new"), lpcurr.PoolFullError, RuntimeError, ["4 tasks"])
    curriculum.evict(2)
    curriculum.add_task(4)


BAD_LABELS: dict[str, tuple[Any, list[str]]] = {
    "too long": ("x" * 121, ["121", "120"]),
    "too long in UTF-8": ("ü" * 61, ["122", "120"]),
    "a pair": ((5, 6), ["(5, 6)", "tuple"]),
    "bytes": (b"five", ["bytes"]),
    "a surrogate": ("\ud800", ["surrogates"]),
}


@pytest.mark.parametrize(("label", "words"), BAD_LABELS.values(), ids=BAD_LABELS)
def test_a_label_that_is_no_short_string_is_refused(label: Any, words: list[str], curriculum: Curriculum) -> None:
    call = lambda c: c.add_task(7, label)  # noqa: E731
    check_refused(curriculum, call, lpcurr.InvalidLabelError, ValueError, words)


def test_an_evaluation_takes_no_other_label_either(curriculum: Curriculum) -> None:
    for label in ([], 5, None):
        with pytest.raises(lpcurr.InvalidLabelError, match="not a string"):
            curriculum.evaluation([1, 2]).get_episode_stats(label)  # type: ignore[arg-type]


@pytest.mark.parametrize("tasks", [[], ()], ids=["list", "tuple"])
def test_a_list_without_tasks_is_refused_wherever_it_is_given(tasks: Any, tmp_path: Path) -> None:
    with make(task_generator=None) as curriculum:
        curriculum.save(tmp_path / "pool.lpc")
    for take in (CurriculumConfig().make, lambda given: Curriculum.load(tmp_path / "pool.lpc", given)):
        with pytest.raises(lpcurr.ConfigError, match="the list of tasks is empty"):
            take(tasks)


@pytest.mark.parametrize(
    "label", ["x" * 120, "ü" * 60, "a/b c\n\0", "🙂", ""], ids=["120", "utf-8", "odd", "4", "empty"]
)
def test_a_label_of_up_to_120_bytes_comes_back_as_it_was(label: str, curriculum: Curriculum) -> None:
    curriculum.add_task(7, label)
    assert curriculum.get_task_stats(7)["label"] == label  # type: ignore[index]
    assert curriculum.stats()[f"algorithm/pool_composition/{label}"] == 1.0
    assert curriculum.find_violations() == []


def test_a_fixed_set_without_tasks_has_nothing_to_draw() -> None:
    with make(defer_init=True) as curriculum:
        for call in (lambda c: c.get_task(), lambda c: c.sample_ids(2)):
            check_refused(curriculum, call, lpcurr.PoolEmptyError, RuntimeError, ["defer_init", "add_task"])


# -- late results ---------------------------------------------------------------------------------------------------


def test_a_late_result_is_refused_counted_and_answered_with_false(curriculum: Curriculum) -> None:
    curriculum.evict(TASK)
    assert curriculum.update_task_performance(TASK, 0.5) is False
    curriculum.add_task(8)  # moves into the slot that task 5 had
    assert curriculum.update_many([TASK, 8, 123, TASK], [0.5, 0.75, 0.5, 0.5]) == 1
    figures = curriculum.stats()
    assert (figures["num_refused"], figures["num_completed"]) == (4, 2)
    state = curriculum.get_task_stats(8)
    assert state is not None
    assert (state["completion_count"], state["total_score"]) == (1, 0.75)
    assert curriculum.find_violations() == []


def test_a_task_that_comes_back_begins_anew(curriculum: Curriculum) -> None:
    curriculum.evict(TASK)
    curriculum.add_task(TASK)
    state = curriculum.get_task_stats(TASK)
    assert state is not None
    assert (state["completion_count"], state["reward_ema"], state["label"]) == (0, 0.0, "unknown")


# -- configurations -------------------------------------------------------------------------------------------------

BAD_CONFIGS: dict[str, tuple[Callable[[], object], list[str]]] = {
    "no capacity": (lambda: CurriculumConfig(num_active_tasks=0), ["num_active_tasks=0", "1"]),
    "too large": (lambda: CurriculumConfig(num_active_tasks=1_000_001), ["1000001", "1000000"]),
    "too large, algorithm": (lambda: DiscreteRandomConfig(num_active_tasks=1_000_001), ["1000001", "1000000"]),
    "half a task": (lambda: CurriculumConfig(num_active_tasks=1.5), ["num_active_tasks=1.5"]),  # type: ignore[arg-type]
    "misspelt": (lambda: CurriculumConfig(num_active_task=4), ["num_active_task=4", "'num_active_tasks'"]),
    "misspelt algorithm": (lambda: LearningProgressConfig(ema_timescle=0.1), ["ema_timescle", "'ema_timescale'"]),
    "misspelt preset": (lambda: LearningProgressConfig.stable(min_samples=3), ["min_samples", "min_samples_for_lp"]),
    "misspelt inside": (
        lambda: CurriculumConfig(algorithm_config={"type": "learning_progress", "tau": 1}),
        ["algorithm_config", "tau"],
    ),
    "unknown algorithm": (lambda: CurriculumConfig(algorithm_config={"type": "magic"}), ["algorithm_config", "magic"]),
    "no algorithm": (lambda: CurriculumConfig(algorithm_config={}), ["algorithm_config", "type"]),
    "two sizes": (
        lambda: CurriculumConfig(num_active_tasks=5, algorithm_config=LearningProgressConfig(num_active_tasks=6)),
        ["num_active_tasks=5", "6"],
    ),
    "negative seed": (lambda: CurriculumConfig(seed=-1), ["seed=-1"]),
    "huge seed": (lambda: CurriculumConfig(seed=2**63), ["seed"]),
    "a bad session id": (lambda: CurriculumConfig(session_id="a b"), ["session_id", "a b"]),
    "a long session id": (lambda: CurriculumConfig(session_id="x" * 21), ["session_id"]),
    "a generator that is none": (lambda: CurriculumConfig(task_generator=5), ["task_generator"]),  # type: ignore[arg-type]
    "nan": (lambda: LearningProgressConfig(exploration_bonus=math.nan), ["exploration_bonus"]),
    "infinite": (lambda: LearningProgressConfig(lp_score_temperature=math.inf), ["lp_score_temperature"]),
    "rate 0": (lambda: LearningProgressConfig(ema_timescale=0.0), ["ema_timescale=0.0", "greater than 0"]),
    "share 2": (lambda: LearningProgressConfig(rand_task_rate=2), ["rand_task_rate=2", "1"]),
    "negative": (lambda: LearningProgressConfig(z_score_amplification=-1), ["z_score_amplification=-1", "0"]),
    "percentile": (lambda: LearningProgressConfig(eviction_threshold_percentile=1.1), ["1.1", "1"]),
    "no attempts": (lambda: CurriculumConfig(max_task_attempts=0), ["max_task_attempts=0", "1"]),
    "other words": (lambda: LearningProgressConfig(exploration="some"), ["exploration", "some"]),  # type: ignore[arg-type]
}


@pytest.mark.parametrize(("make_config", "words"), BAD_CONFIGS.values(), ids=BAD_CONFIGS)
def test_a_bad_configuration_is_a_config_error_that_names_field_value_and_limit(
    make_config: Callable[[], object], words: list[str]
) -> None:
    with pytest.raises(lpcurr.ConfigError) as caught:
        make_config()
    assert isinstance(caught.value, ValueError)
    for word in words:
        assert word in str(caught.value)


def test_an_assignment_that_is_refused_is_a_config_error_and_leaves_the_config_as_it_was() -> None:
    config = CurriculumConfig(num_active_tasks=5)
    before = config.model_copy(deep=True)
    for name, value in (("num_active_tasks", 0), ("algorithm_config", LearningProgressConfig(num_active_tasks=6))):
        with pytest.raises(lpcurr.ConfigError, match="num_active_tasks"):
            setattr(config, name, value)
        assert config == before
    with pytest.raises(lpcurr.ConfigError):
        config.num_active_task = 4  # type: ignore[attr-defined]


def test_two_generators_contradict_each_other() -> None:
    config = CurriculumConfig(num_active_tasks=4, task_generator=dict)  # type: ignore[arg-type]
    with pytest.raises(lpcurr.ConfigError, match="two task generators"):
        Curriculum(config, task_generator=dict)  # type: ignore[arg-type]


def test_a_session_id_in_use_is_not_taken_again() -> None:
    name = f"twice-{os.getpid()}"
    with CurriculumConfig(num_active_tasks=4, session_id=name).make() as curriculum:
        curriculum.add_task(1)
        with pytest.raises(lpcurr.ConfigError, match=name):
            CurriculumConfig(num_active_tasks=4, session_id=name).make()
        with lpcurr.attach(name) as other:
            assert other.get_task_stats(1) is not None


def test_a_configuration_is_asked_for_without_a_generator(curriculum: Curriculum) -> None:
    for call in (lambda c: c.build(3), lambda c: c.slice_values(3), lambda c: c.get_task().get_env_cfg()):
        with pytest.raises(lpcurr.ConfigError, match="no task generator"):
            call(curriculum)


# -- use after close ------------------------------------------------------------------------------------------------

CLOSED_CALLS: dict[str, Call] = {
    "get_task": lambda c: c.get_task(),
    "update_task_performance": lambda c: c.update_task_performance(TASK, 0.5),
    "get_episode_stats": lambda c: c.get_episode_stats("five"),
    "sample_ids": lambda c: c.sample_ids(3),
    "sample_tasks": lambda c: c.sample_tasks(3),
    "update_many": lambda c: c.update_many([TASK], [0.5]),
    "update_each": lambda c: c.update_each([TASK], [0.5]),
    "add_task": lambda c: c.add_task(6),
    "evict": lambda c: c.evict(TASK),
    "drop_task": lambda c: c.drop_task(TASK),
    "drop_unplayable": lambda c: c.drop_unplayable(TASK),
    "build": lambda c: c.build(TASK),
    "slice_values": lambda c: c.slice_values(TASK),
    "use": lambda c: c.use(LearningProgressConfig()),
    "moment": lambda c: c.moment(),
    "columns": lambda c: c.columns(),
    "statistics": lambda c: c.statistics(),
    "append_tasks": lambda c: c.append_tasks(["one"]),
    "task_list": lambda c: c.task_list(),
    "num_active_tasks": lambda c: c.num_active_tasks,
    "update_groups": lambda c: c.update_groups([TASK], [1], [2]),
    "on_epoch_end": lambda c: c.on_epoch_end(),
    "recommend_eviction": lambda c: c.recommend_eviction(),
    "evictable_tasks": lambda c: c.evictable_tasks(),
    "get_task_score": lambda c: c.get_task_score(TASK),
    "score_tasks": lambda c: c.score_tasks([TASK]),
    "probabilities": lambda c: c.probabilities(),
    "get_task_stats": lambda c: c.get_task_stats(TASK),
    "stats": lambda c: c.stats(),
    "calculate_gini_coefficients": lambda c: c.calculate_gini_coefficients(),
    "calculate_per_label_mean_lp_stats": lambda c: c.calculate_per_label_mean_lp_stats(),
    "calculate_raw_lp_debug_stats": lambda c: c.calculate_raw_lp_debug_stats(),
    "process_counters": lambda c: c.process_counters(),
    "record": lambda c: c.record("never_written.log"),
    "count_steps": lambda c: c.count_steps(3),
    "find_violations": lambda c: c.find_violations(),
    "__reduce__": pickle.dumps,
}
AFTER_CLOSE = {"config", "evaluation", "close", "unlink", "closed", "session_id"}
ELSEWHERE = {
    "save",
    "load",
    "get_state",
    "load_state",
    "state_dict",
    "load_state_dict",
    "replay",
}  # tests/checkpoint, tests/test_recording.py


def test_every_public_method_is_tried_after_close() -> None:
    public = {name for name in dir(Curriculum) if not name.startswith("_")}
    assert public - AFTER_CLOSE - ELSEWHERE == set(CLOSED_CALLS) - {"__reduce__"}


@pytest.mark.parametrize("shared", [True, False], ids=["shared", "local"])
@pytest.mark.parametrize("algorithm", [LearningProgressConfig(), DiscreteRandomConfig()], ids=lambda a: str(a.type))
@pytest.mark.parametrize("method", CLOSED_CALLS)
def test_any_use_after_close_is_an_error_that_says_so(method: str, algorithm: Any, shared: bool) -> None:
    config = CurriculumConfig(num_active_tasks=4, use_shared_memory=shared, algorithm_config=algorithm)
    with config.make(task_generator=dict) as curriculum:  # type: ignore[arg-type]
        curriculum.add_task(TASK)
        curriculum.close()
        with pytest.raises(lpcurr.PoolClosedError, match="closed") as caught:
            CLOSED_CALLS[method](curriculum)
        assert isinstance(caught.value, RuntimeError)


def test_closing_twice_and_looking_at_what_is_closed_is_no_error() -> None:
    curriculum = make(use_shared_memory=True)
    curriculum.close()
    curriculum.close()
    assert curriculum.closed
    assert "closed" in repr(curriculum)
    curriculum.unlink()
    curriculum.unlink()


# -- attaching ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("session_id", ["nothing_here", "", "a/b", "../x", "x" * 21, "a\0b", "ü", None, 5], ids=repr)
def test_a_session_that_does_not_exist_is_not_found(session_id: Any) -> None:
    with pytest.raises(lpcurr.SessionNotFoundError) as caught:
        lpcurr.attach(session_id)
    assert isinstance(caught.value, FileNotFoundError)
    assert repr(session_id) in str(caught.value)


def test_a_session_that_has_ended_is_not_found() -> None:
    with make(use_shared_memory=True) as curriculum:
        session_id = curriculum.session_id
    with pytest.raises(lpcurr.SessionNotFoundError, match=str(session_id)):
        lpcurr.attach(str(session_id))


@pytest.fixture
def forge() -> Iterator[Callable[[bytes], str]]:
    """Puts any bytes into shared memory under a session id of its own."""
    paths: list[Path] = []

    def write(content: bytes) -> str:
        session_id = f"forged{secrets.token_hex(4)}"
        paths.append(Path("/dev/shm") / f"{NAME_PREFIX}{session_id}")
        paths[-1].write_bytes(content)
        paths[-1].chmod(0o600)
        return session_id

    yield write
    for path in paths:
        path.unlink()


@pytest.fixture(scope="module")
def sound_segment() -> bytes:
    with CurriculumConfig(num_active_tasks=4).make() as curriculum:
        curriculum.get_task()
        return (Path("/dev/shm") / f"{NAME_PREFIX}{curriculum.session_id}").read_bytes()


def with_header(content: bytes, **values: float) -> bytes:
    changed = np.frombuffer(content, dtype=np.uint8).copy()
    header = changed[: layout.HEADER.itemsize].view(layout.HEADER)
    for name, value in values.items():
        header[name] = value
    return changed.tobytes()


def with_config(content: bytes, text: bytes) -> bytes:
    header = np.frombuffer(content, dtype=layout.HEADER, count=1)[0]
    assert len(text) <= header["config_size0"]
    start = int(header["config_offset"])
    return with_header(content[:start] + text.ljust(len(content) - start), config_size0=len(text))


def config_of(content: bytes) -> dict[str, Any]:
    header = np.frombuffer(content, dtype=layout.HEADER, count=1)[0]
    start = int(header["config_offset"])
    stored: dict[str, Any] = json.loads(content[start : start + int(header["config_size0"])])
    return stored


def test_the_forger_can_make_a_segment_that_is_attached(forge: Callable[[bytes], str], sound_segment: bytes) -> None:
    text = json.dumps(config_of(sound_segment), separators=(",", ":")).encode()
    with lpcurr.attach(forge(with_config(sound_segment, text))) as curriculum:
        assert curriculum.stats()["num_active_tasks"] == 1


FORGERIES: dict[str, tuple[Callable[[bytes], bytes], list[str]]] = {
    "empty": (lambda _: b"", []),
    "a few bytes": (lambda _: b"hello", ["header"]),
    "random bytes": (lambda _: np.random.default_rng(0).bytes(100_000), ["not an lpcurr pool"]),
    "zeros": (lambda content: bytes(len(content)), ["not an lpcurr pool"]),
    "not finished": (lambda content: with_header(content, magic=0), ["finished"]),
    "other magic": (lambda content: with_header(content, magic=layout.MAGIC + 1), ["not an lpcurr pool"]),
    "older layout": (
        lambda content: with_header(content, layout_version=layout.LAYOUT_VERSION - 1),
        [f"version is {layout.LAYOUT_VERSION - 1}", f"has {layout.LAYOUT_VERSION}"],
    ),
    "newer layout": (
        lambda content: with_header(content, layout_version=layout.LAYOUT_VERSION + 1),
        [f"version is {layout.LAYOUT_VERSION + 1}"],
    ),
    "truncated": (lambda content: content[: len(content) // 2], ["damaged"]),
    "truncated to the header": (lambda content: content[: layout.HEADER.itemsize], ["damaged"]),
    "no capacity": (lambda content: with_header(content, capacity=0), ["capacity 0"]),
    "negative capacity": (lambda content: with_header(content, capacity=-4), ["capacity -4"]),
    "huge capacity": (lambda content: with_header(content, capacity=2**60), ["capacity"]),
    "another capacity": (lambda content: with_header(content, capacity=400_000), ["capacity 400000"]),
    "huge size": (lambda content: with_header(content, segment_size=2**50), ["size"]),
    "config beyond the end": (lambda content: with_header(content, config_offset=2**50), ["config_offset"]),
    "more tasks than slots": (lambda content: with_header(content, active_count=5), ["active_count is 5"]),
    "a seed below 0": (lambda content: with_header(content, seed=-1), ["seed is -1"]),
    "a third configuration": (lambda content: with_header(content, config_valid=2**20), ["config_valid"]),
    "a mask of no table": (lambda content: with_header(content, index_mask=2**31), ["index_mask"]),
    "a log beyond the end": (lambda content: with_header(content, log_capacity=2**40), ["log_"]),
    "an overfull journal": (lambda content: with_header(content, journal_count=2**31), ["journal_count"]),
    "sums that are no numbers": (lambda content: with_header(content, square_high=math.nan), ["square_high is nan"]),
    "config that is no text": (lambda content: with_config(content, b"\xff\xfe\x00"), ["configuration"]),
    "config that is no JSON": (lambda content: with_config(content, b"{"), ["configuration"]),
    "config that is a list": (lambda content: with_config(content, b"[]"), ["configuration"]),
    "config that is a number": (lambda content: with_config(content, b"5"), ["configuration"]),
    "config with a stranger": (lambda content: with_config(content, b'{"colour": 1}'), ["configuration", "colour"]),
    "config with a bad value": (lambda content: with_config(content, b'{"num_active_tasks": 0}'), ["configuration"]),
}


@pytest.mark.parametrize(("change", "words"), FORGERIES.values(), ids=FORGERIES)
def test_what_is_not_a_pool_of_this_version_is_not_attached(
    change: Callable[[bytes], bytes], words: list[str], forge: Callable[[bytes], str], sound_segment: bytes
) -> None:
    session_id = forge(change(sound_segment))
    with pytest.raises(lpcurr.SessionIncompatibleError) as caught:
        lpcurr.attach(session_id)
    assert isinstance(caught.value, ValueError)
    for word in [session_id, *words]:
        assert word in str(caught.value)


@pytest.mark.parametrize("forgery", [name for name in FORGERIES if not name.startswith("config")])
def test_what_is_not_a_pool_is_listed_with_its_problem_and_not_watched(
    forgery: str, forge: Callable[[bytes], str], sound_segment: bytes
) -> None:
    session_id = forge(FORGERIES[forgery][0](sound_segment))
    assert [session.problem != "" for session in list_sessions() if session.session_id == session_id] == [True]
    with pytest.raises(lpcurr.SessionIncompatibleError, match=session_id):
        SessionReader(session_id)


def test_a_configuration_that_is_no_json_is_not_shown(forge: Callable[[bytes], str], sound_segment: bytes) -> None:
    reader = SessionReader(forge(with_header(sound_segment, config_size0=7)))
    with pytest.raises(lpcurr.SessionIncompatibleError, match="its configuration is damaged"):
        reader.config()
    reader.close()


def _damage(state: np.ndarray[Any, np.dtype[np.void]], name: str, value: int) -> None:
    cells = state["label_table"][name] if name == "name_size" else layout.cells(state, name)
    cells[...] = value


@pytest.mark.parametrize(
    "name", ["active", "position", "rank_left", "index", "member", "label", "name_size", "task_id"]
)
def test_cells_that_lead_out_of_the_memory_are_found_before_anything_goes_by_them(
    name: str, forge: Callable[[bytes], str], sound_segment: bytes
) -> None:
    hostile = {"label": 2**40, "task_id": -2}.get(name, 2**30)
    with make() as curriculum:
        state = curriculum._pool.state
        state["header"]["rank_root"] = 0  # else weights lie where its tree does
        _damage(state, name, hostile)
        assert name in curriculum.find_violations()[0]
        with pytest.raises(lpcurr.PoolLostError, match=name):
            curriculum.get_state()
    changed = np.frombuffer(sound_segment, dtype=np.uint8).copy()
    dtype = layout.segment_dtype(4)
    state = changed[: dtype.itemsize].view(dtype)
    state["header"]["rank_root"] = 0
    _damage(state, name, hostile)
    session_id = forge(changed.tobytes())
    with pytest.raises(lpcurr.SessionIncompatibleError, match=name):
        lpcurr.attach(session_id)
    with pytest.raises(lpcurr.SessionIncompatibleError, match=name):
        SessionReader(session_id).moment()


@pytest.mark.parametrize(("name", "value"), [("capacity", 0), ("process_room", 2**31), ("high_water", -1)])
def test_a_header_that_was_damaged_in_use_is_found_before_the_pool_is_copied(name: str, value: int) -> None:
    with make() as curriculum:
        header = curriculum._pool.state["header"]
        before = header[name].copy()
        header[name] = value
        for call in (curriculum.find_violations, curriculum.stats, curriculum.get_state):
            with pytest.raises(lpcurr.PoolLostError, match=f"{name}.*{value}"):
                call()
        header[name] = before


@pytest.mark.parametrize(("name", "value"), [("completed", -1), ("scheduled", -1), ("config_size0", 0)])
def test_numbers_that_no_pool_has_are_refused_by_a_checkpoint(name: str, value: int) -> None:
    with make() as curriculum:
        curriculum._pool.state["header"][name] = value
        with pytest.raises(lpcurr.CheckpointError, match="this pool's checkpoint"):
            curriculum.get_state()


def test_an_attachment_that_fails_gives_its_process_record_back(
    forge: Callable[[bytes], str], sound_segment: bytes
) -> None:
    session_id = forge(with_config(sound_segment, b"{"))
    for _ in range(layout.PROCESS_STEP + 1):
        with pytest.raises(lpcurr.SessionIncompatibleError):
            lpcurr.attach(session_id)
    header = (Path("/dev/shm") / f"{NAME_PREFIX}{session_id}").read_bytes()[: layout.HEADER.itemsize]
    assert np.frombuffer(header, layout.HEADER)["process_room"] == layout.PROCESS_STEP


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_pool_of_another_user_is_not_attached(forge: Callable[[bytes], str], sound_segment: bytes) -> None:
    session_id = forge(sound_segment)
    os.chown(Path("/dev/shm") / f"{NAME_PREFIX}{session_id}", 12345, 12345)
    with pytest.raises(lpcurr.SessionIncompatibleError, match="12345"):
        lpcurr.attach(session_id)


# -- generators that fail -------------------------------------------------------------------------------------------


class Picky:
    """Fails on the ids for which ``bad`` says so."""

    def __init__(self, bad: Callable[[int], bool]) -> None:
        self.bad = bad

    def __call__(self, task_id: int) -> dict[str, int]:
        if self.bad(task_id):
            raise ZeroDivisionError("no such maze")
        return {"id": task_id}


@pytest.mark.parametrize("draw", [lambda c: c.get_task(), lambda c: c.sample_ids(1)], ids=["get_task", "sample_ids"])
def test_a_generator_that_always_fails_ends_in_an_error_after_the_limit(draw: Call) -> None:
    config = CurriculumConfig(num_active_tasks=4, seed=0, use_shared_memory=False, max_task_attempts=7)
    with config.make(task_generator=Picky(lambda _: True)) as curriculum:
        with pytest.raises(lpcurr.TaskGenerationError) as caught:
            draw(curriculum)
        assert isinstance(caught.value, RuntimeError)
        for word in ("7 tasks", "max_task_attempts", "ZeroDivisionError", "no such maze"):
            assert word in str(caught.value)
        figures = curriculum.stats()
        assert (figures["num_dropped"], figures["num_active_tasks"], figures["num_created"]) == (7, 0, 7)
        assert curriculum.find_violations() == []


@pytest.mark.parametrize("draw", ["get_task", "sample_ids"])
def test_tasks_that_cannot_be_built_are_dropped_and_never_handed_out(draw: str) -> None:
    algorithm = LearningProgressConfig(min_samples_for_lp=1, new_task_rate=1.0)
    config = CurriculumConfig(
        num_active_tasks=8,
        seed=0,
        use_shared_memory=False,
        min_presentations_for_eviction=1,
        algorithm_config=algorithm,
    )
    bad: Callable[[int], bool] = lambda task_id: task_id % 3 == 0  # noqa: E731
    with config.make(task_generator=Picky(bad)) as curriculum:
        played: list[int] = []
        for _ in range(40):
            if draw == "get_task":
                tasks = [curriculum.get_task() for _ in range(5)]
                assert all(task.get_env_cfg() == {"id": task.task_id} for task in tasks)
                ids = [task.task_id for task in tasks]
            else:
                ids = curriculum.sample_ids(5).tolist()
            curriculum.update_many(ids, [0.5] * 5)
            played += ids
        assert not [task_id for task_id in played if bad(task_id)]
        figures = curriculum.stats()
        assert figures["num_dropped"] > 10
        assert figures["num_created"] - figures["num_evicted"] == figures["num_active_tasks"]
        assert figures["num_evicted"] > figures["num_dropped"]
        assert curriculum.find_violations() == []


def test_a_given_task_that_cannot_be_built_is_passed_over_and_stays() -> None:
    config = CurriculumConfig(num_active_tasks=8, seed=0, use_shared_memory=False, defer_init=True)
    with config.make(task_generator=Picky(lambda task_id: task_id == 3)) as curriculum:
        curriculum.add_task(3)
        curriculum.add_task(4)
        assert {curriculum.get_task().task_id for _ in range(20)} == {4}
        assert curriculum.get_task_stats(3) is not None  # a fixed set keeps its tasks
        curriculum.evict(4)
        with pytest.raises(lpcurr.TaskGenerationError, match="in a row"):
            curriculum.get_task()
        assert curriculum.stats()["num_dropped"] == 0
        with pytest.raises(lpcurr.TaskGenerationError, match="no such maze"):
            curriculum.build(3)


# -- values that cannot be written, or not shown ----------------------------------------------------------------------

HUGE = 10**5000  # of more digits than str() writes


@pytest.mark.parametrize(
    "call",
    [
        *(lambda c, name=name: getattr(c, name)(HUGE) for name in ("add_task", "evict", "drop_task", "build")),
        *(lambda c, name=name: getattr(c, name)(-HUGE) for name in ("get_task_stats", "get_task_score")),
        lambda c: c.slice_values(-HUGE),
        *(lambda c, name=name: getattr(c, name)(HUGE) for name in ("sample_ids", "sample_tasks")),
        lambda c: c.sample_ids(-HUGE),
        lambda c: c.count_steps(-HUGE),
        lambda c: c.update_task_performance(HUGE, 0.5),
        lambda c: c.update_task_performance(TASK, HUGE),
        lambda c: c.update_task_performance(TASK, 0.5, signal=[HUGE]),
        lambda c: c.update_many([TASK], [HUGE]),
        lambda c: c.add_task(6, HUGE),
        lambda c: c.add_task(6, success_threshold=HUGE),
        lambda c: c.evaluation([HUGE]),
        lambda c: lpcurr.attach(HUGE),
        lambda c: c.load_state(c.get_state() | {"format": HUGE}),
        lambda c: c.load_state(c.get_state() | {"version": HUGE}),
        lambda c: CurriculumConfig(seed=HUGE),
        lambda c: CurriculumConfig(num_active_tasks=[HUGE]),
        lambda c: CurriculumConfig(session_id=HUGE),
        lambda c: lpcurr.Span(1, HUGE),
        lambda c: CurriculumConfig(tasks=[{"n": HUGE}], use_shared_memory=True).make(),
    ],
)
def test_integers_of_thousands_of_digits_are_refused_in_a_sentence(call: Call, curriculum: Curriculum) -> None:
    with pytest.raises(lpcurr.LpcurrError) as caught:
        call(curriculum)
    assert len(str(caught.value)) < 1000


def test_what_a_message_shows_is_short_whatever_the_value_is() -> None:
    class Unshowable:
        def __repr__(self) -> str:
            raise ZeroDivisionError

    for value, text in ((Unshowable(), "<Unshowable>"), ([HUGE], "<list>"), (-HUGE, "<int of 16610 bits>")):
        assert shown(value) == text
    assert shown("a" * 10**6) == f"'{'a' * 159} … {'a' * 39}'"


def nested() -> list[Any]:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    return deep


def looped() -> dict[str, Any]:
    loop: dict[str, Any] = {}
    loop["a"] = loop
    return loop


@pytest.mark.parametrize("make", [nested, looped, lambda: [looped()]], ids=["deep", "loop", "loop in a list"])
def test_what_is_nested_without_end_is_refused_in_a_sentence(make: Callable[[], Any], curriculum: Curriculum) -> None:
    value = make()
    calls: list[Callable[[], object]] = [
        lambda: CurriculumConfig(tasks=[value]),
        lambda: CurriculumConfig(task_generator={"type": "single", "env": {"a": value}}),
        lambda: lpcurr.single_task(value),
        lambda: lpcurr.bucketed({"a": 1}).add_bucket("a", [value]),
    ]
    for call in calls:
        with pytest.raises(ValueError, match="nested too deeply, or contains itself"):
            call()
    for name in ("format", "version", "seed"):
        with pytest.raises(lpcurr.CheckpointError, match="refused"):
            curriculum.load_state(curriculum.get_state() | {name: value})
    with CurriculumConfig(tasks=["a"], num_active_tasks=3).make() as listed:
        with pytest.raises(lpcurr.ConfigError, match="cannot be written"):
            listed.append_tasks([value])
        assert listed.append_tasks(["b"]).tolist() == [1]
        listed.unlink()


def test_steps_are_counted_up_to_what_a_float_holds(curriculum: Curriculum) -> None:
    for count in (7, 2**62, 2**62, HUGE):
        curriculum.count_steps(count)
    assert curriculum._pool.state["process"]["steps"][0, curriculum._pool.process] == 2**53


def test_times_are_no_scores(curriculum: Curriculum) -> None:
    for time in (np.datetime64(5, "ns"), np.timedelta64(5, "ns"), np.array([5], "m8[s]"), np.array(5, "M8[ns]")):
        with pytest.raises(lpcurr.InvalidScoreError, match="not a number"):
            curriculum.update_task_performance(TASK, time)


def test_groups_of_more_attempts_than_fit_into_memory_are_refused(curriculum: Curriculum) -> None:
    with pytest.raises(lpcurr.InvalidBatchError, match="5,242,880,000 attempts"):
        curriculum.update_groups(np.full(5000, TASK), np.zeros(5000, int), np.full(5000, 2**20))


def test_what_is_appended_may_be_any_iterable() -> None:
    with CurriculumConfig(tasks=["a"], num_active_tasks=9, use_shared_memory=False).make() as listed:
        assert listed.append_tasks(iter("bc"), labels=iter("xy")).tolist() == [1, 2]
        for wrong in ({"tasks": None}, {"tasks": ["d"], "labels": 5}):
            with pytest.raises(lpcurr.ConfigError, match=r"tasks is|labels are"):
                listed.append_tasks(**wrong)
