"""Joining a live pool by its session id."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from lpcurr.curriculum.config import CurriculumConfig
from lpcurr.curriculum.curriculum import Curriculum
from lpcurr.errors import SessionIncompatibleError
from lpcurr.generators import TaskGenerator, TaskSource
from lpcurr.pool.pool import Pool


def attach(session_id: str, task_generator: TaskSource | None = None) -> Curriculum:
    """Join the live pool of a session, from any process of the same user on this machine.

    Args:
        session_id: what ``curriculum.session_id`` is in the process that made it.
        task_generator: needed where the curriculum's generator is a plain callable, which cannot be stored with it; and
            a list of tasks where they are objects that have to be pickled.

    Raises:
        SessionNotFoundError: there is no such session.
        SessionIncompatibleError: what has that name is not a pool of this version of lpcurr; or its tasks are of
            classes whose modules this process has not imported.

    Example:
        >>> from lpcurr import CurriculumConfig
        >>> curriculum = CurriculumConfig(num_active_tasks=4).make()
        >>> other = attach(curriculum.session_id)
        >>> other.add_task(curriculum.get_task().task_id)
        Traceback (most recent call last):
            ...
        lpcurr.errors.DuplicateTaskError: ...
        >>> other.close(); curriculum.close(); curriculum.unlink()
    """
    pool = Pool.attach(session_id)
    try:
        fields = json.loads(pool.config_text)
        if task_generator is not None:
            fields["task_generator"] = None
        config = CurriculumConfig(**fields)
    except (ValueError, TypeError) as error:  # TypeError: JSON, but not an object
        pool.close()
        raise SessionIncompatibleError(
            f"session {session_id!r} cannot be attached: its configuration cannot be read here ({error})"
        ) from error
    return Curriculum(config, task_generator, _pool=pool)


def stored_generator(config: Mapping[str, Any]) -> TaskGenerator | None:
    """Read the task generator that is stored with a pool or a checkpoint, for looking at its tasks' values.

    Args:
        config: the stored configuration, as JSON has it.

    Returns:
        The generator; None where none is stored, or where it cannot be read here.

    Example:
        >>> import lpcurr
        >>> tasks = lpcurr.bucketed({"size": 4}).add_bucket("size", [4, 8])
        >>> generator = stored_generator(lpcurr.CurriculumConfig(task_generator=tasks).model_dump(mode="json"))
        >>> generator.slice_values_of(12)
        {'size': 8}
    """
    try:
        return CurriculumConfig.model_validate({"task_generator": config.get("task_generator")}).task_generator
    except (ValueError, TypeError):
        return None
