"""Where tasks live: the id → slot table, the free slots, and the active-slot index.

All of it is derived from the ``task_id`` and ``completion_count`` columns. Every operation is O(1), or O(log n) for the
heap of free slots.
"""

import numpy as np

from lpcurr.kernels.machine.compiling import helper
from lpcurr.kernels.machine.views import column, header_record, index_table
from lpcurr.kernels.safety import faults

GOLDEN_RATIO = np.uint64(0x9E3779B97F4A7C15)
_U32 = np.uint64(32)


@helper
def home_cell(segment, task_id):
    """The cell where the search for an id begins: the high bits of its product with an odd number of the pool's own.

    Dietzfelbinger and others (1997): whatever ids there are, for most such numbers few share a cell.
    """
    header = header_record(segment, 0)
    hashed = (np.uint64(task_id) * np.uint64(header.index_multiplier)) >> _U32
    return np.int64((hashed * np.uint64(header.index_mask + 1)) >> _U32)


@helper
def owner(task_id, nodes):
    """Which of several nodes may evict a task by its score, so that they do not all evict the same one."""
    return np.int64((np.uint64(task_id) * GOLDEN_RATIO) >> _U32) % nodes


@helper
def find_slot(segment, task_id):
    """The slot of a task, -1 where it is not in the pool."""
    mask = header_record(segment, 0).index_mask
    table = index_table(segment)
    ids = column(segment).task_id
    cell = home_cell(segment, task_id)
    while True:
        slot = np.int64(table[cell]) - 1  # 0 marks an empty cell, so that a new segment needs no filling
        if slot < 0 or ids[slot] == task_id:
            return slot
        cell = (cell + 1) & mask


@helper
def index_insert(segment, slot):
    """Enter a slot under its task id, which must not be in the table."""
    mask = header_record(segment, 0).index_mask
    table = index_table(segment)
    cell = home_cell(segment, column(segment).task_id[slot])
    while table[cell] != 0:
        cell = (cell + 1) & mask
    table[cell] = slot + 1


@helper
def index_remove(segment, slot):
    """Take a slot out of the table and close the gap, so that no search needs tombstones (Knuth 6.4, algorithm R)."""
    mask = header_record(segment, 0).index_mask
    table = index_table(segment)
    ids = column(segment).task_id
    hole = home_cell(segment, ids[slot])
    while table[hole] != slot + 1 and table[hole] != 0:  # 0: damaged
        hole = (hole + 1) & mask
    cell = hole
    while True:
        cell = (cell + 1) & mask
        occupant = np.int64(table[cell]) - 1
        if occupant < 0:
            break
        home = home_cell(segment, ids[occupant])
        if ((cell - home) & mask) >= ((cell - hole) & mask):
            table[hole] = occupant + 1
            faults.may_die_here(segment)
            hole = cell
    table[hole] = 0


@helper
def free_cell(segment, place):
    """Which cell of ``active`` is a place of the heap of free slots: from the end on, behind all active slots."""
    return column(segment).active.size - 1 - place


@helper
def take_free_slot(segment):
    """The lowest free slot; there must be one."""
    header = header_record(segment, 0)
    if header.free_count == 0:
        slot = header.high_water
        header.high_water = slot + 1
        faults.may_die_here(segment)
        return slot
    heap = column(segment).active
    slot = np.int64(heap[free_cell(segment, 0)])
    count = header.free_count - 1
    header.free_count = count
    faults.may_die_here(segment)
    moved = heap[free_cell(segment, count)]
    hole = 0
    while 2 * hole + 1 < count:
        child = 2 * hole + 1
        if child + 1 < count and heap[free_cell(segment, child + 1)] < heap[free_cell(segment, child)]:
            child += 1
        if heap[free_cell(segment, child)] >= moved:
            break
        heap[free_cell(segment, hole)] = heap[free_cell(segment, child)]
        faults.may_die_here(segment)
        hole = child
    heap[free_cell(segment, hole)] = moved
    faults.may_die_here(segment)
    return slot


@helper
def give_free_slot(segment, slot):
    """Make a slot free, which must be active no more."""
    header = header_record(segment, 0)
    heap = column(segment).active
    hole = header.free_count
    header.free_count = hole + 1
    faults.may_die_here(segment)
    while hole > 0 and heap[free_cell(segment, (hole - 1) >> 1)] > slot:
        heap[free_cell(segment, hole)] = heap[free_cell(segment, (hole - 1) >> 1)]
        faults.may_die_here(segment)
        hole = (hole - 1) >> 1
    heap[free_cell(segment, hole)] = slot


@helper
def _place(segment, position, slot):
    view = column(segment)
    view.active[position] = slot
    faults.may_die_here(segment)
    view.position[slot] = position
    faults.may_die_here(segment)


@helper
def enter_active(segment, slot):
    """Add a slot to the active index, as unexplored."""
    header = header_record(segment, 0)
    _place(segment, header.active_count, slot)
    header.active_count += 1
    faults.may_die_here(segment)


@helper
def promote(segment, slot):
    """Move an active slot from the unexplored ones to the explored ones."""
    header = header_record(segment, 0)
    view = column(segment)
    border = header.explored_count
    position = np.int64(view.position[slot])
    _place(segment, position, view.active[border])
    _place(segment, border, slot)
    header.explored_count = border + 1
    faults.may_die_here(segment)


@helper
def leave_active(segment, slot):
    """Take a slot out of the active index; the last slots of its groups fill the gap."""
    header = header_record(segment, 0)
    view = column(segment)
    position = np.int64(view.position[slot])
    if position < header.explored_count:
        border = header.explored_count - 1
        _place(segment, position, view.active[border])
        header.explored_count = border
        faults.may_die_here(segment)
        position = border
    last = header.active_count - 1
    if position < last:
        _place(segment, position, view.active[last])
    header.active_count = last
