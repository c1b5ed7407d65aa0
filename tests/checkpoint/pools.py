"""Pools of every kind for these tests, and what can be said of one exactly."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

import lpcurr
from lpcurr.generators import bucketed
from lpcurr.memory import layout

LABELLED = bucketed({"size": 1}).add_bucket("size", list(range(40)), label=True)

_SMALL_REFERENCE = lpcurr.LearningProgressConfig.reference(num_active_tasks=60)
_SHAPED = lpcurr.LearningProgressConfig(
    unbiased_averages=False,
    ema_timescale=0.1,
    rand_task_rate=0.01,
    use_baseline_normalization=True,
    performance_bonus_weight=0.3,
    early_progress_amplification=0.2,
    progress_smoothing=0.01,
    max_inactive_labels_retained=3,
)

KINDS: dict[str, dict[str, Any]] = {
    "frontier": {"num_active_tasks": 150},
    "learning progress": {"num_active_tasks": 200, "algorithm_config": lpcurr.LearningProgressConfig()},
    "labels that come and go": {"num_active_tasks": 30, "algorithm_config": _SHAPED, "task_generator": LABELLED},
    "not yet full": {"num_active_tasks": 20_000, "use_shared_memory": False},
    "reference": {"algorithm_config": _SMALL_REFERENCE},
    "reference, temperature": {
        "num_active_tasks": 50,
        "algorithm_config": lpcurr.LearningProgressConfig.reference(lp_score_temperature=0.05, min_samples_for_lp=3),
    },
    "basic": {"num_active_tasks": 150, "algorithm_config": lpcurr.ScoreDeviationConfig(rand_task_rate=0.7)},
    "discrete random": {"num_active_tasks": 100, "algorithm_config": lpcurr.DiscreteRandomConfig()},
    "fixed set with gaps": {"num_active_tasks": 120, "defer_init": True, "use_shared_memory": False},
    "big scores": {
        "num_active_tasks": 80,
        "algorithm_config": lpcurr.LearningProgressConfig(use_baseline_normalization=False),
    },
}


def make(kind: str, **overrides: Any) -> lpcurr.Curriculum:
    """An empty pool of a kind (the fixed set has its tasks, with gaps between their slots)."""
    curriculum = lpcurr.Curriculum(lpcurr.CurriculumConfig(**{"seed": 7} | KINDS[kind] | overrides))
    if curriculum.config.defer_init:
        for task_id in range(100):
            curriculum.add_task(task_id, label=f"group {task_id % 5}")
        for task_id in range(0, 90, 3):
            curriculum.evict(task_id)
    return curriculum


def play(curriculum: lpcurr.Curriculum, episodes: int, start: int = 0) -> list[int]:
    """Play some episodes, number ``start`` and on, whose scores are a function of the task and the number."""
    scale = 1e5 if not getattr(curriculum.config.algorithm_config, "use_baseline_normalization", True) else 1.0
    ids = []
    for episode in range(start, start + episodes):
        task_id = curriculum.get_task().task_id
        curriculum.update_task_performance(task_id, scale * (task_id * 7919 + episode * 104_729 & 0xFFFF) / 0xFFFF)
        ids.append(task_id)
        if episode % 10_000 == 0:
            curriculum.on_epoch_end()
        if curriculum.config.defer_init and episode % 997 == 0:
            curriculum.evict(task_id)
            curriculum.add_task(10**6 + episode, label=f"group {episode % 7}")
    return ids


def state_of(curriculum: lpcurr.Curriculum) -> dict[str, Any]:
    """The state without what the clock puts into it."""
    state = curriculum.get_state()
    del state["columns"]["creation_time"]
    return state


def digest(ids: list[int], curriculum: lpcurr.Curriculum) -> str:
    """Tells apart any two histories: the draws, and the state they lead to."""
    described = repr((sorted(state_of(curriculum).items()), curriculum.find_violations()))
    return hashlib.sha256(np.asarray(ids, dtype=np.int64).tobytes() + described.encode()).hexdigest()


def whole(curriculum: lpcurr.Curriculum) -> bytes:
    """Every byte of a pool's segment but its lock."""
    snapshot = curriculum._pool.snapshot()
    snapshot["header"]["clock"] = 0
    for name in ("lock_waits", "lock_wait_ns", "wait_clock", "wait_until"):
        snapshot["process"][name] = 0
    return snapshot.tobytes()[: layout.segment_dtype(curriculum._pool.capacity).itemsize]
