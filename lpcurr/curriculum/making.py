"""Making a curriculum's pool, and filling it where its tasks are a list."""

from __future__ import annotations

import contextlib
import logging
import secrets
from collections.abc import Container, Iterable, Sequence
from typing import Any, TypeGuard

import numpy as np

from lpcurr.curriculum.config import CurriculumConfig
from lpcurr.curriculum.stages import Stage, Stages
from lpcurr.errors import ConfigError, DuplicateTaskError, PoolFullError, SessionNotFoundError
from lpcurr.generators import ListedTasks, StoredTasks, TaskGenerator, TaskList
from lpcurr.generators.listed import own_label
from lpcurr.memory import layout, sessions
from lpcurr.memory.label_names import encode_label
from lpcurr.pool.moment import Int64s
from lpcurr.pool.pool import Pool

_logger = logging.getLogger("lpcurr")


def make_pool(
    config: CurriculumConfig, generator: TaskGenerator | None, *, filled: bool
) -> tuple[CurriculumConfig, Pool, TaskGenerator | None]:
    """Make the pool of a curriculum; a list of tasks is stored beside it, and the pool ``filled`` with them, or not.

    A dead session of the configured name, whose processes were all killed, gives way to it.

    Returns:
        The configuration that the pool was made with, the pool, and the generator that all its processes can use.
    """
    tasks = generator if isinstance(generator, TaskList) else None
    labels: list[str] = []
    if tasks is not None:
        config = config.of_list(len(tasks) if filled else 0)
        labels = [tasks.label_of(task_id) for task_id in range(len(tasks))]
        _check_labels(config.stages, set(labels))
    if config.use_shared_memory and config.session_id and sessions.reap_session(config.session_id):
        _logger.warning("session %r was dead: its processes were killed. It is begun anew", config.session_id)
    session = (config.session_id or secrets.token_hex(6)) if config.use_shared_memory else None
    written: TaskGenerator | None = generator if tasks is None or session is None else StoredTasks(session=session)
    assert config.seed is not None
    settings = config.header_settings() | {
        "new_label": layout.UNKNOWN_LABEL if generator is None else layout.PENDING,
        "log_capacity": 1 << (config.log_entries - 1).bit_length() if config.log_entries else 0,
    }
    pool = Pool.create(
        config.num_active_tasks,
        settings,
        seed=config.seed,
        config_text=config.to_json(written),
        shared=config.use_shared_memory,
        session_id=session,
    )
    if tasks is None:
        return config, pool, generator
    try:
        stored = tasks if session is None else StoredTasks.store(tasks, session)
        if filled:
            _fill(pool, 0, labels, {stage.unlock for stage in config.stages})
    except BaseException:
        pool.close()
        pool.unlink()
        raise
    return config.model_copy(update={"task_generator": None}), pool, stored


def _check_labels(stages: Sequence[Stage], known: set[str]) -> None:
    for label in {label for stage in stages for label in (stage.unlock, stage.after)} - known:
        raise ConfigError(
            f"a stage names the label {label!r}, and no task of the list has it: they have "
            f"{', '.join(sorted(known)[:20])}"
        )


def append_tasks(
    pool: Pool, generator: TaskGenerator | None, stages: Stages, tasks: list[Any], labels: Sequence[str] | None
) -> Int64s:
    """Append tasks to the list that a pool is of, and put them into it but for locked ones: their ids, int64[k].

    All or none: what a process that is killed or interrupted leaves undone, whoever draws or appends next does.

    Raises:
        ConfigError: the generator is no list, or not the pool's, or there are not as many labels as tasks.
        InvalidLabelError: a label is not a string, or too long.
        PoolFullError: there is no room for all of them.
    """
    if not isinstance(generator, ListedTasks):
        raise ConfigError("only a list of tasks can be appended to: make the curriculum with tasks=[…]")
    if not _is_of_pool(generator, pool):
        raise ConfigError("this process attached with a list of its own, which nobody else has: append in another one")
    if labels is not None and len(labels) != len(tasks):
        raise ConfigError(f"there are {len(labels)} labels for {len(tasks)} tasks: give one for each")
    for task, label in zip(tasks, labels or [""] * len(tasks), strict=True):
        encode_label(label or own_label(task))
    with generator.locked():
        locked = stages.locked()
        _fill_up(pool, generator, locked)
        room = pool.capacity - int(pool.state["header"]["active_count"][0]) - sum(map(len, locked.values()))
        if len(tasks) > room:
            raise PoolFullError(
                f"there is room for {room} more tasks, not for {len(tasks)}: make the curriculum with a larger "
                "num_active_tasks, or evict tasks"
            )
        ids = len(generator) + np.arange(len(tasks), dtype=np.int64)
        pool.state["header"]["appending"] = 1
        try:
            generator.append(tasks, labels)
            _fill_up(pool, generator, locked)
        except BaseException:  # such as a signal handler's: the list may have them
            _fill_up(pool, generator, locked)
            raise
    return ids


def finish_appending(pool: Pool, generator: TaskGenerator | None, stages: Stages) -> None:
    """Put what is appended to the list and missing in the pool into it, unless a process is about to do so."""
    if _is_of_pool(generator, pool):
        with contextlib.suppress(SessionNotFoundError), generator.locked(wait=False) as is_mine:
            if is_mine:
                _fill_up(pool, generator, stages.locked())


def put_grown(pool: Pool, generator: TaskGenerator | None, stages: Stages, count: int | None) -> int:
    """Put the tasks of the list into the pool behind the first ``count``, by default none: how many found no room.

    A list that has become shorter, as ``replace_generator`` allows, takes the tasks behind its end out of the pool.
    """
    if not _is_of_pool(generator, pool):
        return 0
    with generator.locked():
        ids = pool.moment(("entry", "task_id")).columns["task_id"]
        for task_id in ids[ids >= len(generator)].tolist():
            pool.remove_task(task_id)
        pool.state["header"]["listed"] = len(generator) if count is None else min(count, len(generator))
        _fill_up(pool, generator, stages.locked())
        return len(generator) - int(pool.state["header"]["listed"][0])


def _is_of_pool(generator: TaskGenerator | None, pool: Pool) -> TypeGuard[ListedTasks]:
    """Whether this is the list that all processes have; not one that was given to ``attach``."""
    return isinstance(generator, StoredTasks if pool.session_id is not None else TaskList)


def _fill_up(pool: Pool, generator: ListedTasks, locked: Container[str]) -> None:
    """Put the rest of a list, which is kept from others meanwhile, into the pool as far as there is room."""
    first = int(pool.state["header"]["listed"][0])
    with contextlib.suppress(PoolFullError):  # then the next who appends tries again, and no draw does
        _fill(pool, first, map(generator.label_of, range(first, len(generator))), locked)
    pool.state["header"]["appending"] = 0


def _fill(pool: Pool, first: int, labels: Iterable[str], locked: Container[str]) -> None:
    """Put tasks with consecutive ids into the pool: nothing is to be built, so they wait for nothing."""
    listed = pool.state["header"]["listed"]
    for task_id, label in enumerate(labels, first):
        if label not in locked:
            with contextlib.suppress(DuplicateTaskError):  # by a process that was killed right then
                pool.add_task(task_id, label, pending=False, success_threshold=None)
        listed[0] = task_id + 1
