"""Entries of a log that come from a file or from another node: kernels check nothing, so it is done before."""

from __future__ import annotations

import json

import numpy as np

from lpcurr.curriculum.config import CurriculumConfig
from lpcurr.kernels.calls import log
from lpcurr.memory import layout
from lpcurr.memory.label_names import encode_label
from lpcurr.memory.shared_memory import Bytes
from lpcurr.pool.log import ALL, RECORD_BYTES, apply_entries, header_of
from lpcurr.pool.moment import Int64s
from lpcurr.pool.pool import rule_words


def apply_checked(image: Bytes, records: Bytes, limit: int = ALL) -> int:
    """Apply entries to an image as :func:`apply_entries` does, if each could be of a pool of this version.

    Raises:
        ValueError, TypeError, RecursionError: one of them could not; nothing was applied.
    """
    _check(records, int(header_of(image)["config_room"][0]))
    return apply_entries(image, records, limit=limit) if records.size else 0


def _check(records: Bytes, room: int) -> None:
    if records.nbytes % RECORD_BYTES:
        raise ValueError(f"{records.nbytes} bytes are no whole records")
    cells = records.copy().view(np.int64).reshape(-1, layout.RECORD_WORDS)
    heads, kinds, sizes = cells[:, 0], cells[:, 0] & log.KIND_MASK, cells[:, 0] >> log.KIND_BITS
    is_entry, end = np.ones(len(cells), dtype=bool), 0
    for first in np.flatnonzero(np.isin(kinds, (log.CREATED, log.LABELLED, log.USED)) & (sizes != 0)).tolist():
        if first < end:  # it is in the name, or the configuration, of the one before
            continue
        end = first + 1 + _check_text(cells[first:], int(kinds[first]), int(sizes[first]), room)
        is_entry[first + 1 : end] = False
    entries, kinds, numbers = cells[is_entry], kinds[is_entry], cells.view(np.float64)[is_entry]
    known = (kinds >= log.DRAWN) & (kinds <= log.USED) & (heads[is_entry] >= 0)
    known &= (entries[:, 1] >= 0) & (entries[:, 1] <= layout.MAX_TASK_ID)
    known &= np.isfinite(numbers[:, 2:4]).all(axis=1)
    known &= (kinds != log.COMPLETED) | (np.isfinite(numbers[:, 4]) & (numbers[:, 4] > 0.0))
    known &= (kinds != log.USED) | (heads[is_entry] >> log.KIND_BITS > 0)
    if not known.all():
        raise ValueError(f"entry {int(np.argmin(known))} is none of a pool: {entries[np.argmin(known)].tolist()}")


def _check_text(cells: Int64s, kind: int, size: int, room: int) -> int:
    """Check a label or a configuration behind an entry's first record; how many records it takes."""
    is_label, rules = kind != log.USED, 0 if kind != log.USED else log.RULE_COUNT
    size -= is_label
    if not 0 <= size <= (layout.LABEL_BYTES if is_label else room):
        raise ValueError(f"a text of {size} bytes is too long")
    count = -(-(rules + (size + 7) // 8) // layout.RECORD_WORDS)
    words = cells[1 : 1 + count].ravel()
    text = words[rules:].tobytes()[:size]
    if len(words) < count * layout.RECORD_WORDS:
        raise ValueError("the last entry is cut off")
    if is_label and encode_label(text.decode())[2] != cells[0, 4]:
        raise ValueError(f"the label {text.decode()!r} has another hash")
    if not is_label:
        config = CurriculumConfig(**json.loads(text) | {"task_generator": None})
        if not np.array_equal(rule_words(config.rules(config.algorithm_config)), words[:rules]):
            raise ValueError("rules are not those of their configuration")
    return count
