"""CurriculumEnv in Gymnasium's vector environments: every end of an episode is accounted for, in one pool."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import AsyncVectorEnv, AutoresetMode, SyncVectorEnv, VectorEnv
from gymnasium.wrappers.vector import DictInfoToList

from lpcurr import (
    Curriculum,
    CurriculumConfig,
    CurriculumEnv,
    DiscreteRandomConfig,
    LearningProgressConfig,
    TaskGenerationError,
)

from .sample_tasks import Countdown, LakeTasks, lake_map, make_attached_lake, make_impossible_lake, make_lake

Vector = VectorEnv[Any, Any, Any]
Infos = dict[str, Any]

MODES = [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP, AutoresetMode.DISABLED]
CAPACITY = 8


class Ending(NamedTuple):
    """The end of one episode, as the trainer sees it."""

    env: int
    task_id: int
    label: str
    score: float
    accepted: bool


@pytest.fixture
def curriculum() -> Iterator[Curriculum]:
    """A shared pool whose tasks stay once it is full."""
    config = CurriculumConfig(num_active_tasks=CAPACITY, seed=0, algorithm_config=DiscreteRandomConfig())
    with config.make(LakeTasks()) as curriculum:
        yield curriculum


def mask(infos: Infos, key: str, size: int) -> Any:
    """Which environments have a key, bool[size]; all False where none has."""
    return infos.get(f"_curriculum/{key}", np.zeros(size, dtype=np.bool_))


def endings_in(infos: Infos, done: Any, playing: Any) -> list[Ending]:
    """The endings of the environments that are done, which are those with a score and play what they began."""
    columns = [infos.get(f"curriculum/{name}") for name in ("task_id", "label", "score", "accepted")]
    for name in ("score", "accepted"):
        assert mask(infos, name, len(done)).tolist() == done.tolist()
    if not done.any():
        return []
    assert [column.dtype for column in columns if column is not None] == [np.int64, object, np.float64, np.bool_]
    endings = [Ending(int(i), *(column[i] for column in columns if column is not None)) for i in np.flatnonzero(done)]
    assert [each.task_id for each in endings] == playing[done].tolist()
    return endings


def play(envs: Vector, steps: int) -> list[Ending]:
    """Random episodes, in the environments' own autoreset mode; every ending."""
    mode, size = envs.metadata["autoreset_mode"], envs.num_envs
    endings: list[Ending] = []
    _, infos = envs.reset(seed=1)
    envs.action_space.seed(1)
    assert mask(infos, "task_id", size).all()
    playing = infos["curriculum/task_id"].copy()
    ended_before = np.zeros(size, dtype=np.bool_)
    for _ in range(steps):
        _, _, terminated, truncated, infos = envs.step(envs.action_space.sample())
        done = terminated | truncated
        endings += endings_in(infos.get("final_info", {}) if mode is AutoresetMode.SAME_STEP else infos, done, playing)
        if mode is AutoresetMode.SAME_STEP:
            begun = done
            assert not mask(infos, "score", size).any()
            assert mask(infos, "task_id", size).tolist() == begun.tolist()
        elif mode is AutoresetMode.NEXT_STEP:
            begun = ended_before
            assert mask(infos, "task_id", size).tolist() == (begun | done).tolist()
        else:
            begun = done
            if done.any():
                _, infos = envs.reset(options={"reset_mask": done.copy()})
                assert mask(infos, "task_id", size).tolist() == begun.tolist()
        if begun.any():
            playing[begun] = infos["curriculum/task_id"][begun]
        ended_before = done
    return endings


def check_the_books(curriculum: Curriculum, endings: list[Ending]) -> None:
    """The pool holds exactly what the endings say, task by task."""
    assert len(endings) > 20
    figures = curriculum.stats()
    assert figures["num_completed"] == sum(each.accepted for each in endings)
    assert figures["num_refused"] == sum(not each.accepted for each in endings)
    assert figures["num_created"] == figures["num_active_tasks"] + figures["num_evicted"]
    for label in {each.label for each in endings}:
        accepted = sum(each.accepted for each in endings if each.label == label)
        assert figures.get(f"per_label_completions/{label}", 0) == accepted
    for task_id in curriculum.probabilities()[0].tolist():
        stats = curriculum.get_task_stats(task_id)
        assert stats is not None
        scores = [each.score for each in endings if each.task_id == task_id and each.accepted]
        assert stats["completion_count"] == len(scores)
        assert stats["total_score"] == pytest.approx(sum(scores), rel=1e-12)


@pytest.mark.parametrize("mode", MODES, ids=str)
def test_sync(curriculum: Curriculum, mode: AutoresetMode) -> None:
    envs = SyncVectorEnv([partial(make_lake, curriculum)] * 3, autoreset_mode=mode)
    endings = play(envs, 200)
    envs.close()
    check_the_books(curriculum, endings)
    assert all(each.accepted and each.label == LakeTasks().label_of(each.task_id) for each in endings)
    assert {each.task_id for each in endings} <= set(curriculum.probabilities()[0].tolist())


