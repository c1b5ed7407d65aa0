"""PufferLib's vector backends with real worker processes on one pool; one of them is killed."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pufferlib.vector
import pytest

from lpcurr import Curriculum, LearningProgressConfig

from .arenas import MakeEnv, noops, shared_curriculum, wrong_means

SAMPLES = "env_curriculum_stats/per_label_samples"


@contextmanager
def vector(curriculum: Curriculum, backend: Any, environments: int, **options: Any) -> Iterator[Any]:
    envs = pufferlib.vector.make(MakeEnv(curriculum), backend=backend, num_envs=environments, **options)
    try:
        yield envs
    finally:
        envs.close()
        for process in getattr(envs, "processes", []):
            process.join()


def rollout(envs: Any, environments: int, steps: int, *, reset: bool = True) -> int:
    """Play; how many episodes the infos tell of. PufferLib 3.0.23 can hang in a second reset of worker processes."""
    if reset:
        envs.reset(seed=0)
    episodes = 0
    for _ in range(steps):
        infos = envs.step(noops(environments))[4]
        episodes += sum(sum(info.get(SAMPLES, {}).values()) for info in infos)
    return episodes


@pytest.mark.parametrize("environments", [1, 3])
def test_serial(environments: int) -> None:
    with shared_curriculum() as curriculum, vector(curriculum, pufferlib.vector.Serial, environments) as envs:
        episodes = rollout(envs, environments, 100)
        assert episodes == curriculum.stats()["num_completed"] > 10 * environments
        assert wrong_means(curriculum) == []


@pytest.mark.parametrize(("environments", "workers"), [(2, 2), (4, 2)])
def test_worker_processes_share_one_pool(environments: int, workers: int) -> None:
    multiprocessing = pufferlib.vector.Multiprocessing
    early = {"algorithm_config": LearningProgressConfig(min_samples_for_lp=2), "min_presentations_for_eviction": 2}
    with shared_curriculum(**early) as curriculum:
        with vector(curriculum, multiprocessing, environments, num_workers=workers, overwork=True) as envs:
            episodes = rollout(envs, environments, 300)
            stats = curriculum.stats()
            assert stats["num_completed"] + stats["num_refused"] == episodes > 30 * environments
            assert stats["num_evicted"] > 0
            busy = [each for each in curriculum.process_counters() if each["draws"]]
            assert sorted(each["pid"] for each in busy) == sorted(process.pid for process in envs.processes)
        assert wrong_means(curriculum) == []
        assert curriculum.find_violations() == []


def test_the_pool_survives_a_killed_worker() -> None:
    with shared_curriculum() as curriculum:
        with vector(curriculum, pufferlib.vector.Multiprocessing, 2, num_workers=2, overwork=True) as envs:
            before = rollout(envs, 2, 40)
            os.kill(envs.processes[0].pid, signal.SIGKILL)
            envs.processes[0].join()
        with vector(curriculum, pufferlib.vector.Multiprocessing, 2, num_workers=2, overwork=True) as envs:
            episodes = before + rollout(envs, 2, 40)
        assert episodes == curriculum.stats()["num_completed"]
        assert wrong_means(curriculum) == []
        assert curriculum.find_violations() == []


def test_state_that_the_parent_restores_is_what_attached_workers_see() -> None:
    with shared_curriculum(num_active_tasks=6) as curriculum:
        with vector(curriculum, pufferlib.vector.Multiprocessing, 2, num_workers=2, overwork=True) as envs:
            rollout(envs, 2, 60)
            state = curriculum.get_state()
            kept = set(curriculum.probabilities()[0].tolist())
            completed = curriculum.stats()["num_completed"]
            for task_id in kept:  # the pool goes another way …
                curriculum.evict(task_id)
            rollout(envs, 2, 60, reset=False)
            assert not kept & set(curriculum.probabilities()[0].tolist())
            curriculum.load_state(state)  # … and back, with the workers attached
            assert curriculum.stats()["num_completed"] == completed
            rollout(envs, 2, 60, reset=False)
            assert set(curriculum.probabilities()[0].tolist()) == kept  # they draw the restored tasks and no others
            assert curriculum.stats()["num_completed"] > completed + 10
        assert wrong_means(curriculum) == []
        assert curriculum.find_violations() == []
