"""What each process counts of its own doing, and who can read it."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
import time

import numpy as np
import pytest

import lpcurr
from lpcurr import CurriculumConfig, DiscreteRandomConfig, LearningProgressConfig
from lpcurr.memory import layout
from lpcurr.statistics.counters import PROCESS_COUNTERS


def test_every_counter_counts_what_it_says() -> None:
    algorithm = LearningProgressConfig(min_samples_for_lp=2, rand_task_rate=0.0, new_task_rate=1.0)
    with CurriculumConfig(num_active_tasks=20, seed=3, algorithm_config=algorithm).make() as curriculum:
        for episode in range(3000):
            task = curriculum.get_task()
            curriculum.update_task_performance(task.task_id, (task.task_id % 7) / 7 * (episode % 2))
        curriculum.update_task_performance(12345, 0.5)
        (mine,) = curriculum.process_counters()
        stats = curriculum.stats()
    assert list(mine) == list(PROCESS_COUNTERS)
    assert (mine["pid"], mine["alive"], mine["draws"]) == (os.getpid(), True, 3000)
    assert mine["created"] == stats["num_created"] > 20
    assert mine["evicted"] == stats["num_evicted"] == mine["created"] - 20
    assert mine["accepted"] == stats["num_completed"] == 3000
    assert mine["refused"] == stats["num_refused"] == 1
    assert mine["tries"] > mine["draws"] - mine["created"]
    assert (mine["lock_waits"], mine["lock_wait_seconds"]) == (0, 0.0)


def test_random_draws_take_no_tries() -> None:
    config = CurriculumConfig(num_active_tasks=20, seed=3, defer_init=True, algorithm_config=DiscreteRandomConfig())
    with config.make() as curriculum:
        for task_id in range(20):
            curriculum.add_task(task_id)
        curriculum.sample_ids(500)
        (mine,) = curriculum.process_counters()
        assert (mine["draws"], mine["tries"], mine["scans"]) == (500, 0, 0)


def test_a_process_that_was_killed_is_shown_as_dead_with_what_it_had_done() -> None:
    with CurriculumConfig(num_active_tasks=20, seed=3).make() as curriculum:
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            curriculum.sample_ids(7)
            os.write(writing, b"x")
            time.sleep(100)
        os.read(reading, 1)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(reading)
        os.close(writing)
        mine, other = curriculum.process_counters()
        assert (mine["pid"], mine["alive"], mine["draws"]) == (os.getpid(), True, 0)
        assert (other["pid"], other["alive"], other["draws"]) == (child, False, 7)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="robust mutexes are Linux's")
def test_waiting_for_the_lock_is_counted_and_timed() -> None:
    libc = ctypes.CDLL(None)
    with CurriculumConfig(num_active_tasks=5).make() as curriculum:
        curriculum.get_task()
        mutex = ctypes.c_void_p(curriculum._pool._segment.bytes.ctypes.data + layout.MUTEX_OFFSET)
        word = curriculum._pool.state["header"]["mutex"][0].view(np.uint32)
        taken = threading.Event()

        def hold() -> None:
            libc.pthread_mutex_lock(mutex)
            taken.set()
            deadline = time.monotonic() + 300
            while not word[0] & 0x8000_0000 and time.monotonic() < deadline:  # glibc notes there that somebody waits
                time.sleep(0.001)
            libc.pthread_mutex_unlock(mutex)

        holder = threading.Thread(target=hold)
        holder.start()
        taken.wait()
        began = time.perf_counter()
        curriculum.get_task()
        took = time.perf_counter() - began
        holder.join()
        (mine,) = curriculum.process_counters()
        assert mine["lock_waits"] == 1
        assert 0.0 < mine["lock_wait_seconds"] <= took


def test_a_closed_pool_has_no_counters() -> None:
    curriculum = CurriculumConfig(num_active_tasks=5).make()
    curriculum.close()
    with pytest.raises(lpcurr.PoolClosedError):
        curriculum.process_counters()
    curriculum.unlink()