@pytest.mark.parametrize(
    ("context", "mode"),
    [*(("fork", mode) for mode in MODES), ("spawn", AutoresetMode.SAME_STEP), ("forkserver", AutoresetMode.NEXT_STEP)],
)
def test_workers_share_one_pool(curriculum: Curriculum, context: str, mode: AutoresetMode) -> None:
    envs = AsyncVectorEnv([partial(make_lake, curriculum)] * 2, context=context, autoreset_mode=mode)
    try:
        endings = play(envs, 200)
        assert len({os.getpid(), *envs.get_attr("worker_pid")}) == 3
    finally:
        envs.close()
    check_the_books(curriculum, endings)
    assert all(each.accepted and each.label == LakeTasks().label_of(each.task_id) for each in endings)
    assert curriculum.stats()["num_created"] == CAPACITY
    pool = set(curriculum.probabilities()[0].tolist())
    played = [{each.task_id for each in endings if each.env == env} for env in range(2)]
    assert played[0] | played[1] <= pool
    assert played[0] & played[1], "each worker played tasks of its own only"


def test_workers_may_attach_by_session_id(curriculum: Curriculum) -> None:
    assert curriculum.session_id is not None
    maker = partial(make_attached_lake, curriculum.session_id)
    envs = AsyncVectorEnv([maker] * 2, context="forkserver", autoreset_mode=AutoresetMode.SAME_STEP)
    try:
        check_the_books(curriculum, play(envs, 200))
    finally:
        envs.close()


def test_each_environment_plays_the_task_in_its_info(curriculum: Curriculum) -> None:
    envs = AsyncVectorEnv([lambda: make_lake(curriculum)] * 2, context="fork")  # a closure, pickled by cloudpickle
    try:
        for _ in range(5):
            _, infos = envs.reset()
            for desc, task_id in zip(envs.get_attr("desc"), infos["curriculum/task_id"], strict=True):
                assert ["".join(row) for row in desc.astype(str)] == lake_map(curriculum.build(int(task_id)))
    finally:
        envs.close()


@pytest.mark.parametrize("mode", MODES, ids=str)
def test_scores_of_tasks_evicted_meanwhile_are_refused(mode: AutoresetMode) -> None:
    algorithm = LearningProgressConfig(min_samples_for_lp=1, new_task_rate=1.0, eviction_threshold_percentile=1.0)
    config = CurriculumConfig(
        num_active_tasks=2,
        seed=0,
        use_shared_memory=False,
        min_presentations_for_eviction=1,
        algorithm_config=algorithm,
    )
    with config.make(LakeTasks()) as curriculum:
        envs = SyncVectorEnv([partial(make_lake, curriculum)] * 4, autoreset_mode=mode)
        endings = play(envs, 200)
        check_the_books(curriculum, endings)
        assert any(not each.accepted for each in endings)
        assert curriculum.stats()["num_evicted"] > 0


def test_a_reset_of_all_abandons_what_is_being_played(curriculum: Curriculum) -> None:
    envs = SyncVectorEnv([partial(make_lake, curriculum)] * 3)
    for _ in range(4):
        envs.reset()
    assert curriculum.stats()["num_completed"] == 0
    check_the_books(curriculum, play(envs, 200))
    envs.close()


def test_seeds_reach_each_environment(curriculum: Curriculum) -> None:
    envs = SyncVectorEnv([partial(make_lake, curriculum)] * 2)
    envs.reset(seed=[3, 4])
    assert envs.np_random_seed == (3, 4)


@pytest.mark.parametrize("kind", [SyncVectorEnv, partial(AsyncVectorEnv, context="fork")], ids=["sync", "async"])
def test_options_and_seeds_of_a_masked_reset_reach_the_environments_that_are_reset(kind: Any) -> None:
    config = CurriculumConfig(num_active_tasks=CAPACITY, seed=0, algorithm_config=DiscreteRandomConfig())
    with config.make(lambda task_id: {"steps": 3}) as curriculum:
        envs = kind([lambda: CurriculumEnv(Countdown(), curriculum)] * 2, autoreset_mode=AutoresetMode.DISABLED)
        first, _ = envs.reset(seed=[5, 6], options={"easy": True})
        again, infos = envs.reset(seed=[7, 5], options={"easy": False, "reset_mask": np.array([False, True])})
        options = envs.get_attr("options")
        envs.close()
    assert infos["_curriculum/task_id"].tolist() == [False, True]
    assert again.tolist() == [first[0], first[0]]  # the first is as it was, the second has now the seed of the first
    assert options == ([{"easy": True}], [{"easy": True}, {"easy": False}])


def test_infos_as_a_list(curriculum: Curriculum) -> None:
    envs = DictInfoToList(SyncVectorEnv([partial(make_lake, curriculum)] * 2))
    _, infos = envs.reset()
    assert isinstance(infos, list)
    for info in infos:
        assert info["curriculum/label"] == LakeTasks().label_of(int(info["curriculum/task_id"]))


def test_make_vec(curriculum: Curriculum) -> None:
    def refrain(env: Any, config: Any) -> None:
        """FrozenLake as it is."""

    wrappers: list[Callable[[Any], Any]] = [partial(CurriculumEnv, curriculum=curriculum, apply_task=refrain)]
    envs = gymnasium.make_vec("FrozenLake-v1", num_envs=3, vectorization_mode="sync", wrappers=wrappers)
    check_the_books(curriculum, play(envs, 200))
    envs.close()


@pytest.mark.filterwarnings("ignore:.*(Received the following|Traceback|Raising the last)")
def test_a_worker_s_error_names_the_task_and_the_cause(curriculum: Curriculum) -> None:
    envs = AsyncVectorEnv([partial(make_impossible_lake, curriculum)], context="fork")
    try:
        with pytest.raises(TaskGenerationError, match=r"3 tasks in a row .* ValueError: no lake for map \d+"):
            envs.reset()
    finally:
        envs.close(terminate=True)
    assert curriculum.stats()["num_evicted"] == 0  # nothing could be begun there: it need not be the tasks' fault
