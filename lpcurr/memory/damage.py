"""Telling damaged memory from a pool's: numbers that would lead kernels out of the segment.

A kernel checks no number that it finds in the segment, which would cost every call; who begins to use a pool, or copies
all of it, does so once. No lock is needed: a pool at work is within these limits between any two of its stores.
"""

from typing import Any

import numpy as np

from lpcurr.errors import PoolLostError
from lpcurr.memory import layout
from lpcurr.memory.shared_memory import Bytes

_SUMS = ("sum_high", "sum_low", "square_high", "square_low", "square_peak")
_SHARES = ("rand_task_rate", "exploration_share", "staleness_share", "label_share")
_COUNTS = ("active_count", "explored_count", "immature_count", "high_water", "free_count", "fill_limit")


def problem_of(content: Bytes, available: int) -> str:
    """Why a segment of that many bytes that begins with ``content`` is of no use to this version; empty if it is."""
    if available == 0:
        return "it is empty, or its creator has not finished making it"
    if available < layout.HEADER.itemsize:
        return f"its {available} bytes are too few for a header"
    header = content[: layout.HEADER.itemsize].view(layout.HEADER)[0]
    if header["magic"] != layout.MAGIC:
        return "it is not an lpcurr pool, or its creator has not finished making it"
    if header["layout_version"] != layout.LAYOUT_VERSION:
        return (
            f"its layout version is {header['layout_version']}, this lpcurr has {layout.LAYOUT_VERSION}: "
            "use the same lpcurr in all processes"
        )
    capacity, size = int(header["capacity"]), int(header["segment_size"])
    if not 1 <= capacity <= layout.MAX_CAPACITY or not layout.segment_dtype(capacity).itemsize <= size <= available:
        return f"its header is damaged (capacity {capacity}, size {size} of {available} bytes)"
    for name, (least, most) in _limits(capacity, size, header).items():
        value = header[name].tolist()
        greatest = max(value) if isinstance(value, list) else value
        if not least <= (min(value) if isinstance(value, list) else value) <= greatest <= most:  # NaN is none of it
            return f"its header is damaged ({name} is {value}, not {least} … {most})"
    return ""


def _limits(capacity: int, size: int, header: np.void) -> dict[str, tuple[float, float]]:
    """Return the least and the greatest of each field that a kernel or a reader goes by."""
    mask, room = layout.index_size(capacity) - 1, int(header["config_room"])
    log = 8 * layout.RECORD_WORDS * min(max(int(header["log_capacity"]), 0), size)
    most = float(np.finfo(np.float64).max)
    tiny = float(np.finfo(np.float64).smallest_subnormal) if header["label_share"] > 0.0 else 0.0
    floats = dict.fromkeys(_SUMS, (-most, most)) | dict.fromkeys(_SHARES, (0.0, 1.0))
    return (
        floats
        | dict.fromkeys(_COUNTS, (0, capacity))
        | {
            "label_fast_timescale": (tiny, 1.0),
            "label_slow_timescale": (0.0, 1.0),  # a product, which may underflow
            "rank_power": (0.0, most),
            "seed": (0, 2**63 - 1),
            "next_stream": (0, 2**62),
            "process_room": (1, layout.PROCESS_CAPACITY),
            "config_room": (0, size // 2),
            "config_valid": (0, 1),
            "config_offset": (layout.HEADER.itemsize, size - 2 * room),
            "config_size0": (0, room),
            "config_size1": (0, room),
            "log_capacity": (0, size),
            "log_offset": (layout.HEADER.itemsize, size - log),
            "index_mask": (mask, mask),
            "rank_root": (-1, capacity - 1),
            "label_count": (1, layout.LABEL_CAPACITY),
            "inactive_labels": (0, layout.LABEL_CAPACITY),
            "new_label": (0, layout.PENDING),
            "journal": (0, layout.JOURNALS - 1),
            "journal_count": (0, layout.JOURNAL_CAPACITY - 1),
        }
    )


def problem_of_cells(state: np.ndarray[Any, np.dtype[np.void]]) -> str:
    """Why what stands behind a sound header is damaged, O(capacity); empty if nothing is.

    What seems to be damage while another process changes the rules is looked at again: the tree of ranks and the
    weights lie in the same cells.
    """
    while problem := _problem_of_cells(state, begun := _rules_in_force(state)):
        if _rules_in_force(state) == begun:
            break
    return problem


def _rules_in_force(state: np.ndarray[Any, np.dtype[np.void]]) -> tuple[int, int, bool]:
    """What tells whether the rules have been changed, also by one who was killed, and whether ranks are in force."""
    header = state["header"][0]
    return int(header["rules_stamp"]), int(header["repairs"]), int(header["rank_root"]) >= 0


def _problem_of_cells(state: np.ndarray[Any, np.dtype[np.void]], begun: tuple[int, int, bool]) -> str:
    slots, numbers = (0, state["active"].shape[1] - 1), (0, state["active"].shape[1])
    limits = {"active": slots, "position": slots, "index": numbers, "member": numbers}
    limits |= {"task_id": (layout.FREE, layout.MAX_TASK_ID)}
    if begun[2]:  # else weights lie there
        limits |= {"rank_left": (-1, slots[1]), "rank_right": (-1, slots[1]), "rank_before": numbers}
    limits |= {"label": (0, (layout.MAX_CAPACITY << layout.PLACE_SHIFT) - 1)}  # perhaps a place in a larger pool
    cells = {name: layout.cells(state, name)[0] for name in limits}
    cells["name_size"], limits["name_size"] = state["label_table"]["name_size"][0], (0, layout.LABEL_BYTES)
    cells["label row"] = state["label"][0] & (layout.PENDING - 1)
    limits["label row"] = (0, layout.LABEL_CAPACITY - 1)
    for name, (least, most) in limits.items():
        if cells[name].min() < least or cells[name].max() > most:
            return f"its memory is damaged ({name} {cells[name].min()} … {cells[name].max()}, not {least} … {most})"
    for name in ("index", "member"):
        if cells[name].all():  # a search ends at an empty cell
            return f"its memory is damaged ({name} is full)"
    return ""


def refuse_damage(content: Bytes, state: np.ndarray[Any, np.dtype[np.void]] | None = None) -> None:
    """Raise ``PoolLostError`` where the header of a pool in use is damaged, or what stands behind it, where given."""
    problem = problem_of(content, content.size) or (problem_of_cells(state) if state is not None else "")
    if problem:
        raise PoolLostError(f"this pool is beyond repair: {problem}. Make a new one, from a checkpoint if there is one")
