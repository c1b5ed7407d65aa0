"""Going on with a run that was cut: which run, with what configuration, and from which checkpoint of each training."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lpcurr.errors import ConfigError
from lpcurr.generators.environment import value_at
from lpcurr.recipes.checkpoints import TrainingCheckpoint, newest_checkpoint, read_checkpoint, training_folder
from lpcurr.recipes.config import TrainingConfig
from lpcurr.recipes.overrides import apply_overrides
from lpcurr.recipes.registry import is_trusted, load_config
from lpcurr.runs.folder import RunFolder
from lpcurr.runs.reading import parse_config, read_text, recipe_of

# Another task family or learner would make the checkpoint's task ids and weights mean something else.
_FIXED = ("seed", "compare", "curriculum.task_generator", "curriculum.algorithm_config.type", "learner")


def find_run(path: Path) -> Path:
    """Find the run folder that a path leads to, itself or one of its checkpoints, or raise ``ConfigError``."""
    for candidate in (path, *Path(os.path.realpath(path)).parents[:3]):  # resolve() raises in a loop of links
        if (candidate / "config.yaml").is_file():
            return candidate
    raise ConfigError(f"resume={str(path)!r}: it is neither a run folder (with a config.yaml) nor a checkpoint in one")


def load_run(path: Path, recipe: str | None, overrides: Sequence[str]) -> tuple[str, TrainingConfig]:
    """Load the recipe and the configuration of a run that is to go on; overrides win over what the run had.

    The folder may be anybody's: a recipe that it names is called only if it is packaged with lpcurr, its module was
    imported before, or the caller names it too.
    """
    file = find_run(path) / "config.yaml"
    try:
        text = read_text(file)
        stored = parse_config(text)
    except (OSError, ValueError) as error:
        raise ConfigError(f"{str(file)!r} cannot be read: {error}") from None
    name = recipe_of(text)
    if recipe is not None and recipe != name:
        raise ConfigError(f"resume={str(path)!r} is a run of {name!r}, not of {recipe!r}: leave the recipe out")
    if recipe is None and not is_trusted(name):
        raise ConfigError(
            f"resume={str(path)!r} is a run of {name!r}, whose code is not called because a file names it: "
            f"if you trust it, say so by `lpcurr train {name} resume={path}`"
        )
    kind = type(load_config(name))
    try:
        before = kind.model_validate(stored | {"run_dir": None})
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{str(file)!r} is no configuration of {name!r}: {error}") from None
    after = apply_overrides(before, [*overrides, f"resume={path}"])
    old, new = before.model_dump(), after.model_dump()
    fixed = (*_FIXED, *(f"arms.{arm}.type" for arm in before.arms))  # arms may be added, and their settings changed
    for key in fixed:
        if _at(old, key) != _at(new, key):
            raise ConfigError(f"{key} cannot change when a run goes on ({path} has another): begin a new run for it")
    return name, after


def _at(fields: Any, key: str) -> Any:
    """Return what a dotted key leads to; the names of arms may have dots themselves."""
    if key.startswith("arms."):
        return fields["arms"].get(key.removeprefix("arms.").removesuffix(".type"), {}).get("type")
    return value_at(fields, key)


def starting_point(folder: RunFolder, config: TrainingConfig, arm: str, seed: int) -> TrainingCheckpoint | None:
    """Return where one training of a run goes on, verified; None where it begins anew."""
    if config.resume is None:
        return None
    mine = training_folder(folder.path, arm, seed)
    if mine.resolve() in config.resume.resolve().parents:
        return read_checkpoint(config.resume)
    return newest_checkpoint(mine)


def is_finished(folder: RunFolder, config: TrainingConfig, arm: str, seed: int) -> bool:
    """Tell whether a training of a run that goes on has reached its environment steps already."""
    return config.resume is not None and any(
        (row["curriculum"], row["seed"]) == (arm, seed) and row["steps"] >= config.total_steps
        for row in folder.read("metrics.jsonl")
    )
