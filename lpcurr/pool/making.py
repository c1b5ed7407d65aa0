"""Making the segment of a new, empty pool."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import Any

from lpcurr import kernels
from lpcurr.errors import ConfigError, shown
from lpcurr.kernels.calls import upkeep
from lpcurr.kernels.machine.settings import ROBUST_MUTEX
from lpcurr.kernels.safety import mutex
from lpcurr.memory import layout
from lpcurr.memory.label_names import encode_label
from lpcurr.memory.segment import Segment
from lpcurr.pool.streams import index_multiplier


def new_segment(
    capacity: int,
    settings: Mapping[str, Any],
    *,
    seed: int,
    config_text: bytes,
    shared: bool,
    session_id: str | None,
) -> Segment:
    """Make a segment that holds an empty pool; arguments as in :meth:`lpcurr.pool.pool.Pool.create`."""
    lock = os.environ.get("LPCURR_LOCK", "")
    if lock not in ("", "fcntl"):
        raise ConfigError(f"the environment variable LPCURR_LOCK is {shown(lock)}: unset it, or make it fcntl")
    kernels.compile_all()
    file_lock = not ROBUST_MUTEX
    segment = Segment.create(
        capacity,
        config_text,
        shared=shared,
        session_id=session_id,
        file_lock=file_lock,
        log_capacity=settings.get("log_capacity", 0),
    )
    try:
        header = segment.state["header"]
        for name, value in settings.items():
            header[name] = value
        header["seed"] = seed
        header["index_multiplier"] = index_multiplier(seed)
        header["index_mask"] = layout.index_size(capacity) - 1
        header["layout_version"] = layout.LAYOUT_VERSION
        header["created_at"] = time.time()
        mutex.initialise(segment.bytes)
        upkeep.initialise.entry(segment.bytes)
        for row, name in ((layout.UNKNOWN_LABEL, "unknown"), (layout.OVERFLOW_LABEL, "(other)")):
            upkeep.preset_label.entry(segment.bytes, 0, row, *encode_label(name))
        header["magic"] = layout.MAGIC  # last: now others may attach
    except BaseException:  # also an interrupt: nobody has it, so it goes
        segment.close()
        segment.unlink()
        raise
    return segment
