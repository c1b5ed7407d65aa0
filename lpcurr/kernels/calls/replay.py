"""Reading a pool's log, and applying entries: to a private image of a pool, or to a pool that takes an image's content.

Entries come to the same truth wherever they are applied in one order. What no longer fits, because another node was
first, is refused as a unit: a score for a task that has left counts as refused, a birth finds its id or the pool taken.
"""

from lpcurr.kernels.calls import checkpoints, log, tasks
from lpcurr.kernels.calls.repair import finish_epoch, lock, rebuild
from lpcurr.kernels.calls.upkeep import put_rules
from lpcurr.kernels.indices import labels, slots
from lpcurr.kernels.machine.compiling import helper, kernel
from lpcurr.kernels.machine.views import column, header_record, process_record, reals, words
from lpcurr.kernels.safety import journal, mutex, replacement
from lpcurr.memory import layout

_LOCK_LOST = layout.Status.LOCK_LOST
_LOG_TAKEN = layout.Status.LOG_TAKEN
_RECORD_WORDS = layout.RECORD_WORDS
_RULES_FIRST, _RULES_LAST = layout.RULE_WORDS
_LABEL_FIRST, _LABEL_LAST = layout.truth_range("label", "label")


@kernel("int64(segment, int64, int64, int64, int64, int64)")
def switch_log(segment, process, reader, on, dead_pid, dead_start_time):
    """Begin the log anew from here, for this reader, or end it; the number of its next record.

    ``LOG_TAKEN`` where it has another reader, but one of the process that is dead.
    """
    if not lock(segment, process):
        return _LOCK_LOST
    header, record = header_record(segment, 0), process_record(segment, process)
    is_dead = header.log_reader_pid == dead_pid and header.log_reader_start_time == dead_start_time
    answer = _LOG_TAKEN
    if header.log_on == 0 or header.log_on == reader or is_dead:
        header.log_reader_pid = record.pid
        header.log_reader_start_time = record.start_time
        journal.compiler_barrier()
        header.log_begin = header.log_end
        header.log_lost = 0
        header.log_on = reader if on else 0
        answer = header.log_end
    mutex.unlock(segment)
    return answer


@helper
def _copy_records(segment, begin, entries):
    """Copy the records from number ``begin`` on; the number after the last."""
    header = header_record(segment, 0)
    cells, target = words(segment), 0
    for number in range(begin, header.log_end):
        at = log.place(segment, number)
        for i in range(_RECORD_WORDS):
            entries[target + i] = cells[at + i]
        target += _RECORD_WORDS
    return header.log_end


@kernel("UniTuple(int64, 2)(segment, int64, int64, int64, uint8[::1])")
def read_log(segment, process, begin, consume, entries):
    """Copy the records from number ``begin`` on into ``entries``; with ``consume`` 1 their room is free again.

    (Number after the last, entries lost since the log began).
    """
    if not lock(segment, process):
        return _LOCK_LOST, 0
    header = header_record(segment, 0)
    end, lost = _copy_records(segment, begin, words(entries)), header.log_lost
    if consume:
        header.log_begin = end
    mutex.unlock(segment)
    return end, lost


@helper
def _create(segment, process, entries, i):
    header = header_record(segment, 0)
    cells, numbers = words(entries), reals(entries)
    if header.active_count >= header.capacity or slots.find_slot(segment, cells[i + 1]) >= 0:
        return
    label_cell = log.label_row(segment, entries, i)
    if cells[i] & log.PENDING:
        label_cell += layout.PENDING
    slot = tasks.create_task(segment, process, cells[i + 1], label_cell, numbers[i + 2])
    column(segment).creation_time[slot] = numbers[i + 3]


@helper
def _end_epoch(segment):
    header = header_record(segment, 0)
    header.log_target = header.log_end
    header.epoch_ending = header.epoch + 1
    finish_epoch(segment)


