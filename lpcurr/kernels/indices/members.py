"""The tasks of each label, one after the other: any of them in constant time. Kept where draws are made by label.

Each task has a place among those of its label, 0 … n − 1, which stands in its label cell: the last one takes the place
of one that goes. A table finds the slot of a place, by open addressing as the one of ids does. Places are truth, since
draws go by them; which task has which does not matter, so where they are not 0 … n − 1, as in a pool that was not drawn
from by label before, a rebuild gives them anew.
"""

import numpy as np

from lpcurr.kernels.indices.slots import GOLDEN_RATIO
from lpcurr.kernels.machine.compiling import helper
from lpcurr.kernels.machine.views import column, header_record, label_record
from lpcurr.kernels.safety import faults, journal
from lpcurr.memory import layout

_U32 = np.uint64(32)
_BELOW_PLACE = (1 << layout.PLACE_SHIFT) - 1
_LABEL_FIRST, _LABEL_LAST = layout.truth_range("label", "label")


@helper
def row_of(cell):
    """The label's row in a cell of the ``label`` column."""
    return cell & (layout.PENDING - 1)


@helper
def _home(row, place, size):
    key = np.uint64((row << 32) | place)
    return np.int64((key * GOLDEN_RATIO) >> _U32) * size >> 32


@helper
def _home_of(segment, slot):
    view = column(segment)
    return _home(row_of(view.label[slot]), view.label[slot] >> layout.PLACE_SHIFT, view.member.size)


@helper
def slot_at(segment, row, place):
    """The slot of the task at a place of a label, -1 where there is none."""
    view = column(segment)
    size = view.member.size
    cell = _home(row, place, size)
    while True:
        slot = np.int64(view.member[cell]) - 1
        if slot < 0 or (view.label[slot] >> layout.PLACE_SHIFT == place and row_of(view.label[slot]) == row):
            return slot
        cell = cell + 1 if cell + 1 < size else 0


@helper
def _insert(segment, slot):
    view = column(segment)
    cell = _home_of(segment, slot)
    while view.member[cell] != 0:
        cell = cell + 1 if cell + 1 < view.member.size else 0
    view.member[cell] = slot + 1
    faults.may_die_here(segment)


@helper
def _cell_of(segment, slot):
    view = column(segment)
    cell = _home_of(segment, slot)
    while view.member[cell] != slot + 1 and view.member[cell] != 0:  # 0: damaged
        cell = cell + 1 if cell + 1 < view.member.size else 0
    return cell


@helper
def _remove(segment, slot):
    """Take a slot out of the table and close the gap (Knuth 6.4, algorithm R)."""
    view = column(segment)
    size = view.member.size
    hole = cell = _cell_of(segment, slot)
    while True:
        cell = cell + 1 if cell + 1 < size else 0
        occupant = np.int64(view.member[cell]) - 1
        if occupant < 0:
            break
        home = _home_of(segment, occupant)
        if (cell - home + size) % size >= (cell - hole + size) % size:
            view.member[hole] = occupant + 1
            faults.may_die_here(segment)
            hole = cell
    view.member[hole] = 0
    faults.may_die_here(segment)


@helper
def _put(segment, slot, place):
    view = column(segment)
    view.label[slot] = (view.label[slot] & _BELOW_PLACE) | (place << layout.PLACE_SHIFT)
    faults.may_die_here(segment)


@helper
def enter(segment, slot):
    """Give a task the next place of its label, whose ``active`` does not count it yet; its cell is in the journal."""
    _put(segment, slot, label_record(segment, row_of(column(segment).label[slot])).active)
    _insert(segment, slot)


@helper
def leave(segment, slot):
    """Give the place of a task to the last one of its label, whose ``active`` still counts both."""
    view = column(segment)
    row = row_of(view.label[slot])
    last = slot_at(segment, row, label_record(segment, row).active - 1)
    _remove(segment, last)
    if last != slot:
        cell = _cell_of(segment, slot)
        view.member[cell] = last + 1
        faults.may_die_here(segment)
        journal.remember_columns(segment, _LABEL_FIRST, _LABEL_LAST, last)
        _put(segment, last, view.label[slot] >> layout.PLACE_SHIFT)


@helper
def _clear(segment):
    table = column(segment).member
    for cell in range(table.size):
        table[cell] = 0
    faults.may_die_here(segment)


@helper
def rebuild(segment):
    """Make the table, and where places are not 0 … n − 1 in each label, give them anew; labels count their tasks."""
    _clear(segment)
    header = header_record(segment, 0)
    view = column(segment)
    if header.label_share == 0.0:
        return
    for position in range(header.active_count):
        slot = np.int64(view.active[position])
        row, place = row_of(view.label[slot]), view.label[slot] >> layout.PLACE_SHIFT
        if place < 0 or place >= label_record(segment, row).active or slot_at(segment, row, place) >= 0:
            _give_places(segment)
            return
        _insert(segment, slot)


@helper
def _give_places(segment):
    _clear(segment)
    header = header_record(segment, 0)
    for row in range(header.label_count):
        label_record(segment, row).active = 0
    faults.may_die_here(segment)
    for position in range(header.active_count):
        slot = np.int64(column(segment).active[position])
        enter(segment, slot)
        label_record(segment, row_of(column(segment).label[slot])).active += 1
        faults.may_die_here(segment)
