"""A process's place in a pool, from the configuration to the end: what all that a curriculum can do stands on."""

from __future__ import annotations

import json
import secrets
from typing import Self

from lpcurr.curriculum.builder import TaskBuilder
from lpcurr.curriculum.config import CurriculumConfig
from lpcurr.curriculum.evictions import EpochEvictions
from lpcurr.curriculum.making import make_pool
from lpcurr.curriculum.stages import Stages
from lpcurr.errors import ConfigError
from lpcurr.generators import TaskGenerator, TaskSource, as_task_source
from lpcurr.memory import node_figures, task_records
from lpcurr.pool.pool import Pool


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
