"""Configuration
=============

A `CurriculumConfig` says how large the pool is, where tasks come from and which scheduler chooses (`algorithm_config`;
`lpcurr help schedulers` says which one when). All are pydantic models: they nest in recipes, validate, and go to JSON
or YAML and back.

>>> from lpcurr import CurriculumConfig, FrontierConfig, LearningProgressConfig
>>> config = CurriculumConfig(num_active_tasks=512, algorithm_config=FrontierConfig(frontier_share=0.3))
>>> CurriculumConfig.model_validate(config.model_dump()) == config
True
>>> CurriculumConfig.model_validate({"algorithm_config": {"type": "discrete_random"}}).algorithm_config.type
'discrete_random'

Presets of `LearningProgressConfig` are starting points, over which your own values win: `.default()`, `.stable()`,
`.fast_learning()`, `.arena_legacy()`, and `.reference()`, which has the rules of metta's curriculum to the letter.

>>> LearningProgressConfig.stable(ema_timescale=0.02).min_samples_for_lp
20
"""

import textwrap
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from lpcurr.curriculum.config import CurriculumConfig
from lpcurr.schedulers import ALL
from lpcurr.schedulers.common import SchedulerConfig

_WIDTH = 118
_SHARED = {name: (f.default, f.description) for name, f in SchedulerConfig.model_fields.items() if name != "type"}


def sections() -> Iterator[str]:
    """Yield the fields of every model, with default and description; what all schedulers have comes once."""
    yield _section("CurriculumConfig", CurriculumConfig.model_fields)
    yield _section("Any scheduler", {name: SchedulerConfig.model_fields[name] for name in _SHARED})
    for scheduler in ALL:
        fields = scheduler.model_fields.items()
        yield _section(
            scheduler.__name__,
            {name: field for name, field in fields if _SHARED.get(name) != (field.default, field.description)},
        )


def _section(title: str, fields: dict[str, FieldInfo]) -> str:
    width = max(map(len, fields))
    lines = [title, "-" * len(title)]
    for name, field in fields.items():
        default: Any = field.get_default(call_default_factory=True)
        shown = type(default).__name__ if isinstance(default, BaseModel) else repr(default)
        if isinstance(default, list):  # a mixture's parts
            shown = repr([f"{part.share:g} {part.use.type}" for part in default])
        text = f"{shown:<10}  {field.description or ''}".rstrip()
        lines += textwrap.wrap(
            text,
            _WIDTH,
            initial_indent=f"  {name:{width}}  ",
            subsequent_indent=" " * (width + 16),
            break_long_words=False,
        )
    return "\n".join(lines)
