"""A process's place in a pool: a record in the process table, and with it a random stream of its own.

Streams that a checkpoint left go first, by their ordinals; further processes get fresh ones.
"""

from __future__ import annotations

import contextlib
import os
import threading
import weakref
from typing import NoReturn

import numpy as np

from lpcurr.errors import AttachLimitError, LpcurrError, PoolClosedError, SessionIncompatibleError
from lpcurr.kernels.calls import upkeep
from lpcurr.kernels.machine.settings import ROBUST_MUTEX
from lpcurr.kernels.safety import mutex, waiting
from lpcurr.memory import layout
from lpcurr.memory.answers import error_of
from lpcurr.memory.layout import Status
from lpcurr.memory.process_table import process_records
from lpcurr.memory.processes import own_start_time, pid_namespace, process_is_alive
from lpcurr.memory.segment import Segment, State, problem_of_namespace
from lpcurr.memory.shared_memory import Bytes

_Record = tuple[list[int], Bytes, int, int]  # what `_leave` takes

_records: dict[int, tuple[weakref.ref[Place], _Record]] = {}  # by the identity of their list, until given back

Stream = np.ndarray[tuple[int], np.dtype[np.uint64]]

_INDEX_KEY = (2**32 - 1, 1)  # of no process


def seed_stream(seed: int, *spawn_key: int) -> Stream:
    """The beginning of a random stream, uint64[4]; the spawn key of a process's is its ordinal."""
    return np.random.SeedSequence(seed, spawn_key=spawn_key).generate_state(4, np.uint64)  # type: ignore[return-value]


def index_multiplier(seed: int) -> int:
    """Return the odd number by which a pool of this seed scatters ids over its table, below 2**63."""
    return int(seed_stream(seed, *_INDEX_KEY)[0]) >> 1 | 1


class ClosedWords:
    """The header of a closed pool, of which nothing can be read."""

    def __getitem__(self, index: int) -> NoReturn:
        raise_closed()


def raise_closed(*_: object) -> NoReturn:
    """Raise ``PoolClosedError``, in place of a call on a closed pool."""
    raise PoolClosedError("this curriculum is closed: attach again with lpcurr.attach(session_id), or make a new one")


def raise_again(error: LpcurrError, *_: object) -> NoReturn:
    """Raise an error of this kind, in place of a call in a process that found no place in the pool."""
    raise type(error)(*error.args)


