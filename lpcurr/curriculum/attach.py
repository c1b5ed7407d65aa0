"""Joining a live pool by its session id."""

import json
import time
from collections.abc import Mapping
from typing import Any

from lpcurr.curriculum.arguments import as_score
from lpcurr.curriculum.config import CurriculumConfig
from lpcurr.curriculum.curriculum import Curriculum
from lpcurr.errors import ConfigError, InvalidScoreError, SessionIncompatibleError, SessionNotFoundError
from lpcurr.generators import TaskGenerator, TaskSource
from lpcurr.pool.pool import Pool

_POLL_SECONDS = 0.05


def attach(session_id: str, task_generator: TaskSource | None = None, *, timeout: float = 0.0) -> Curriculum:
    """Join the live pool of a session, from any process of the same user on this machine.

    Args:
        session_id: what ``curriculum.session_id`` is in the process that made it.
        task_generator: needed where the curriculum's generator is a plain callable, which cannot be stored with it; and
            a list of tasks where they are objects that have to be pickled.
        timeout: seconds to wait for a session that is not there yet, or not ready.

    Raises:
        SessionNotFoundError: there is no such session.
        SessionIncompatibleError: what has that name is not a pool of this version of lpcurr; or its tasks are of
            classes whose modules this process has not imported.
        SegmentSpaceError: this process may not have more memory, or files.

    >>> from lpcurr import CurriculumConfig
    >>> curriculum = CurriculumConfig(num_active_tasks=4).make()
    >>> other = attach(curriculum.session_id)
    >>> other.add_task(curriculum.get_task().task_id)
    Traceback (most recent call last):
        ...
    lpcurr.errors.DuplicateTaskError: ...
    >>> other.close(); curriculum.close(); curriculum.unlink()
    """
    try:
        deadline = time.monotonic() + as_score(timeout, "timeout")
    except InvalidScoreError as error:
        raise ConfigError(f"{error}: give seconds") from None
    pool = _join(session_id, deadline)
    try:
        fields = json.loads(pool.config_text)
        generator = fields.get("task_generator") if isinstance(fields, dict) else None
        if (generator or {}).get("type") == "stored":  # which its maker puts into the pool at once
            while not pool.state["header"]["active_count"][0] and time.monotonic() < deadline:
                time.sleep(_POLL_SECONDS)
        if task_generator is not None:
            fields["task_generator"] = None
        config = CurriculumConfig(**fields)
    except (ValueError, TypeError) as error:  # TypeError: JSON, but not an object
        pool.close()
        raise SessionIncompatibleError(
            f"session {session_id!r} cannot be attached: its configuration cannot be read here ({error})"
        ) from error
    return Curriculum(config, task_generator, _pool=pool)


def _join(session_id: str, deadline: float) -> Pool:
    while True:
        try:
            return Pool.attach(session_id)
        except (SessionNotFoundError, SessionIncompatibleError):  # incompatible: it may be half-made
            if not time.monotonic() < deadline:  # also for NaN
                raise
            time.sleep(_POLL_SECONDS)


def stored_generator(config: Mapping[str, Any]) -> TaskGenerator | None:
    """Read the task generator in a stored configuration; None where there is none, or it cannot be read here.

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
