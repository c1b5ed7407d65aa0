"""What a pool says, in a form in which two moments can be compared: everything but what differs from run to run."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import numpy as np

from lpcurr.kernels import Kernel
from lpcurr.memory import layout
from lpcurr.memory.segment import State

COUNTERS = (
    *("completed", "score_sum", "scheduled", "created", "evicted", "entry_count", "epoch_evictions"),
    *("evicted_completions", "refused", "dropped", "epoch", "next_stream"),
)
STAMPS = ("label_stamp", "eviction_stamp", "rules_stamp")
LABEL_COUNTERS = ("active", "completed", "evicted", "epoch_evicted", "epoch_sampled", "averaged", "fast", "slow")
PROCESS_COUNTERS = ("draws", "created", "evicted", "accepted", "refused")
_CLOCK = "creation_time"


def truth(state: State, known: frozenset[int] | None = None) -> dict[str, Any]:
    """The pool's truth in plain values.

    Args:
        state: a snapshot.
        known: tasks whose creation time is compared; that of others is left out, because it is the clock's.
    """
    header = state["header"][0]
    table, ids = state["label_table"][0], state["task_id"][0]
    used = [row for row in range(int(header["label_count"])) if table["used"][row]]
    names = {row: table["name"][row][: table["name_size"][row]].tobytes().decode() for row in used}
    columns = [name for name, _ in layout.TRUTH_COLUMNS if name not in ("task_id", "label", _CLOCK)]
    tasks = {}
    for slot in np.flatnonzero(ids != layout.FREE):
        task_id, cell = int(ids[slot]), int(state["label"][0][slot])
        row: dict[str, Any] = {name: layout.cells(state, name)[0][slot].item() for name in columns}
        row["label"] = names[cell & (layout.PENDING - 1)], bool(cell & layout.PENDING)
        if known is None or task_id in known:
            row[_CLOCK] = state[_CLOCK][0][slot].item()
        tasks[task_id] = row
    inactive = [row for row in used if row > layout.OVERFLOW_LABEL and table["active"][row] == 0]
    processes = state["process"][0]
    return {
        "counters": {name: header[name].item() for name in COUNTERS},
        "rules": {field[0]: header[field[0]].tolist() for field in layout.RULE_FIELDS},
        "configuration": [int(header["config_valid"]), int(header["config_size0"]), int(header["config_size1"])],
        "tasks": tasks,
        "labels": {names[row]: {name: table[name][row].item() for name in LABEL_COUNTERS} for row in used},
        "inactive": [names[row] for row in sorted(inactive, key=lambda row: int(table["inactive_since"][row]))],
        "processes": {
            number: {name: int(processes[name][number]) for name in ("pid", *PROCESS_COUNTERS)}
            for number in range(int(header["process_room"]))
            if processes["pid"][number] != 0
        },
    }


def shared_truth(state: State) -> dict[str, Any]:
    """What of the truth is equal on all nodes that share a pool, and in one that was replayed."""
    whole = truth(state)
    del whole["processes"], whole["configuration"], whole["counters"]["next_stream"]
    return whole


def digest(state: State) -> str:
    """A short text that differs where :func:`shared_truth` does."""
    return hashlib.sha256(json.dumps(shared_truth(state), sort_keys=True).encode()).hexdigest()


def load_kernels() -> None:
    """Load every kernel now: each forked child would do it again, which takes longer than what it is to do."""
    for kernel in Kernel.registry:
        assert kernel.entry is not None


def task_ids(state: State) -> frozenset[int]:
    """The tasks in the pool."""
    ids = state["task_id"][0]
    return frozenset(ids[ids != layout.FREE].tolist())


def differences(left: dict[str, Any], right: dict[str, Any], path: str = "") -> list[str]:
    """Where two truths differ."""
    found = []
    for key in {**left, **right}:
        here = f"{path}{key}"
        if key not in left or key not in right:
            found.append(f"{here} is only in the {'first' if key in left else 'second'}")
        elif isinstance(left[key], dict) and isinstance(right[key], dict):
            found += differences(left[key], right[key], f"{here}.")
        elif left[key] != right[key]:
            found.append(f"{here}: {left[key]!r} and {right[key]!r}")
    return found
