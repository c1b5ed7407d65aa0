"""Joining a live pool by its session id."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from lpcurr.curriculum.config import CurriculumConfig
from lpcurr.curriculum.curriculum import Curriculum
from lpcurr.errors import SessionIncompatibleError
from lpcurr.pool.pool import Pool


def attach(session_id: str, task_generator: Callable[[int], Any] | None = None) -> Curriculum:
    """Join the live pool of a session, from any process of the same user on this machine.

    Args:
        session_id: what ``curriculum.session_id`` is in the process that made it.
        task_generator: needed where the curriculum's generator is a plain callable, which cannot be stored with it.

    Raises:
        SessionNotFoundError: there is no such session.
        SessionIncompatibleError: what has that name is not a pool of this version of lpcurr.

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
        config = CurriculumConfig(**json.loads(pool.config_text))
    except (ValueError, TypeError) as error:  # TypeError: JSON, but not an object
        pool.close()
        raise SessionIncompatibleError(
            f"session {session_id!r} cannot be attached: its configuration cannot be read here ({error})"
        ) from error
    return Curriculum(config, task_generator, _pool=pool)