class Place:
    """A process's record in a segment; given back by the last holder that leaves, or with this object.

    All curricula that a process unpickles from one pool hold one place: they are one process.

    Attributes:
        number: of the record.
        pid: the process that took it.
    """

    def __init__(self, segment: Segment) -> None:
        self._segment = segment.share()
        self._holders: set[int] = set()  # by identity
        self._changing = threading.RLock()  # a garbage collector's leave may come in between
        self.take()

    def hold(self, holder: object) -> bool:
        """Note that ``holder`` uses the place; False where the last holder has just given it back."""
        with self._changing:
            if self._leave.alive:
                self._holders.add(id(holder))
            return bool(self._leave.alive)

    def leave(self, holder: object) -> None:
        """``holder`` does not need the place any more; a finalizer alone would swallow an interrupt at this moment."""
        with self._changing:
            self._holders.discard(id(holder))
            answer = 0 if self._holders else self._leave() or 0
        waiting.raise_interruption(answer)

    def take(self) -> None:
        """Take a record and a random stream; records are given memory, or taken from the dead, where none is free."""
        _leave_dropped()
        self.pid = os.getpid()
        content, state = self._segment.bytes, self._segment.state
        numbers: list[int] = []
        record = numbers, content, self.pid, own_start_time()
        _records[id(numbers)] = weakref.ref(self), record
        self._leave = weakref.finalize(self, _leave, *record)
        number = attach_process(*record[:2], state, *record[2:])
        if number == Status.NO_PROCESS_RECORD:
            self._release_dead()
            number = attach_process(*record[:2], state, *record[2:])
        while number == Status.NO_PROCESS_RECORD and state["header"]["process_room"][0] < layout.PROCESS_CAPACITY:
            room = self._segment.reserve_processes(int(state["header"]["process_room"][0]) + 1)
            number = attach_process(*record[:2], state, *record[2:], room)
        if number == Status.NO_PROCESS_RECORD:
            raise AttachLimitError(
                f"{layout.PROCESS_CAPACITY} processes are attached to this pool already, which is the limit: "
                "close() it in those that are done"
            )
        if number < 0:
            waiting.raise_interruption(number)
            raise error_of(number, 0)
        self.number = number

    def _release_dead(self) -> None:
        """Free the records of processes that are no more, where their ids mean the same processes here."""
        state = self._segment.state
        if state["header"]["pid_namespace"][0] != pid_namespace():
            return
        for number, record in enumerate(process_records(state)):
            pid, start_time = int(record["pid"]), int(record["start_time"])
            if pid != 0 and not process_is_alive(pid, start_time):
                upkeep.detach_process.entry(self._segment.bytes, number, pid, start_time)

    def retake_after_fork(self) -> None:
        """In a forked child: take a record of one's own; in a local pool, the parent's, which it has a copy of."""
        self._changing = threading.RLock()  # another thread of the parent may have had it
        if before := self._leave.detach():
            _records.pop(id(before[2][0]), None)
        content, state = self._segment.bytes, self._segment.state
        if self._segment.session_id is not None:
            problem = problem_of_namespace(content, file_lock=not ROBUST_MUTEX)
            if problem:
                raise SessionIncompatibleError(f"this forked process cannot use the pool: {problem}")
            self.take()
            return
        # The copy is of a moment in which another thread of the parent may have been inside a call, as if killed there.
        was_held = ROBUST_MUTEX and state["header"]["mutex"][0, 0] != 0
        mutex.initialise(content)
        if was_held:
            upkeep.recover.entry(content)
            state["header"]["repairs_logged"] = state["header"]["repairs"]
        self.pid = os.getpid()
        record = state["process"][0, self.number]
        record["pid"], record["start_time"] = self.pid, own_start_time()
        for number, word in enumerate(seed_stream(int(state["header"]["seed"][0]), int(record["ordinal"]), self.pid)):
            record[f"stream{number}"] = word


def _leave(numbers: list[int], content: Bytes, pid: int, start_time: int) -> int:
    """Give the process record back: on close, when the place is garbage, or at exit; not in a forked child's name.

    Its number is the last of ``numbers``, of which there is none once it is given back.
    """
    answer = 0
    if os.getpid() == pid and numbers and numbers[-1] >= 0:
        arguments = (content,), map(list.pop, (numbers,)), (pid,), (start_time,)
        with contextlib.suppress(IndexError):  # another thread was first
            (answer,) = map(upkeep.detach_process.entry, *arguments)  # in one go: handlers run before or after it
    _records.pop(id(numbers), None)
    return answer


def _leave_dropped() -> None:
    """Give back what dropped places have left, where a signal handler that raised has cut their `_leave` short."""
    for place, record in list(_records.values()):
        if place() is None:
            _leave(*record)


def attach_process(numbers: list[int], content: Bytes, state: State, pid: int, start_time: int, room: int = 0) -> int:
    """Take a process record with a random stream: its number, or ``NO_PROCESS_RECORD`` of those that have memory.

    ``numbers``: where its number stands as soon as the record is taken, whatever a signal handler raises then.
    ``room``: how many have memory now, where the caller has given them some.
    """
    process = int(Status.ORDINAL_TAKEN)
    while process == Status.ORDINAL_TAKEN:  # by another process that attached, or loaded a checkpoint, at this moment
        seed, ordinal = int(state["header"]["seed"][0]), int(state["header"]["next_stream"][0])
        stream = seed_stream(seed, ordinal)
        arguments = (content,), (pid,), (start_time,), (seed,), (ordinal,), (stream,), (room,)
        numbers += map(upkeep.attach_process.entry, *arguments)  # in one go, in C: handlers run before or after it
        process = int(numbers[-1])
    return process
