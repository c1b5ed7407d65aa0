"""The Python face of the kernels: ids and scores in, status codes turned into errors.

A :class:`Pool` is one process's hold on a segment. It keeps nothing that another process needs: what it has beside the
segment is its own place in the process table. ``draw`` and ``update``, the two calls of an episode, are the compiled
kernels themselves with the segment bound to them, so that nothing stands between a caller and the machine code.
"""

from __future__ import annotations

import contextlib
import logging
import os
import weakref
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from lpcurr import kernels
from lpcurr.errors import ConfigError, LpcurrError, PoolClosedError, PoolEmptyError, shown
from lpcurr.kernels.calls import batches, episode, upkeep
from lpcurr.kernels.calls import checkpoints as restore
from lpcurr.kernels.machine.settings import ROBUST_MUTEX
from lpcurr.kernels.safety import waiting
from lpcurr.memory import layout
from lpcurr.memory.answers import error_of
from lpcurr.memory.damage import refuse_damage
from lpcurr.memory.label_names import encode_label
from lpcurr.memory.layout import Status
from lpcurr.memory.segment import Segment, State
from lpcurr.memory.shared_memory import Bytes
from lpcurr.pool.moment import TRUTH, Float64s, Int64s, Moment
from lpcurr.pool.place import ClosedWords, Place, raise_again, raise_closed

_logger = logging.getLogger("lpcurr")

_NONE = np.empty(0, dtype=np.float64)
_KEEP_LABEL = (np.zeros(1, dtype=np.uint8), -1, 0)

# By identity; a dictionary, since its values can be listed while other threads make pools.
_open_pools: weakref.WeakValueDictionary[int, Pool] = weakref.WeakValueDictionary()


