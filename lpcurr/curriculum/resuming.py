"""What a checkpoint was made with: its configuration, and whether its tasks are those that it is loaded for."""

import logging
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from lpcurr.checkpoint import Checkpoint
from lpcurr.checkpoint.content import refusal
from lpcurr.curriculum.config import CurriculumConfig
from lpcurr.errors import ConfigError
from lpcurr.generators import ListedTasks, StoredTasks, TaskGenerator

_logger = logging.getLogger("lpcurr")

_WAY_ON = (
    "scores and labels would be credited to other tasks. Load it with the generator that it was made with (labels that "
    "were given apart: config=CurriculumConfig(tasks=[…], task_labels=[…])), or say replace_generator=True where the "
    "ids mean the same tasks nevertheless"
)


def check_generator(
    checkpoint: Checkpoint, generator: TaskGenerator | None, way_on: str = _WAY_ON, *, may_have_grown: bool = True
) -> None:
    """Raise ``ConfigError`` where a checkpoint was made with another generator, and name the difference and a way on.

    What cannot be written down, a plain callable, cannot be compared. A list of tasks may have grown at its end.
    """
    stored = checkpoint.description.config.get("task_generator")
    source = checkpoint.source
    if not may_have_grown and stored is None and isinstance(generator, ListedTasks):
        raise ConfigError(f"{source} is of no list of tasks, and a list was given: {way_on}")
    if not isinstance(stored, dict) or generator is None:
        return
    if str(stored.get("type")) == "stored":
        try:
            before = StoredTasks.model_validate(stored)
        except ValidationError as error:
            raise refusal(source, f"its list of tasks is not as lpcurr describes one: {error}") from None
        if not isinstance(generator, ListedTasks):
            raise ConfigError(f"{source} is of a list of tasks, and a {type(generator).__name__} was given: {way_on}")
        if len(generator) < before.count or (len(generator) > before.count and not may_have_grown):
            raise ConfigError(f"{source} is of {before.count} tasks, and the list has {len(generator)}: {way_on}")
        if before.digest and generator.digest_of_first(before.count) != before.digest:
            raise ConfigError(
                f"{source} is of other tasks, or other labels, than the first {before.count} of the list: {way_on}"
            )
        return
    if isinstance(generator, ListedTasks):
        raise ConfigError(f"{source} was made with a {stored.get('type')} generator, not a list of tasks: {way_on}")
    try:
        written = generator.model_dump(mode="json")
    except ValueError:
        return
    if written.get("type") != "callable" and (difference := _difference(stored, written)):
        where, before_text, after_text = difference
        raise ConfigError(
            f"{source} was made with another task generator: {where or 'it'} was {before_text}, now {after_text}; "
            f"{way_on}"
        )


def stored_count(checkpoint: Checkpoint) -> int | None:
    """Return how many tasks the list had that a checkpoint was made with; None where it does not say."""
    stored = checkpoint.description.config.get("task_generator")
    count = stored.get("count") if isinstance(stored, dict) else None
    return count if type(count) is int and count >= 0 else None


def _difference(before: Any, after: Any, where: str = "") -> tuple[str, str, str] | None:
    """The path at which two written generators differ first, and what is there in each."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in [*before, *(key for key in after if key not in before)]:
            path = f"{where}.{key}" if where else str(key)
            if key not in before or key not in after:
                there = [repr(form[key])[:80] if key in form else "absent" for form in (before, after)]
                return path, there[0], there[1]
            if found := _difference(before[key], after[key], path):
                return found
        return None
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        pairs = enumerate(zip(before, after, strict=True))
        return next((found for place, pair in pairs if (found := _difference(*pair, f"{where}.{place}"))), None)
    return None if before == after else (where, f"{before!r:.80}", f"{after!r:.80}")


def stored_config(checkpoint: Checkpoint, *, with_generator: bool) -> CurriculumConfig:
    """Read the configuration of a checkpoint's pool; raises ``CheckpointError`` where this lpcurr cannot."""
    fields = dict(checkpoint.description.config)
    if not with_generator:
        fields["task_generator"] = None
    try:
        return CurriculumConfig(**fields)
    except (ConfigError, TypeError) as error:
        raise refusal(checkpoint.source, f"its configuration cannot be read here: {error}") from error
