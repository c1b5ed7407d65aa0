"""Configuration
=============

A `CurriculumConfig` says how large the pool is, where tasks come from and which algorithm chooses; the algorithm is a
`LearningProgressConfig` or a `DiscreteRandomConfig`. All are pydantic models: they nest in recipes, validate, and go to
JSON or YAML and back.

>>> from lpcurr import CurriculumConfig, LearningProgressConfig
>>> config = CurriculumConfig(num_active_tasks=512, algorithm_config=LearningProgressConfig(ema_timescale=0.01))
>>> CurriculumConfig.model_validate(config.model_dump()) == config
True
>>> CurriculumConfig.model_validate({"algorithm_config": {"type": "discrete_random"}}).algorithm_config.type
'discrete_random'

Presets are starting points whose values your own win over: `LearningProgressConfig.default()`, `.stable()`,
`.fast_learning()`, `.arena_legacy()`, and `.reference()`, which has the rules of metta's curriculum to the letter.

>>> LearningProgressConfig.stable(ema_timescale=0.02).min_samples_for_lp
20
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel

from lpcurr.curriculum.config import CurriculumConfig
from lpcurr.schedulers.learning_progress import LearningProgressConfig
from lpcurr.schedulers.uniform import DiscreteRandomConfig

_WIDTH = 118


def sections() -> Iterator[str]:
    """The fields of every model, with type, default and description."""
    for model in (CurriculumConfig, LearningProgressConfig, DiscreteRandomConfig):
        yield f"{model.__name__}\n{'-' * len(model.__name__)}\n{_fields(model)}"


def _fields(model: type[BaseModel]) -> str:
    width = max(map(len, model.model_fields))
    lines = []
    for name, field in model.model_fields.items():
        default: Any = field.get_default(call_default_factory=True)
        shown = type(default).__name__ if isinstance(default, BaseModel) else repr(default)
        text = f"{shown:<10}  {field.description or ''}".rstrip()
        lines += textwrap.wrap(
            text,
            _WIDTH,
            initial_indent=f"  {name:{width}}  ",
            subsequent_indent=" " * (width + 16),
            break_long_words=False,
        )
    return "\n".join(lines)