@helper
def _use(segment, entries, i):
    cells = words(entries)
    first = i + _RECORD_WORDS
    middle, size = first + log.RULE_COUNT, cells[i] >> log.KIND_BITS
    put_rules(segment, cells[first:middle], cells[middle : middle + (size + 7) // 8], size)
    rebuild(segment)


@helper
def _relabel(segment, entries, i, slot):
    journal.remember_columns(segment, _LABEL_FIRST, _LABEL_LAST, slot)
    row = labels.row_of(column(segment).label[slot])
    if words(entries)[i] >> log.KIND_BITS:
        row = log.label_row(segment, entries, i)
    labels.relabel(segment, slot, row)


@helper
def _apply_one(segment, process, entries, i):
    """Apply the entry at word i: what the call did that wrote it, where that is possible now."""
    header = header_record(segment, 0)
    cells, numbers = words(entries), reals(entries)
    kind = cells[i] & log.KIND_MASK
    slot = slots.find_slot(segment, cells[i + 1])
    if kind == log.DRAWN:
        if slot >= 0:
            tasks.count_draw(segment, process, slot)
        else:
            header.scheduled += 1
    elif kind == log.COMPLETED and slot >= 0:
        tasks.complete_task(segment, process, slot, numbers[i + 2], numbers[i + 3], numbers[i + 4])
    elif kind == log.COMPLETED or kind == log.REFUSED:
        header.refused += 1
    elif kind == log.CREATED:
        _create(segment, process, entries, i)
    elif kind == log.EPOCH:
        _end_epoch(segment)
    elif kind == log.USED:
        _use(segment, entries, i)
    elif slot >= 0 and kind == log.LABELLED:
        _relabel(segment, entries, i, slot)
    elif slot >= 0:
        tasks.remove_task(segment, process, slot, kind - log.EVICTED)
    journal.commit(segment)


@helper
def _take_rules(segment, image):
    """Put an image's rules and configuration into force where they are others, as ``use`` does."""
    source, own = header_record(image, 0), header_record(segment, 0)
    cells, other = words(segment), words(image)
    size = source.config_size1 if source.config_valid else source.config_size0
    at = (source.config_offset + source.config_valid * source.config_room) >> 3
    here = (own.config_offset + own.config_valid * own.config_room) >> 3
    same = size == (own.config_size1 if own.config_valid else own.config_size0)
    for word in range(_RULES_FIRST, _RULES_LAST):
        same = same and cells[word] == other[word]
    for i in range((size + 7) // 8):
        same = same and cells[here + i] == other[at + i]
    if not same:
        put_rules(segment, other[_RULES_FIRST:_RULES_LAST], other[at : at + (size + 7) // 8], size)


@helper
def _share_out(segment):
    """Settle up to how many tasks this node makes new ones: its share of what the image leaves free."""
    header = header_record(segment, 0)
    free, nodes = header.capacity - header.active_count, max(header.nodes, 1)
    share = free * (header.node + 1) // nodes - free * header.node // nodes
    header.fill_limit = max(header.active_count + share, 1)


@helper
def _take_over(segment, image):
    """Put an image's content in place of the pool's, for the node that the image's header names."""
    header, source = header_record(segment, 0), header_record(image, 0)
    _take_rules(segment, image)
    journal.commit(segment)
    header.node, header.nodes = source.node, source.nodes
    seed = header.seed
    checkpoints.copy_content(segment, image)
    header.seed = seed
    _share_out(segment)
    header.label_stamp += 1
    header.eviction_stamp += 1


@kernel("UniTuple(int64, 3)(segment, int64, uint8[::1], int64, uint8[::1], int64, int64)")
def replay(segment, process, image, first, entries, begin, limit):
    """Apply entries to a private image of a pool; or bring an image into a pool, and on top what the pool has logged.

    One kernel for both, because what applies an entry is most of its code.

    Args:
        segment: a private image, whose log is off, and whose lock nobody needs; or the pool.
        process: any record; the pool keeps what its processes count, and their random streams.
        image: empty; or an image of a pool of the same capacity, with everything derived.
        first: with an image, the first record of the pool's log that is not in it. What was lost of the log is undone.
        entries: uint8[n], records; with an image, scratch for all of the log.
        begin: the word from which on to apply; with an image 0.
        limit: how many entries at most.

    Returns:
        (The word at which it stopped, entries applied, entries lost since the log began).
    """
    live = image.size > 0
    if live and not lock(segment, process):
        return _LOCK_LOST, 0, 0
    header, record = header_record(segment, 0), process_record(segment, process)
    lost, on = header.log_lost, header.log_on
    size = entries.size >> 3
    accepted, refused, draws = record.accepted, record.refused, record.draws
    created, evicted = record.created, record.evicted
    if live:
        size = _RECORD_WORDS * (_copy_records(segment, first, words(entries)) - first)
        replacement.begin(segment)
        header.log_on = 0
        _take_over(segment, image)
    i, applied = begin, 0
    while i < size and applied < limit:
        _apply_one(segment, process, entries, i)
        i += log.length(entries, i)
        applied += 1
    if live:
        record.accepted, record.refused, record.draws = accepted, refused, draws
        record.created, record.evicted = created, evicted
        header.log_begin = first
        header.log_lost = 0
        header.log_on = on
        replacement.end(segment)
        mutex.unlock(segment)
    return i, applied, lost
