"""Replacing everything at once, which is more than the journal holds: how that begins, ends, and is abandoned.

A process that is killed between ``begin`` and ``end`` leaves neither the old tasks nor the new ones whole. Whoever
repairs the pool then empties it: sound, though empty, and the checkpoint that was being loaded is still there to load.
"""

from lpcurr.kernels.indices import labels
from lpcurr.kernels.machine.compiling import helper
from lpcurr.kernels.machine.views import column, header_record, label_record
from lpcurr.kernels.safety.journal import compiler_barrier
from lpcurr.memory import layout


@helper
def begin(segment):
    """From here on the pool's truth is in pieces."""
    header_record(segment, 0).replacing = 1
    compiler_barrier()


@helper
def end(segment):
    """The new content is complete."""
    compiler_barrier()
    header_record(segment, 0).replacing = 0


@helper
def abandon(segment):
    """Empty the pool if its replacement was cut off; the caller rebuilds what is derived."""
    header = header_record(segment, 0)
    if header.replacing == 0:
        return
    view = column(segment)
    for slot in range(header.capacity):
        view.task_id[slot] = layout.FREE
    for row in range(labels.FIRST_FREE_ROW, layout.LABEL_CAPACITY):
        label_record(segment, row).used = 0
    header.label_count = labels.FIRST_FREE_ROW
    header.evicted = header.created
    header.evicted_completions = header.completed
    end(segment)
