"""Configurations are pydantic models: they check what they are given, serialise, and nest in the models of a recipe.

>>> import lpcurr
>>> algorithm = lpcurr.LearningProgressConfig.stable(z_score_amplification=20.0)
>>> config = lpcurr.CurriculumConfig(num_active_tasks=512, algorithm_config=algorithm)
>>> lpcurr.CurriculumConfig.model_validate_json(config.model_dump_json()) == config
True
>>> lpcurr.LearningProgressConfig(ema_timscale=0.1)
Traceback (most recent call last):
    ...
lpcurr.errors.ConfigError: LearningProgressConfig: ema_timscale=0.1: there is no such field; did you mean ...

Presets of `LearningProgressConfig`: `default()`, `stable()` (noisy scores, long trainings), `fast_learning()`,
`arena_legacy()`, and `reference()` (the rules of the metta curriculum to the letter). What one turns first:

- `ema_timescale`: about 1 over the number of episodes *of one task* in which the agent changes
- `z_score_amplification`: how sharply the draw prefers progress; `lpcurr top` shows the tries a draw that it costs
- `num_active_tasks`: each task wants some tens of episodes while it is there
"""

from __future__ import annotations

from typing import Any


def fields() -> str:
    """All fields of the models with their defaults and meanings, in Markdown."""
    import lpcurr

    models = (lpcurr.CurriculumConfig, lpcurr.LearningProgressConfig, lpcurr.DiscreteRandomConfig)
    return "\n\n".join(_fields(model) for model in models)


def _fields(model: Any) -> str:
    lines = [f"## {model.__name__}\n"]
    for name, field in model.model_fields.items():
        default = field.get_default(call_default_factory=True)
        shown = type(default).__name__ + "()" if hasattr(type(default), "model_fields") else repr(default)
        lines.append(f"- `{name}` = `{shown}`{f': {field.description}' if field.description else ''}")
    return "\n".join(lines)
