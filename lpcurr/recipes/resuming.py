"""Going on with a run that was cut: which run, with what configuration, and from which checkpoint of each training."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lpcurr.errors import ConfigError
from lpcurr.recipes.checkpoints import TrainingCheckpoint, newest_checkpoint, read_checkpoint, training_folder
from lpcurr.recipes.config import TrainingConfig
from lpcurr.recipes.overrides import apply_overrides
from lpcurr.recipes.registry import load_config
from lpcurr.runs.folder import RunFolder

# Another task family or learner would make the checkpoint's task ids and weights mean something else.
_FIXED = ("seed", "compare", "curriculum.task_generator", "curriculum.algorithm_config.type", "learner")


def find_run(path: Path) -> Path:
    """The run folder that a path leads to: itself, or one of its checkpoints.

    Raises:
        ConfigError: it is neither.
    """
    candidates = [path, *path.resolve().parents[:3]]
    for candidate in candidates:
        if (candidate / "config.yaml").is_file():
            return candidate
    raise ConfigError(f"resume={str(path)!r}: it is neither a run folder (with a config.yaml) nor a checkpoint in one")


def load_run(path: Path, recipe: str | None, overrides: Sequence[str]) -> tuple[str, TrainingConfig]:
    """The recipe and the configuration of a run that is to go on.

    Args:
        path: the run folder, or a checkpoint in it.
        recipe: as given on the command line, or None.
        overrides: as given there; they win over what the run had.

    Raises:
        ConfigError: it is no run folder, another recipe's, or an override changes what has to stay as it was.
    """
    import yaml  # type: ignore[import-untyped, unused-ignore]

    file = find_run(path) / "config.yaml"
    try:
        text = file.read_text("utf-8")
        stored = yaml.safe_load(text)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"{str(file)!r} cannot be read: {error}") from None
    name = text.partition("\n")[0].removeprefix("# lpcurr train ").strip()
    if recipe is not None and recipe != name:
        raise ConfigError(f"resume={str(path)!r} is a run of {name!r}, not of {recipe!r}: leave the recipe out")
    kind = type(load_config(name))
    try:
        before = kind.model_validate(stored | {"run_dir": None})
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{str(file)!r} is no configuration of {name!r}: {error}") from None
    after = apply_overrides(before, [*overrides, f"resume={path}"])
    old, new = before.model_dump(), after.model_dump()
    for key in _FIXED:
        if _at(old, key) != _at(new, key):
            raise ConfigError(f"{key} cannot change when a run goes on ({path} has another): begin a new run for it")
    return name, after


def _at(fields: Any, key: str) -> Any:
    for part in key.split("."):
        fields = fields.get(part) if isinstance(fields, dict) else None
    return fields


def starting_point(folder: RunFolder, config: TrainingConfig, seed: int) -> TrainingCheckpoint | None:
    """Where one training of a run goes on; None where it begins anew.

    Raises:
        CheckpointError: the checkpoint was altered or damaged.
    """
    if config.resume is None:
        return None
    mine = training_folder(folder.path, config.curriculum.algorithm_config.type, seed)
    if mine.resolve() in config.resume.resolve().parents:
        return read_checkpoint(config.resume)
    return newest_checkpoint(mine)


def is_finished(folder: RunFolder, config: TrainingConfig, seed: int) -> bool:
    """Whether a training of a run that goes on has reached its environment steps already."""
    training = (config.curriculum.algorithm_config.type, seed)
    return config.resume is not None and any(
        (row["curriculum"], row["seed"]) == training and row["steps"] >= config.total_steps
        for row in folder.read("metrics.jsonl")
    )
