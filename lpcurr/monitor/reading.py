"""Reading a session's memory from outside: mapped for reading alone, without the lock, without a trace."""

import json
import mmap
import os
from collections.abc import Iterable
from typing import Any

import numpy as np

from lpcurr.errors import LpcurrError, SessionIncompatibleError, SessionNotFoundError
from lpcurr.memory import layout, node_figures
from lpcurr.memory.damage import problem_of, problem_of_cells
from lpcurr.memory.process_table import process_records
from lpcurr.memory.processes import NAME_PREFIX, process_is_alive
from lpcurr.memory.segment import not_found
from lpcurr.memory.sessions import Session, is_held, list_sessions
from lpcurr.memory.shared_memory import opened
from lpcurr.pool.moment import TRUTH, Moment

_QUIET_ATTEMPTS = 20


def find_session(session_id: str | None) -> str:
    """The session that is meant: by its id or the beginning of it, or the only one that is live."""
    live = [session for session in list_sessions() if session.alive and not session.problem]
    if session_id is None:
        if not live:
            raise SessionNotFoundError(
                "no session is running on this machine under this user (a curriculum in shared memory makes one)"
            )
        matching = live
    else:
        matching = [session for session in live if session.session_id.startswith(session_id)]
        if any(session.session_id == session_id for session in matching) or not matching:
            return session_id
    if len(matching) > 1:
        listed = "\n".join(f"  {_describe(session)}" for session in matching)
        raise LpcurrError(f"{len(matching)} sessions are running: name one of them (its first letters do)\n{listed}")
    return matching[0].session_id


def _describe(session: Session) -> str:
    age = "" if session.age is None else f", {session.age:.0f} s old"
    return f"{session.session_id:20}  process {session.creator_pid}{age}, {session.tasks} tasks, {session.algorithm}"


class SessionReader:
    """A session's memory, read-only; ``capacity``: slots of the pool.

    Raises:
        SessionNotFoundError: there is no such session.
        SessionIncompatibleError: what has that name is not a pool of this version of lpcurr.

    >>> from lpcurr import CurriculumConfig
    >>> curriculum = CurriculumConfig(num_active_tasks=4, seed=0).make()
    >>> ids = curriculum.sample_ids(10)
    >>> reader = SessionReader(curriculum.session_id)
    >>> int(reader.header()["scheduled"]), reader.ending()
    (10, '')
    >>> curriculum.close(); curriculum.unlink()
    >>> reader.ending()
    'closed by its creator'
    >>> reader.close()
    """

    def __init__(self, session_id: str) -> None:
        self.session_id = session_id
        self._name = NAME_PREFIX + session_id
        try:
            with opened(self._name) as descriptor:
                status = os.fstat(descriptor)
                self._identity = status.st_dev, status.st_ino
                self._mapping = mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ)
        except (FileNotFoundError, UnicodeError):
            raise not_found(session_id) from None
        except PermissionError as error:
            raise SessionIncompatibleError(f"session {session_id!r} cannot be read: {error.strerror}") from None
        except ValueError:  # mmap's, of an empty file
            raise SessionIncompatibleError(f"session {session_id!r} cannot be read: it is empty") from None
        content: np.ndarray[Any, np.dtype[np.uint8]] = np.frombuffer(self._mapping, dtype=np.uint8)
        self._refuse(problem_of(content, content.size))
        self.capacity = int(content[: layout.HEADER.itemsize].view(layout.HEADER)["capacity"][0])
        dtype = layout.segment_dtype(self.capacity)
        self._content = content
        self._state = content[: dtype.itemsize].view(dtype)

    def close(self) -> None:
        """Give the memory up."""
        del self._content, self._state
        try:
            self._mapping.close()
        except BufferError:  # somebody holds an array of it still, which keeps it mapped
            return

    def _refuse(self, problem: str) -> None:
        if problem:
            raise SessionIncompatibleError(f"session {self.session_id!r} cannot be read: {problem}")

    def header(self) -> np.void:
        """A copy of the header."""
        record: np.void = self._state["header"].copy()[0]
        return record

    def processes(self) -> np.ndarray[Any, np.dtype[np.void]]:
        """A copy of the records of the attached processes, dead ones included."""
        table = process_records(self._state)
        records: np.ndarray[Any, np.dtype[np.void]] = table[table["pid"] > 0]
        return records

    def config(self) -> dict[str, Any]:
        """The configuration that the creator left with the pool."""
        header = self.header()
        start, size = layout.config_place(header)
        try:
            found = json.loads(self._content[start : start + size].tobytes() or b"{}")
        except (ValueError, RecursionError) as error:
            self._refuse(f"its configuration is damaged ({error})")
        return found if isinstance(found, dict) else {}

    def nodes(self) -> dict[str, Any]:
        """What the last exchange with other nodes was: see ``lpcurr.distributed.replica``; empty where there are none.

        ``ahead`` is added: records of this node's log that the others have not seen.
        """
        header = self._state["header"][0]
        figures = node_figures.read(self.session_id) if header["nodes"] else {}
        return figures and figures | {"ahead": int(header["log_end"] - header["log_begin"])}

    def moment(self, names: Iterable[str] = TRUTH) -> Moment:
        """Copy the pool while it changes: see :meth:`lpcurr.pool.moment.Moment.of_state`."""
        self._refuse(problem_of(self._content, self._content.size) or problem_of_cells(self._state))
        return Moment.of_state(self._state, names)

    def moment_at_rest(self) -> tuple[Moment, bool]:
        """Copy the pool from a moment in which nothing happened if there is one; whether there was."""
        for _ in range(_QUIET_ATTEMPTS):
            before = self._progress_marks()
            moment = self.moment()
            if self._progress_marks() == before:
                return moment, True
        return moment, False

    def _progress_marks(self) -> tuple[int, ...]:
        header = self._state["header"]
        names = ("completed", "scheduled", "created", "evicted", "label_stamp", "epoch")
        return int(header["journal_count"][0].max()), *(int(header[name][0]) for name in names)

    def ending(self) -> str:
        """How the session ended; empty while it goes on."""
        header = self._state["header"][0]
        holders = [(int(header["creator_pid"]), int(header["creator_start_time"]))]
        holders += [(int(each["pid"]), int(each["start_time"])) for each in self.processes()]
        try:
            with opened(self._name) as descriptor:
                status = os.fstat(descriptor)
                if (status.st_dev, status.st_ino) != self._identity:
                    return "replaced by a new session of the same name"
                # Process ids do not tell of who has it open in another container.
                if any(process_is_alive(*each) for each in holders if each[0] > 0) or is_held(descriptor):
                    return ""
        except (FileNotFoundError, PermissionError):
            return "closed by its creator"
        return "all its processes are dead"
