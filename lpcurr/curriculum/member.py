"""A process's place in a pool, from the configuration to the end: what all that a curriculum can do stands on.

The pool is made here too, and filled where its tasks are a list, at first or as the list grows.
"""

import contextlib
import json
import logging
import secrets
from collections.abc import Container, Iterable, Sequence
from typing import Self

from lpcurr.curriculum.builder import EpochEvictions, TaskBuilder
from lpcurr.curriculum.config import CurriculumConfig
from lpcurr.curriculum.stages import Stage, Stages
from lpcurr.errors import ConfigError, DuplicateTaskError, PoolFullError, SessionNotFoundError
from lpcurr.generators import ListedTasks, StoredTasks, TaskGenerator, TaskList, TaskSource, as_task_source
from lpcurr.memory import layout, node_figures, sessions, task_records
from lpcurr.pool.making import new_pool
from lpcurr.pool.pool import Pool

_logger = logging.getLogger("lpcurr")
_APPENDING = layout.header_word("appending")


def as_config(config: object) -> CurriculumConfig | None:
    """Return a configuration, or None; else raise ``ConfigError``."""
    if not isinstance(config, CurriculumConfig | None):
        raise ConfigError(
            f"config is a {type(config).__name__}, not a CurriculumConfig: CurriculumConfig.model_validate(config)"
        )
    return config


class PoolMember:
    """A pool that this process made or attached to, its configuration, and its tasks' generator."""

    def __init__(
        self,
        config: CurriculumConfig | None = None,
        task_generator: TaskSource | None = None,
        *,
        _pool: Pool | None = None,
        _filled: bool = True,
    ) -> None:
        config = as_config(config) or CurriculumConfig()
        if task_generator is not None and config.task_generator is not None and _pool is None:
            raise ConfigError("there are two task generators, one in the config and one in the call: give one")
        generator = config.task_generator if task_generator is None else as_task_source(task_generator)
        if config.seed is None:
            config = config.model_copy(update={"seed": secrets.randbits(63)})
        if _pool is None:
            config, self._pool, generator = make_pool(config, generator, filled=_filled)
        else:
            self._pool = _pool
        self._current_config = config.in_use()
        self.performance_mode = config.performance_mode  # statistics leave out what takes a look at every task
        self._generator: TaskGenerator | None = generator
        self._stages = Stages(self._pool, generator, config.stages)
        self._builder = TaskBuilder(self._pool, generator, config.env_cache_size, config.max_task_attempts)
        self._evictions = EpochEvictions(self._pool, self._builder)
        self._rules_stamp = self._pool.rules_stamp

    @property
    def config(self) -> CurriculumConfig:
        """What the curriculum is made of; :meth:`use`, in whichever process, changes its ``algorithm_config``."""
        if not self._pool.closed and self._pool.rules_stamp != self._rules_stamp:
            self._rules_stamp = self._pool.rules_stamp
            stored = CurriculumConfig.model_validate(json.loads(self._pool.config_text) | {"task_generator": None})
            config = self._current_config.model_copy(update={"algorithm_config": stored.algorithm_config})
            self._current_config = config.in_use()
        return self._current_config

    @config.setter
    def config(self, config: object) -> None:
        raise ConfigError(
            "the configuration of a live curriculum cannot be set: curriculum.use(…) changes its scheduler"
        )

    @property
    def session_id(self) -> str | None:
        """What other processes attach by; None for a local pool."""
        return self._pool.session_id

    @property
    def num_active_tasks(self) -> int:
        """How many tasks are in the pool now, of the ``config.num_active_tasks`` for which it has room."""
        return int(self._pool.state["header"]["active_count"][0])

    @property
    def closed(self) -> bool:
        """Whether :meth:`close` was called."""
        return self._pool.closed

    def close(self) -> None:
        """Leave the pool; others go on. May be called twice; any other use afterwards raises ``PoolClosedError``."""
        self._pool.close()

    def unlink(self) -> None:
        """Destroy the pool's shared memory: nobody can attach any more, and it goes with its last user."""
        if self._pool.unlink() and self._pool.session_id is not None:
            task_records.remove(self._pool.session_id)
            node_figures.remove(self._pool.session_id)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        creator = self._pool.is_creator
        self.close()
        if creator:
            self.unlink()

    # -- a list of tasks ----------------------------------------------------------------------------------------

    def _own_list(self) -> ListedTasks | None:
        """Return the list of tasks that all processes of the pool have; None where there is none, or one of its own."""
        kind = StoredTasks if self.session_id is not None else TaskList
        return self._generator if isinstance(self._generator, kind) else None

    def _finish_appending(self) -> None:
        """Put what is appended to the list and missing in the pool into it, unless a process is about to do so."""
        if self._pool.header_words[_APPENDING] and (listed := self._own_list()) is not None:
            with contextlib.suppress(SessionNotFoundError), listed.locked(wait=False) as is_mine:
                if is_mine:
                    self._fill_up(listed, self._stages.locked())

    def _put_grown(self, count: int | None) -> int:
        """Put the tasks of the list into the pool behind the first ``count``, by default none: how many found no room.

        A list that has become shorter, as ``replace_generator`` allows, takes the tasks behind its end out of the pool.
        """
        if (listed := self._own_list()) is None:
            return 0
        header = self._pool.state["header"]
        with listed.locked():
            ids = self._pool.moment(("entry", "task_id")).columns["task_id"]
            for task_id in ids[ids >= len(listed)].tolist():
                self._pool.remove_task(task_id)
            header["listed"] = len(listed) if count is None else min(count, len(listed))
            self._fill_up(listed, self._stages.locked())
            return len(listed) - int(header["listed"][0])

    def _fill_up(self, listed: ListedTasks, locked: Container[str]) -> None:
        """Put the rest of a list, which is kept from others meanwhile, into the pool as far as there is room."""
        header = self._pool.state["header"]
        first = int(header["listed"][0])
        with contextlib.suppress(PoolFullError):  # then the next who appends tries again, and no draw does
            _fill(self._pool, first, map(listed.label_of, range(first, len(listed))), locked)
        header["appending"] = 0


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
    pool = new_pool(
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


def _fill(pool: Pool, first: int, labels: Iterable[str], locked: Container[str]) -> None:
    """Put tasks with consecutive ids into the pool: nothing is to be built, so they wait for nothing."""
    listed = pool.state["header"]["listed"]
    for task_id, label in enumerate(labels, first):
        if label not in locked:
            with contextlib.suppress(DuplicateTaskError):  # by a process that was killed right then
                pool.add_task(task_id, label, pending=False, success_threshold=None)
        listed[0] = task_id + 1
