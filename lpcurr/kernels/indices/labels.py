"""Labels: interned in the segment, so that any process reads what any other set; bounded in number.

A label keeps its row and its counters while a task of the pool has it, and afterwards as long as it is among the
``max_inactive_labels`` that went last. When the table is full of labels in use, further ones count as "(other)".
Row 0 is "unknown", the label of a task that has none.
"""

from lpcurr.kernels.indices import label_progress, members
from lpcurr.kernels.machine.compiling import helper
from lpcurr.kernels.machine.views import column, header_record, label_hashes, label_record, words
from lpcurr.kernels.safety import faults, journal
from lpcurr.memory import layout

FIRST_FREE_ROW = layout.OVERFLOW_LABEL + 1
_LABEL_COUNT_WORD = layout.header_word("label_count")
_LABEL_CLOCK_WORD = layout.header_word("label_clock")
_TABLE_WORD, _LABEL_WORDS = layout.LABEL_OFFSET // 8, layout.LABEL.itemsize // 8
_INACTIVE_SINCE, _NAME = layout.label_word("inactive_since"), layout.label_word("name")

row_of = members.row_of


@helper
def _same_name(segment, row, name, size):
    record = label_record(segment, row)
    if record.used == 0 or record.name_size != size:
        return False
    stored = record.name
    for i in range(size):
        if stored[i] != name[i]:
            return False
    return True


@helper
def find_row(segment, name, size, name_hash):
    """The row of a label, -1 where there is none."""
    hashes = label_hashes(segment)
    for row in range(header_record(segment, 0).label_count):
        if hashes[row] == name_hash and _same_name(segment, row, name, size):
            return row
    return -1


@helper
def _drop_row(segment, row):
    """Forget an inactive label; caches of strings learn of it by the label stamp."""
    header = header_record(segment, 0)
    journal.remember_label(segment, row)
    header.label_stamp += 1
    header.inactive_labels -= 1
    record = label_record(segment, row)
    record.used = 0
    faults.may_die_here(segment)
    cells, at = words(segment), _TABLE_WORD + row * _LABEL_WORDS
    for word in range(at + _INACTIVE_SINCE, at + _NAME):
        cells[word] = 0
    faults.may_die_here(segment)


@helper
def _drop_oldest_inactive(segment):
    oldest = -1
    for row in range(FIRST_FREE_ROW, header_record(segment, 0).label_count):
        record = label_record(segment, row)
        if record.used != 0 and record.active == 0 and record.inactive_since > 0:
            younger = oldest >= 0 and record.inactive_since > label_record(segment, oldest).inactive_since
            if not younger:
                oldest = row
    if oldest >= 0:
        _drop_row(segment, oldest)
    return oldest


@helper
def _free_row(segment):
    header = header_record(segment, 0)
    for row in range(FIRST_FREE_ROW, header.label_count):
        if label_record(segment, row).used == 0:
            return row
    if header.label_count < layout.LABEL_CAPACITY:
        journal.remember_word(segment, _LABEL_COUNT_WORD)
        header.label_count += 1
        faults.may_die_here(segment)
        return header.label_count - 1
    return _drop_oldest_inactive(segment)


@helper
def intern(segment, name, size, name_hash):
    """The row of a label, made if need be; the caller then makes a task active in it.

    ``name`` is UTF-8, uint8[>= size], of ``size`` <= ``layout.LABEL_BYTES``; its hash is the same in every process.
    """
    row = find_row(segment, name, size, name_hash)
    if row >= 0:
        return row
    row = _free_row(segment)
    if row < 0:
        return layout.OVERFLOW_LABEL
    write_row(segment, row, name, size, name_hash)
    return row


@helper
def write_row(segment, row, name, size, name_hash):
    """Fill a free row."""
    journal.remember_label_name(segment, row)
    record = label_record(segment, row)
    stored = record.name
    for i in range(size):
        stored[i] = name[i]
    faults.may_die_here(segment)
    label_hashes(segment)[row] = name_hash
    record.name_size = size
    record.active = 0
    record.inactive_since = 0
    faults.may_die_here(segment)
    record.used = 1
    faults.may_die_here(segment)


@helper
def enter_label(segment, row):
    """One more active task has this label."""
    record = label_record(segment, row)
    record.active += 1
    faults.may_die_here(segment)
    if record.inactive_since > 0:
        journal.remember_label_word(segment, row, _INACTIVE_SINCE)
        record.inactive_since = 0
        faults.may_die_here(segment)
        header_record(segment, 0).inactive_labels -= 1
        faults.may_die_here(segment)
    if record.active == 1:
        label_progress.follow(segment, row)


@helper
def leave_label(segment, row):
    """One active task fewer has this label; the last one makes it inactive."""
    record = label_record(segment, row)
    record.active -= 1
    faults.may_die_here(segment)
    if record.active == 0:
        label_progress.follow(segment, row)
    if record.active == 0 and row >= FIRST_FREE_ROW:
        header = header_record(segment, 0)
        journal.remember_word(segment, _LABEL_CLOCK_WORD)
        journal.remember_label_word(segment, row, _INACTIVE_SINCE)
        header.label_clock += 1
        faults.may_die_here(segment)
        record.inactive_since = header.label_clock
        faults.may_die_here(segment)
        header.inactive_labels += 1
        faults.may_die_here(segment)
        if header.inactive_labels > header.max_inactive_labels:
            _drop_oldest_inactive(segment)


@helper
def relabel(segment, slot, row):
    """Give a task its label, with what it has counted so far; it no longer waits for one."""
    view = column(segment)
    old_row = row_of(view.label[slot])
    if old_row != row:
        journal.remember_label(segment, old_row)
        journal.remember_label(segment, row)
        old, new = label_record(segment, old_row), label_record(segment, row)
        moved = min(view.scheduled_count[slot], old.epoch_sampled)
        old.epoch_sampled -= moved
        faults.may_die_here(segment)
        new.epoch_sampled += moved
        faults.may_die_here(segment)
        old.completed -= view.completion_count[slot]
        faults.may_die_here(segment)
        new.completed += view.completion_count[slot]
        faults.may_die_here(segment)
        by_label = header_record(segment, 0).label_share > 0.0
        if by_label:
            members.leave(segment, slot)
        view.label[slot] = row
        faults.may_die_here(segment)
        if by_label:
            members.enter(segment, slot)
        enter_label(segment, row)
        leave_label(segment, old_row)
    view.label[slot] &= ~layout.PENDING
    faults.may_die_here(segment)


@helper
def rebuild_labels(segment):
    """Count each label's active tasks anew, and the inactive labels, and what follows from it, O(n + labels)."""
    header = header_record(segment, 0)
    view = column(segment)
    for row in range(header.label_count):
        label_record(segment, row).active = 0
        faults.may_die_here(segment)
    for position in range(header.active_count):
        label_record(segment, row_of(view.label[view.active[position]])).active += 1
        faults.may_die_here(segment)
    header.inactive_labels = 0
    for row in range(FIRST_FREE_ROW, header.label_count):
        record = label_record(segment, row)
        faults.may_die_here(segment)
        if record.used != 0 and record.active == 0:
            if record.inactive_since == 0:
                header.label_clock += 1
                record.inactive_since = header.label_clock
            header.inactive_labels += 1
        else:
            record.inactive_since = 0
    members.rebuild(segment)
    label_progress.rebuild(segment)
