"""Checkpoints in pools of another size, another configuration, other labels' owners."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lpcurr
from tests.checkpoint.pools import KINDS, LABELLED, make, play, state_of


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    with make("labels that come and go") as curriculum:
        play(curriculum, 2_000)
        curriculum.save(tmp_path / "pool.lpc")
    return tmp_path / "pool.lpc"


def _rows(curriculum: lpcurr.Curriculum) -> dict[int, tuple[Any, ...]]:
    """What is kept of each task, by id."""
    columns = curriculum.get_state()["columns"]
    names = sorted(set(columns) - {"slot", "task_id"})
    cells = zip(*(columns[name] for name in names), strict=True)
    return dict(zip(columns["task_id"], cells, strict=True))


def _scores(curriculum: lpcurr.Curriculum) -> dict[int, float]:
    return curriculum.score_tasks(curriculum.probabilities()[0])


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "not yet full"])
@pytest.mark.parametrize("more", [1, 64, 5_000])
def test_growing_keeps_all(kind: str, more: int, tmp_path: Path) -> None:
    with make(kind, use_shared_memory=False) as curriculum:
        play(curriculum, 1_000)
        curriculum.save(tmp_path / "pool.lpc")
        before, ids = _rows(curriculum), curriculum.probabilities()[0].tolist()
        capacity = curriculum.config.num_active_tasks + more
        with lpcurr.Curriculum.load(tmp_path / "pool.lpc", num_active_tasks=capacity) as grown:
            assert grown.config.num_active_tasks == capacity
            assert _rows(grown) == before
            assert grown.probabilities()[0].tolist() == ids
            np.testing.assert_array_equal(grown.probabilities()[1], curriculum.probabilities()[1])
            play(grown, 500, 1_000)
            assert grown.find_violations() == []


@pytest.mark.parametrize("kind", sorted(KINDS))
@pytest.mark.parametrize("capacity", [1, 17, 29])
def test_shrinking_keeps_the_best_by_score(
    kind: str, capacity: int, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with make(kind, use_shared_memory=False) as curriculum:
        play(curriculum, 1_000)
        curriculum.save(tmp_path / "pool.lpc")
        before, scores = _rows(curriculum), _scores(curriculum)  # in the order of entry
        best = sorted(scores, key=lambda task_id: -scores[task_id])[:capacity]
        with caplog.at_level(logging.WARNING, "lpcurr"):
            shrunk = lpcurr.Curriculum.load(tmp_path / "pool.lpc", num_active_tasks=capacity)
        with shrunk:
            assert f"has {len(scores)} tasks and this pool {capacity} slots" in caplog.text
            assert f"{len(scores) - capacity} are evicted" in caplog.text
            assert _rows(shrunk) == {task_id: before[task_id] for task_id in best}
            assert shrunk.find_violations() == []
            figures, old = shrunk.stats(), curriculum.stats()
            assert figures["num_evicted"] == old["num_evicted"] + len(scores) - capacity
            assert figures["num_completed"] == old["num_completed"]
            play(shrunk, 300, 1_000)
            assert shrunk.find_violations() == []


def test_as_many_tasks_as_slots_are_no_shrinking(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with make("fixed set with gaps") as curriculum:
        curriculum.save(tmp_path / "pool.lpc")
        tasks = len(_rows(curriculum))
        with lpcurr.Curriculum.load(tmp_path / "pool.lpc", num_active_tasks=tasks) as tight:
            assert _rows(tight) == _rows(curriculum)
            assert tight.find_violations() == []
            assert sorted(tight.get_state()["columns"]["slot"]) == list(range(tasks))
            with pytest.raises(lpcurr.PoolFullError):
                tight.add_task(12345)
    assert caplog.text == ""


def test_a_smaller_pool_may_be_loaded_into_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    with make("reference") as large, make("learning progress", num_active_tasks=10) as small:
        play(large, 2_000)
        small.load_state(large.get_state())
        assert small.stats()["num_active_tasks"] == 10
        assert small.find_violations() == []
    assert "the state has 60 tasks and this pool 10 slots" in caplog.text


@pytest.mark.parametrize("algorithm", [lpcurr.DiscreteRandomConfig(), KINDS["basic"]["algorithm_config"]])
def test_another_algorithm_takes_the_tasks_over(algorithm: Any, saved: Path) -> None:
    config = lpcurr.CurriculumConfig(algorithm_config=algorithm, num_active_tasks=30, seed=99)
    with lpcurr.Curriculum.load(saved) as old, lpcurr.Curriculum.load(saved, config=config) as new:
        assert _rows(new) == _rows(old)
        assert new.config.algorithm_config == config.algorithm_config
        assert new.config.seed == old.config.seed  # the random streams are those of the checkpoint
        assert new.find_violations() == []
        play(new, 500)
        assert new.find_violations() == []


def test_changed_thresholds_sort_the_tasks_anew(saved: Path) -> None:
    algorithm = lpcurr.LearningProgressConfig(min_samples_for_lp=40, z_score_amplification=50.0)
    config = lpcurr.CurriculumConfig(algorithm_config=algorithm, num_active_tasks=30, min_presentations_for_eviction=60)
    with lpcurr.Curriculum.load(saved) as old, lpcurr.Curriculum.load(saved, config=config) as new:
        explored = sum(completions >= 40 for completions in old.get_state()["columns"]["completion_count"])
        assert new._pool.state["header"]["explored_count"][0] == explored
        assert new.find_violations() == []


def test_the_configuration_comes_with_the_file(saved: Path) -> None:
    with lpcurr.Curriculum.load(saved) as curriculum:
        assert curriculum.config.task_generator == LABELLED
        assert curriculum.config.algorithm_config.performance_bonus_weight == 0.3
        assert curriculum.config.seed == 7
        assert curriculum.session_id is not None
    with lpcurr.Curriculum.load(saved, use_shared_memory=False) as curriculum:
        assert curriculum.session_id is None
    with lpcurr.Curriculum.load(saved, session_id="resumed") as curriculum:
        assert curriculum.session_id == "resumed"


def test_labels_come_back_with_their_counts(saved: Path, tmp_path: Path) -> None:
    with lpcurr.Curriculum.load(saved) as curriculum:
        first, task = curriculum.stats(), curriculum.get_task()
        assert task.get_label() == LABELLED.label_of(task.task_id)
        counted = {name for name in first if name.startswith("per_label_completions/")}
        assert len(counted) > 10
        curriculum.save(tmp_path / "again.lpc")
        with lpcurr.Curriculum.load(tmp_path / "again.lpc") as again:
            for name in counted:
                assert again.stats()[name] == first[name]
            assert again.get_task_stats(task.task_id) == curriculum.get_task_stats(task.task_id)


def test_fewer_inactive_labels_are_kept_where_the_configuration_says_so(saved: Path) -> None:
    algorithm = lpcurr.LearningProgressConfig(max_inactive_labels_retained=1)
    config = lpcurr.CurriculumConfig(num_active_tasks=30, algorithm_config=algorithm)
    with lpcurr.Curriculum.load(saved) as old, lpcurr.Curriculum.load(saved, config=config) as new:
        table = old._pool.state["label_table"][0]
        latest = np.argmax(table["inactive_since"])
        kept = new._pool.state["label_table"][0]
        assert old._pool.state["header"]["inactive_labels"][0] > 1
        assert np.flatnonzero((kept["used"] != 0) & (kept["inactive_since"] > 0)).tolist() == [latest]
        assert new.find_violations() == []


def test_a_callable_generator_is_given_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    config = lpcurr.CurriculumConfig(num_active_tasks=6, seed=1, use_shared_memory=False)
    with config.make(task_generator=lambda task_id: {"map": task_id}) as curriculum:
        play(curriculum, 20)
        curriculum.save(tmp_path / "pool.lpc")
        play(curriculum, 50, 20)
        expected = state_of(curriculum)
    with lpcurr.Curriculum.load(tmp_path / "pool.lpc", task_generator=lambda task_id: {"map": task_id}) as resumed:
        play(resumed, 50, 20)
        assert state_of(resumed) == expected
        task = resumed.get_task()
        assert task.get_env_cfg() == {"map": task.task_id}
    assert caplog.text == ""
    with lpcurr.Curriculum.load(tmp_path / "pool.lpc") as without:
        assert "task generator that is not stored" in caplog.text
        ids = play(without, 50, 20)
        with pytest.raises(lpcurr.ConfigError):
            without.build(ids[0])
