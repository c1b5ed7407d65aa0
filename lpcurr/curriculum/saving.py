"""Saving a curriculum and going on from where it was."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Self

from lpcurr.checkpoint import Checkpoint, read_checkpoint, restore, write_checkpoint
from lpcurr.checkpoint.content import refusal
from lpcurr.curriculum.config import CurriculumConfig
from lpcurr.errors import ConfigError
from lpcurr.memory import layout
from lpcurr.pool.pool import Pool

_logger = logging.getLogger("lpcurr")


class CurriculumCheckpoints:
    """The whole pool as a file or as plain data, and back.

    A checkpoint is of one moment: workers wait while it is copied, and go on while it is written. With one process and
    the same configuration, everything after a load is, bit for bit, what it would have been without the interruption.
    With several, each that attaches goes on with the stream of one of those before, in the order in which they
    attached; further ones get fresh streams.

    Attributes:
        config: what the curriculum is made of.
    """

    _pool: Pool

    @property
    def config(self) -> CurriculumConfig:
        """What the curriculum is made of."""
        raise NotImplementedError

    if TYPE_CHECKING:

        def __init__(
            self, config: CurriculumConfig | None = None, task_generator: Callable[[int], Any] | None = None
        ) -> None: ...

        def close(self) -> None: ...

        def unlink(self) -> None: ...

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a checkpoint.

        It replaces an older file of that name in one step: whenever the process is killed, what is there is the old
        file or the new one, complete. What a killed save leaves beside it, the next one to the same path removes.

        Args:
            path: the file; its folder must exist.

        Raises:
            OSError: it cannot be written (no such folder, no space, …); an older file is as it was.
            CheckpointError: the pool contradicts itself (see ``find_violations``); nothing was written.

        Example:
            >>> import tempfile, lpcurr
            >>> folder = tempfile.TemporaryDirectory()
            >>> with lpcurr.CurriculumConfig(num_active_tasks=4, seed=0).make() as curriculum:
            ...     curriculum.save(folder.name + "/pool.lpc")
            ...     expected = curriculum.sample_ids(6).tolist()
            >>> with lpcurr.Curriculum.load(folder.name + "/pool.lpc") as curriculum:
            ...     curriculum.sample_ids(6).tolist() == expected
            True
            >>> folder.cleanup()
        """
        write_checkpoint(Checkpoint.capture(self._pool), path)

    @classmethod
    def load(
        cls,
        path: str | os.PathLike[str],
        task_generator: Callable[[int], Any] | None = None,
        *,
        config: CurriculumConfig | None = None,
        num_active_tasks: int | None = None,
        use_shared_memory: bool | None = None,
        session_id: str | None = None,
    ) -> Self:
        """Make a curriculum from a checkpoint; it is verified completely before anything is made.

        Args:
            path: what :meth:`save` wrote.
            task_generator: instead of the stored one; needed where that was a callable, which is not stored.
            config: another configuration: what follows from it is worked out anew for the tasks as they are. Its
                ``seed`` gives way to the checkpoint's, whose random streams go on.
            num_active_tasks: another number of slots. More keep all tasks; fewer keep those with the best scores, of
                equals the older, and a warning is logged.
            use_shared_memory: otherwise than before.
            session_id: under which other processes attach; by default as configured.

        Raises:
            CheckpointNotFoundError: there is no such file.
            CheckpointError: it is cut off, altered, of another version or contradicts itself.
            ConfigError, SegmentSpaceError: as when a curriculum is made.

        Example:
            See :meth:`save`.
        """
        checkpoint = read_checkpoint(path)
        base = stored_config(checkpoint, with_generator=task_generator is None) if config is None else config
        stored = None if task_generator is not None else base.task_generator
        fields = base.model_dump(exclude={"task_generator"}) | {"seed": checkpoint.description.seed}
        asked = {"num_active_tasks": num_active_tasks, "use_shared_memory": use_shared_memory, "session_id": session_id}
        fields |= {name: value for name, value in asked.items() if value is not None}
        curriculum = cls(CurriculumConfig(**fields, task_generator=stored), task_generator)
        try:
            if checkpoint.description.has_generator and stored is None and task_generator is None:
                _logger.warning(
                    "%s was made with a task generator that is not stored in it: give load(path, task_generator=…), "
                    "or no environment configuration can be built",
                    checkpoint.source,
                )
                curriculum._pool.state["header"]["new_label"] = layout.PENDING  # new tasks wait for one too
            curriculum._restore(checkpoint)
        except BaseException:
            curriculum.close()
            curriculum.unlink()
            raise
        return curriculum

    def get_state(self) -> dict[str, Any]:
        """The whole pool at one moment as dicts, lists, strings, ints and floats, for a checkpoint of your own.

        Anything that keeps Python's ints (64 bits) and floats exactly can store it: ``torch.save``, ``json``, pickle.

        Example:
            >>> import json, lpcurr
            >>> with lpcurr.CurriculumConfig(num_active_tasks=4, seed=0).make() as curriculum:
            ...     state = json.loads(json.dumps(curriculum.get_state()))
            ...     once = curriculum.sample_ids(6).tolist()
            ...     curriculum.load_state(state)
            ...     once == curriculum.sample_ids(6).tolist()
            True
        """
        return Checkpoint.capture(self._pool).to_state()

    def load_state(self, state: Mapping[str, Any] | str | os.PathLike[str]) -> None:
        """Replace the content of this pool: tasks, labels, counters and random streams.

        All attached processes see it at once, between two of their calls; scores for tasks that are gone are refused.
        The pool keeps its size (fewer slots than tasks: see :meth:`load`) and its configuration; the same
        configuration goes on bit for bit.

        Args:
            state: what :meth:`get_state` gave, or the path of a file that :meth:`save` wrote.

        Raises:
            CheckpointError: something in it is wrong; the pool is as it was.
            CheckpointNotFoundError: there is no such file.

        Example:
            See :meth:`get_state`.
        """
        if isinstance(state, (str, os.PathLike)):
            self._restore(read_checkpoint(state))
        else:
            self._restore(Checkpoint.from_state(state))

    def _restore(self, checkpoint: Checkpoint) -> None:
        settings = stored_config(checkpoint, with_generator=False).header_settings()
        restore(self._pool, checkpoint, settings)


def stored_config(checkpoint: Checkpoint, *, with_generator: bool) -> CurriculumConfig:
    """Read the configuration of a checkpoint's pool; raises ``CheckpointError`` where this lpcurr cannot."""
    fields = dict(checkpoint.description.config)
    if not with_generator:
        fields["task_generator"] = None
    try:
        return CurriculumConfig(**fields)
    except (ConfigError, TypeError) as error:
        raise refusal(checkpoint.source, f"its configuration is not one of this version of lpcurr: {error}") from error
