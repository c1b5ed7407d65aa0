"""Making a new, empty pool."""

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
from lpcurr.memory.label_names import write_name
from lpcurr.memory.segment import Segment
from lpcurr.pool.place import index_multiplier
from lpcurr.pool.pool import Pool

_FIXED_ROWS = {layout.UNKNOWN_LABEL: "unknown", layout.OVERFLOW_LABEL: "(other)"}


def new_pool(
    capacity: int,
    settings: Mapping[str, Any],
    *,
    seed: int,
    config_text: bytes = b"",
    shared: bool = True,
    session_id: str | None = None,
) -> Pool:
    """Make an empty pool.

    Args:
        capacity: number of slots, 1 … 1,000,000.
        settings: values of the header's configuration fields, by name.
        seed: of the random streams, 0 … 2**63 − 1.
        config_text: kept behind the layout for processes that attach by name.
        shared: in shared memory, or in this process only.
        session_id: name for others to attach by; random if None.
    """
    lock = os.environ.get("LPCURR_LOCK", "")
    if lock not in ("", "fcntl"):
        raise ConfigError(f"the environment variable LPCURR_LOCK is {shown(lock)}: unset it, or make it fcntl")
    kernels.compile_all()
    segment = Segment.create(
        capacity,
        config_text,
        shared=shared,
        session_id=session_id,
        file_lock=not ROBUST_MUTEX,
        log_capacity=settings.get("log_capacity", 0),
    )
    try:
        state = segment.state
        header = state["header"]
        for name, value in settings.items():
            header[name] = value
        header["seed"] = seed
        header["index_multiplier"] = index_multiplier(seed)
        header["index_mask"] = layout.index_size(capacity) - 1
        header["layout_version"] = layout.LAYOUT_VERSION
        header["created_at"] = time.time()
        header["fill_limit"] = capacity
        header["label_stamp"] = 1
        state["task_id"] = layout.FREE
        for row, name in _FIXED_ROWS.items():
            state["label_hash"][0, row] = write_name(state["label_table"][0, row], name)
        mutex.initialise(segment.bytes)
        upkeep.rebuild_copy.entry(segment.bytes)
        header["magic"] = layout.MAGIC  # last: now others may attach
        return Pool(segment)
    except BaseException:  # also an interrupt: nobody has it, so it goes
        segment.close()
        segment.unlink()
        raise