class Pool:
    """A pool of tasks, in shared or local memory.

    Attributes:
        draw: ``draw() -> (task_id, packed)``: hand out one task; see :mod:`lpcurr.kernels.calls.episode`.
        update: ``update(task_id, score, signal, cost) -> status``: credit a score. Takes an ``int`` and ``float``s
            exactly.
        capacity: number of slots.
        process: the number of this process's record.
    """

    draw: Callable[[], tuple[int, int]]
    update: Callable[[int, float, float, float], int]

    def __init__(self, segment: Segment, place: Place | None = None) -> None:
        self._segment = segment
        if place is None or not place.hold(self):
            place = Place(segment)
            place.hold(self)
        self._place: Place | None = place
        self._warn_of_fork = False
        self.capacity = int(segment.state["header"]["capacity"][0])
        self._bind(place)
        _open_pools[id(self)] = self

    @classmethod
    def attach(cls, session_id: str, *, may_share: bool = False) -> Pool:
        """Join the live pool of a session; ``may_share``: in the place that this process has there already, if any."""
        kernels.compile_all()
        for pool in _listed_pools() if may_share else ():
            with contextlib.suppress(PoolClosedError, AttributeError):  # closed by another thread at this moment
                if pool.session_id == session_id and pool._segment.is_current:
                    return cls(pool._segment.share(), pool._place)
        segment = Segment.attach(session_id, file_lock=not ROBUST_MUTEX)
        try:
            return cls(segment)
        except BaseException:
            segment.close()
            raise

    def _bind(self, place: Place) -> None:
        content = self._segment.bytes
        self.process = place.number
        self.draw = partial(episode.draw.entry, content, self.process)
        self.update = partial(episode.update.entry, content, self.process)
        self.header_words = memoryview(content[: layout.HEADER.itemsize].view(np.int64))  # type: ignore[arg-type]

    def count_steps(self, count: int) -> None:
        """Add environment steps to this process's record, up to 2**53; nobody else writes there: it takes no lock."""
        steps = self.state["process"]["steps"][0]
        steps[self.process] = min(int(steps[self.process]) + count, 2**53)

    def after_fork(self) -> None:
        """In a forked child: become a process of one's own, with a random stream of one's own."""
        place = self._place
        if place is None:  # another thread of the parent was closing it
            self.close()
            return
        try:
            if place.pid != os.getpid():
                place.retake_after_fork()
        except LpcurrError as error:  # the child may never use it; if it does, this is what it hears
            self._segment.close(error)
            self.draw = self.update = partial(raise_again, error)
            return
        self._bind(place)
        if self.session_id is None:
            self._warn_of_fork = True
            self.draw = lambda: self._warned_of_fork().draw()
            self.update = lambda *arguments: self._warned_of_fork().update(*arguments)

    def _warned_of_fork(self) -> Pool:
        """Warn at the first use of a local pool in a forked child, once."""
        _logger.warning(
            "process %d was forked with a curriculum that is not in shared memory: what it plays stays in its own copy "
            "of the pool; make the curriculum with use_shared_memory=True for the processes to share it",
            os.getpid(),
        )
        self._warn_of_fork = False
        assert self._place is not None
        self._bind(self._place)
        return self

    # -- life ---------------------------------------------------------------------------------------------------

    @property
    def session_id(self) -> str | None:
        """What other processes attach by; None for a local pool."""
        return self._segment.session_id

    @property
    def state(self) -> State:
        """The live segment as one structured element; reading it is not synchronised (see :meth:`snapshot`)."""
        return self._segment.state

    @property
    def config_text(self) -> bytes:
        """The configuration that holds now."""
        return self._segment.config_text

    @property
    def closed(self) -> bool:
        """Whether :meth:`close` was called."""
        return self._segment.closed

    @property
    def is_creator(self) -> bool:
        """Whether this process made the shared segment."""
        return self._segment.is_creator

    def check_open(self) -> None:
        """Raise ``PoolClosedError`` after :meth:`close`."""
        if self.closed:
            raise_closed()

    def close(self) -> None:
        """Leave the pool. Calling it again does nothing; using the pool afterwards raises ``PoolClosedError``."""
        if self.closed:
            return
        if self._place is not None:
            self._place.leave(self)
        self._place = None
        self.draw = self.update = raise_closed
        self.header_words = ClosedWords()  # type: ignore[assignment]
        self._segment.close()
        _open_pools.pop(id(self), None)

    def unlink(self) -> bool:
        """Destroy the shared segment, which attached processes may go on to use; False where it is gone already."""
        return self._segment.unlink()

    # -- tasks --------------------------------------------------------------------------------------------------

    def draw_many(self, count: int) -> tuple[Int64s, Int64s]:
        """Hand out ``count`` tasks , giving way to others after each 65,536: ids and packed, int64[count]."""
        if self._warn_of_fork:
            self._warned_of_fork()
        ids, packed = np.empty(count, dtype=np.int64), np.empty(count, dtype=np.int64)
        status = episode.draw_many.entry(self._segment.bytes, self.process, ids, packed)
        if status < 0:
            self.fail(status)
        return ids, packed

    def fill_batch(self, ids: Int64s, packed: Int64s, label: str | None, distinct: bool) -> None:
        """Hand out a task for each negative cell of ``ids``, distinct or of one label or both, under one lock turn."""
        name = _KEEP_LABEL if label is None else encode_label(label)
        if self._warn_of_fork:
            self._warned_of_fork()
        scratch = np.empty_like(ids), np.empty_like(ids), np.empty(ids.size), np.zeros(self.capacity, dtype=np.uint8)
        given = ids, packed, *scratch, *name, distinct
        status, room = batches.draw_batch.entry(self._segment.bytes, self.process, *given)
        if status < 0:
            there = room + distinct * np.sum(ids >= 0)
            if there == 0 and status == Status.NOT_ENOUGH_TASKS:  # a label has none
                raise PoolEmptyError(f"no task of label {shown(label)} is in the pool: stats() counts them by label")
            of_label = "" if label is None else f" of label {shown(label)}"
            self.fail(status, where=f": {ids.size} were asked for, and there are {there}{of_label}")

    def update_many(
        self, ids: Int64s, scores: Float64s, signals: Float64s = _NONE, costs: Float64s = _NONE
    ) -> tuple[int, NDArray[np.bool_]]:
        """Credit ``scores[i]`` to ``ids[i]``, giving way: how many were accepted, and which, bool[k]."""
        if self._warn_of_fork:
            self._warned_of_fork()
        credited = np.empty(ids.size, dtype=np.uint8)
        columns = ids, scores, signals, costs, credited
        status, count = episode.update_many.entry(self._segment.bytes, self.process, *columns)
        if status < 0:
            given = {Status.INVALID_SIGNAL: signals, Status.INVALID_COST: costs}.get(status, scores)[count].item()
            self.fail(status, ids[count].item(), given, f" (at index {count} of the batch; nothing was written)")
        return int(count), credited.view(np.bool_)

    def add_task(self, task_id: int, label: str | None, *, pending: bool, success_threshold: float | None) -> None:
        """Put a task into the pool; ``pending``: its configuration is yet to be built once."""
        threshold = self.state["header"]["success_threshold"][0] if success_threshold is None else success_threshold
        name = _KEEP_LABEL if label is None else encode_label(label)
        settled = float(threshold), int(pending), *name
        status = upkeep.add_task.entry(self._segment.bytes, self.process, task_id, *settled)
        if status < 0:
            self.fail(status, task_id)

    def label_task(self, task_id: int, packed: int, label: str | None) -> int:
        """Say that a drawn task has been built, and what its label is (None: as it was); the label's row, or -1."""
        name = _KEEP_LABEL if label is None else encode_label(label)
        row = upkeep.label_task.entry(self._segment.bytes, self.process, task_id, packed, *name)
        return max(self._checked(row), -1)

    def remove_task(self, task_id: int, *, dropped: bool = False) -> bool:
        """Take a task out of the pool; False where it is not in it."""
        status = upkeep.remove_task.entry(self._segment.bytes, self.process, task_id, int(dropped))
        return self._checked(status) == Status.ACCEPTED

    def read_task(self, task_id: int) -> dict[str, Any] | None:
        """A task's truth columns by name (``label`` as its row), None where it is not in the pool."""
        row = np.empty(len(layout.TRUTH_COLUMNS), dtype=np.int64)
        status = upkeep.read_task.entry(self._segment.bytes, self.process, task_id, row)
        if self._checked(status) < 0:
            return None
        cells = {name: row[i : i + 1].view(dtype)[0].item() for i, (name, dtype) in enumerate(layout.TRUTH_COLUMNS)}
        cells["label"] &= layout.PENDING - 1
        return cells

    # -- labels -------------------------------------------------------------------------------------------------

    @property
    def label_stamp(self) -> int:
        """Grows whenever a row may come to mean another label."""
        return int(self.state["header"]["label_stamp"][0])

    def catch_up(self) -> int:
        """Take note of the present label stamp, and of repairs; the stamp."""
        stamp = self.label_stamp
        self.state["process"]["label_stamp"][0, self.process] = stamp
        self._log_repairs()
        return stamp

    def _log_repairs(self) -> None:
        """Warn of repairs since the last warning; of all processes, the one that is here first."""
        header = self.state["header"]
        repairs = int(header["repairs"][0])
        if repairs > header["repairs_logged"][0]:
            header["repairs_logged"] = repairs
            _logger.warning("a worker died inside the pool; its unfinished call was rolled back (%d so far)", repairs)

    def label_name(self, row: int, stamp: int) -> str | None:
        """The label in a row; None if rows have been renamed since ``stamp``."""
        name = np.empty(layout.LABEL_BYTES, dtype=np.uint8)
        size = upkeep.read_label.entry(self._segment.bytes, self.process, row, stamp, name)
        return name[:size].tobytes().decode(errors="replace") if self._checked(size) >= 0 else None

    def changed_evictions(self, hashes: Int64s, counts: Int64s) -> list[int]:
        """Bring this epoch's evictions up to date, int64[LABEL_CAPACITY] by label row; the rows that changed."""
        rows = np.empty(layout.LABEL_CAPACITY, dtype=np.int64)
        found = upkeep.epoch_evictions.entry(self._segment.bytes, self.process, hashes, counts, rows)
        return list(map(int, rows[: self._checked(found)]))

    # -- all tasks ----------------------------------------------------------------------------------------------

    def moment(self, names: Sequence[str] = TRUTH) -> Moment:
        """Copy the tables and truth columns under one lock turn; without names the tables alone, O(1)."""
        refuse_damage(self._segment.bytes, self.state if names else None)
        tables: Bytes = np.zeros(layout.COLUMNS_OFFSET, dtype=np.uint8)
        numbers = np.array([TRUTH.index(name) for name in names], dtype=np.int64)
        slots, needed = -1, int(self.state["header"]["high_water"][0]) if names else 0
        while slots < needed:
            slots = min(needed + needed // 8 + 64, self.capacity) if names else 0  # others may be filling the pool
            cells = np.empty((numbers.size, slots), dtype=np.int64)
            active = np.empty(slots, dtype=np.int32)
            cells[:] = active[:] = 0  # page faults now, not while everyone waits
            needed = restore.capture.entry(self._segment.bytes, self.process, tables, numbers, cells, active)
            self._checked(needed)
        self._log_repairs()
        dtypes = dict(layout.TRUTH_COLUMNS)
        columns = {name: cells[row].view(dtypes[name]) for row, name in enumerate(names)}
        return Moment.of_cells(tables, columns, active)

    def snapshot(self) -> State:
        """A consistent private copy of the whole segment, with the same dtype."""
        refuse_damage(self._segment.bytes)
        copy: Bytes = np.zeros(self.state.dtype.itemsize, dtype=np.uint8)
        self._checked(upkeep.snapshot.entry(self._segment.bytes, self.process, copy))
        self._log_repairs()
        return copy.view(self.state.dtype)

    def replace(self, image: State, saved: int, provided: int) -> int:
        """Put an image in place of the content, or say how many streams that takes: see ``calls.checkpoints``."""
        image["header"]["process_room"] = self._segment.reserve_processes(saved)
        needed = restore.replace.entry(self._segment.bytes, self.process, image.view(np.uint8), saved, provided)
        return self._checked(needed)

    def use(self, rules: Mapping[str, Any], config_text: bytes) -> None:
        """Put other rules into force, by the names of ``layout.RULE_FIELDS``, and their configuration."""
        size, room = len(config_text), int(self.state["header"]["config_room"][0])
        if size > room:
            raise ConfigError(f"the configuration has {size} bytes, this pool has room for {room}: make a new pool")
        text = np.frombuffer(config_text.ljust(-(-size // 8) * 8, b" "), dtype=np.int64)
        self._checked(upkeep.use.entry(self._segment.bytes, self.process, rule_words(rules), text, size))

    @property
    def rules_stamp(self) -> int:
        """Grows whenever the rules may have changed."""
        return int(self.state["header"]["rules_stamp"][0])

    def end_epoch(self) -> int:
        """Begin a new epoch for the per-epoch counters; how many have ended."""
        epoch = self._checked(upkeep.end_epoch.entry(self._segment.bytes, self.process))
        self._log_repairs()
        return epoch

    # -- errors -------------------------------------------------------------------------------------------------

    def _checked(self, answer: int) -> int:
        if answer == Status.LOCK_LOST:
            self.fail(answer)
        return int(answer)

    def fail(self, status: int, task_id: object = None, value: object = None, where: str = "") -> NoReturn:
        """Raise the error for a kernel's negative status; of a wait that was interrupted, what did."""
        waiting.raise_interruption(status)
        raise error_of(status, self.capacity, task_id, value, where)


def _listed_pools() -> list[Pool]:
    return [pool for reference in _open_pools.valuerefs() if (pool := reference()) is not None]


def _after_fork_in_child() -> None:
    for pool in (pool for pool in _listed_pools() if not pool.closed):
        pool.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)


def rule_words(rules: Mapping[str, Any]) -> Int64s:
    """Return rules, by the names of ``layout.RULE_FIELDS``, as they lie in the header."""
    header = np.zeros(1, dtype=layout.HEADER)
    for name, value in rules.items():
        header[name] = value
    return header.view(np.int64)[slice(*layout.RULE_WORDS)].copy()
