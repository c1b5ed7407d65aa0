"""The process table of a segment, of which only a beginning has memory: few pools have thousands of processes."""

from typing import Any, Literal

import numpy as np

from lpcurr.memory import layout

Suspicion = Literal["here", "elsewhere", "alone"]


def process_records(state: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return the process records that have memory, of a segment or of a copy of its tables."""
    records: np.ndarray[Any, Any] = state["process"][0, : int(state["header"]["process_room"][0])]
    return records


def suspect(state: np.ndarray[Any, Any], process: int, task_id: int) -> Suspicion:
    """Note that a task could not be begun by a process, and say whether others play, and could not ``elsewhere``.

    A record remembers few tasks, and forgets one for another: so a fault may be found later, but never a false one.
    """
    records, cell = process_records(state), task_id % layout.SUSPECTS
    records["suspects"][process, cell] = task_id + 1
    others = np.arange(records.size) != process
    if (records["suspects"][others, cell] == task_id + 1).any():
        return "elsewhere"
    return "here" if (others & (records["pid"] != 0) & (records["draws"] > 0)).any() else "alone"


def process_hole(room: int) -> tuple[int, int]:
    """Return where in the segment the process records without memory begin and end, in bytes."""
    return layout.PROCESS_OFFSET + room * layout.PROCESS.itemsize, layout.LABEL_OFFSET


def copy_tables(content: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Copy what lies before the columns: uint8[COLUMNS_OFFSET]."""
    tables = np.zeros(layout.COLUMNS_OFFSET, dtype=np.uint8)
    room = int(content[: layout.HEADER.itemsize].view(layout.HEADER)["process_room"][0])
    begin, end = process_hole(room)
    tables[:begin], tables[end:] = content[:begin], content[end : layout.COLUMNS_OFFSET]
    return tables
