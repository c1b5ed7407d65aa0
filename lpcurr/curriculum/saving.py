"""Saving a curriculum and going on from where it was."""

import logging
import os
from collections.abc import Mapping
from typing import Any, Self

from lpcurr.checkpoint import Checkpoint, read_checkpoint, restore, write_checkpoint
from lpcurr.curriculum.arguments import as_flag
from lpcurr.curriculum.config import CurriculumConfig
from lpcurr.curriculum.member import PoolMember, as_config
from lpcurr.curriculum.recording import Recording, replay
from lpcurr.curriculum.resuming import check_generator, stored_config, stored_count
from lpcurr.errors import ConfigError
from lpcurr.generators import ListedTasks, StoredTasks, TaskList, TaskSource, as_task_source
from lpcurr.memory import layout
from lpcurr.pool.log import is_read

_logger = logging.getLogger("lpcurr")


class CurriculumCheckpoints(PoolMember):
    """The whole pool as a file or as plain data, and back.

    A checkpoint is of one moment: workers wait while it is copied, and go on while it is written. With one process and
    the same configuration, everything after a load is, bit for bit, what it would have been without the interruption.
    With several, each that attaches goes on with the stream of one of those before, in the order in which they
    attached; further ones get fresh streams.
    """

    _recording: Recording | None = None

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a checkpoint.

        It replaces an older file of that name in one step: whenever the process is killed, what is there is the old
        file or the new one, complete. What a killed save leaves beside it, the next one to the same path removes.

        Args:
            path: the file; its folder must exist.

        Raises:
            OSError: it cannot be written (no such folder, no space, …); an older file is as it was.
            CheckpointError: the pool contradicts itself (see ``find_violations``); nothing was written.

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
        write_checkpoint(self._capture(), path)

    @classmethod
    def load(
        cls,
        path: str | os.PathLike[str],
        task_generator: TaskSource | None = None,
        *,
        config: CurriculumConfig | None = None,
        num_active_tasks: int | None = None,
        use_shared_memory: bool | None = None,
        session_id: str | None = None,
        replace_generator: bool = False,
    ) -> Self:
        """Make a curriculum from a checkpoint; it is verified completely before anything is made.

        Args:
            path: what :meth:`save` wrote.
            task_generator: needed where it was a callable, or a list of tasks, neither of which is stored. A list may
                have grown at its end since.
            config: another configuration: what follows from it is worked out anew for the tasks as they are. Its
                ``seed`` gives way to the checkpoint's, whose random streams go on.
            num_active_tasks: another number of slots. More keep all tasks; fewer keep those with the best scores, of
                equals the older, and a warning is logged.
            use_shared_memory: otherwise than before.
            session_id: under which other processes attach; by default as configured.
            replace_generator: go on with another task generator, or other tasks, than the checkpoint was made with;
                what is in the pool keeps its label.

        Raises:
            CheckpointNotFoundError: there is no such file.
            CheckpointError: it is cut off, altered, of another version or contradicts itself.
            ConfigError: the task generator is not the one that the checkpoint was made with, or is needed.
            SegmentSpaceError: as when a curriculum is made.
        """
        config, checkpoint = as_config(config), read_checkpoint(path)
        base = stored_config(checkpoint, with_generator=task_generator is None) if config is None else config
        stored = None if task_generator is not None else base.task_generator
        if isinstance(stored, StoredTasks):
            raise ConfigError(
                f"{checkpoint.source} is of a list of {stored.count} tasks, which is not stored in it: give the list, "
                "load(path, task_generator=[…])"
            )
        given = as_task_source(task_generator) if task_generator is not None else stored
        if not as_flag(replace_generator, "replace_generator"):
            check_generator(checkpoint, given)
        fields = base.model_dump(exclude={"task_generator"}) | {"seed": checkpoint.description.seed}
        asked = {"num_active_tasks": num_active_tasks, "use_shared_memory": use_shared_memory, "session_id": session_id}
        if isinstance(given, TaskList) and (config is None or "num_active_tasks" not in config.model_fields_set):
            fields["num_active_tasks"] = max(base.num_active_tasks, _room_for(checkpoint, given, base))
        fields |= {name: value for name, value in asked.items() if value is not None}
        curriculum = cls(CurriculumConfig(**fields, task_generator=given), _filled=False)
        try:
            if checkpoint.description.has_generator and given is None:
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

        >>> import json, lpcurr
        >>> with lpcurr.CurriculumConfig(num_active_tasks=4, seed=0).make() as curriculum:
        ...     state = json.loads(json.dumps(curriculum.get_state()))
        ...     once = curriculum.sample_ids(6).tolist()
        ...     curriculum.load_state(state)
        ...     once == curriculum.sample_ids(6).tolist()
        True
        """
        return self._capture().to_state()

    def load_state(self, state: Mapping[str, Any] | str | os.PathLike[str], *, replace_generator: bool = False) -> None:
        """Replace the content of this pool: tasks, labels, counters and random streams.

        Tasks by which a list has grown at its end since the state was taken come in as new ones.

        All attached processes see it at once, between two of their calls; scores for tasks that are gone are refused.
        The pool keeps its size (fewer slots than tasks: see :meth:`load`) and its configuration; the same
        configuration goes on bit for bit.

        Args:
            state: what :meth:`get_state` gave, or the path of a file that :meth:`save` wrote.
            replace_generator: take it although it was made with another task generator, or other tasks.

        Raises:
            CheckpointError: something in it is wrong; the pool is as it was.
            ConfigError: it was made with another task generator; the pool is as it was.
            CheckpointNotFoundError: there is no such file.
        """
        is_path = isinstance(state, (str, os.PathLike))
        checkpoint = read_checkpoint(state) if is_path else Checkpoint.from_state(state)  # type: ignore[arg-type]
        if not as_flag(replace_generator, "replace_generator"):
            check_generator(checkpoint, self._generator)
        if is_read(self._pool):
            raise ConfigError("this pool is being recorded, or shared with other nodes: load before that begins")
        self._restore(checkpoint)

    # By these names trainers know what goes into their checkpoints: Accelerate, torch.distributed.checkpoint.
    state_dict, load_state_dict = get_state, load_state

    def record(self, path: str | os.PathLike[str]) -> Recording:
        """Write all that changes the pool, by whichever process, into a file from which it can be built again.

        The pool needs room for a log (``CurriculumConfig.log_entries``), in which entries wait until a thread of this
        process has written them. It ends with the curriculum's :meth:`close`, or that of what is returned, or its
        ``with`` block.

        Args:
            path: the file; what has that name is replaced.

        Raises:
            ConfigError: the pool has no log, or its log is being read already.
            NotAFileError: the path is a device, a FIFO or a directory.
            OSError: it cannot be written. Once it is under way, a disk that is full ends the recording and nothing
                else; that is logged, and :meth:`close` says so by ``RecordingError``.

        >>> import tempfile, lpcurr
        >>> folder = tempfile.TemporaryDirectory()
        >>> with lpcurr.CurriculumConfig(num_active_tasks=4, log_entries=1000).make() as curriculum:
        ...     recording = curriculum.record(folder.name + "/played.log")
        ...     for task_id in curriculum.sample_ids(10).tolist():
        ...         accepted = curriculum.update_task_performance(task_id, 0.5)
        ...     task = curriculum.get_task_stats(task_id)
        >>> again = lpcurr.Curriculum.replay(folder.name + "/played.log")
        >>> again.get_task_stats(task_id) == task
        True
        >>> folder.cleanup()
        """
        recording = Recording(self._pool, path)
        recording.begin()
        self._recording = recording
        return recording

    @classmethod
    def replay(cls, path: str | os.PathLike[str], at: int | None = None) -> Self:
        """Build a recorded pool again, in this process's memory: truth columns, labels and counters to the bit.

        Args:
            path: what :meth:`record` wrote.
            at: after so many entries; by default after all.

        Raises:
            RecordingError: the file is no recording, or was altered.
            InvalidBatchError: ``at`` is no integer from 0 up.
        """
        return replay(cls, path, at)[0]

    def close(self) -> None:
        try:
            if self._recording is not None:
                self._recording.close()
        finally:
            super().close()

    def _capture(self) -> Checkpoint:
        moment = self._pool.moment()
        checkpoint = Checkpoint.of_moment(moment, self._pool.config_text)
        if isinstance(self._generator, ListedTasks):
            count = min(int(moment.header["listed"]), len(self._generator))  # others may be appending
            checkpoint.description.config["task_generator"] = self._generator.reference(count)
        return checkpoint

    def _restore(self, checkpoint: Checkpoint) -> None:
        settings = stored_config(checkpoint, with_generator=False).header_settings()
        count = stored_count(checkpoint)
        restore(self._pool, checkpoint, settings)
        if left_out := self._put_grown(count):
            _logger.warning("%d of the tasks by which the list has grown find no room in the pool", left_out)


def _room_for(checkpoint: Checkpoint, tasks: TaskList, config: CurriculumConfig) -> int:
    """How many slots are needed for a checkpoint's tasks, those that are locked, and those by which the list grew."""
    listed = stored_count(checkpoint)
    if config.stages or listed is None:
        return len(tasks)
    return int(checkpoint.columns["task_id"].size) + len(tasks) - listed
