"""Replaying the recorded cases of the reference through lpcurr."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from lpcurr import Curriculum, CurriculumConfig, LearningProgressConfig

FOLDER = Path(__file__).parent
TOLERANCE = 1e-12


def cases(kind: str) -> list[Path]:
    return sorted((FOLDER / kind).glob("*.json"))


def load(path: Path) -> dict[str, Any]:
    case: dict[str, Any] = json.loads(path.read_text())
    return case


def close(actual: float, expected: float) -> bool:
    return abs(actual - expected) <= TOLERANCE * max(1.0, abs(expected))


def make_curriculum(config: dict[str, Any], capacity: int, **overrides: Any) -> Curriculum:
    """A curriculum in reference mode that holds the tasks a case names."""
    fields = set(LearningProgressConfig.model_fields) - {"num_active_tasks"}
    values = {name: value for name, value in config.items() if name in fields} | overrides
    algorithm = LearningProgressConfig.reference(**values)
    return CurriculumConfig(
        num_active_tasks=capacity, defer_init=True, use_shared_memory=False, seed=0, algorithm_config=algorithm
    ).make()


def replay(case: dict[str, Any], **overrides: Any) -> Curriculum:
    """Create the tasks of a case in order, then apply its updates."""
    ids = case["inputs"]["task_ids"]
    curriculum = make_curriculum(case["config"], len(ids), **overrides)
    for task_id in ids:
        curriculum.add_task(task_id)
    for task_id, score in case["inputs"]["updates"]:
        assert curriculum.update_task_performance(task_id, score)
    return curriculum
