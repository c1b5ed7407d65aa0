"""Checking a pool: everything that is maintained must equal what a rebuild from the slots gives.

For tests, for the doubtful, and after an accident; O(capacity), on a snapshot, so workers may go on meanwhile.
"""

from collections.abc import Iterator

import numpy as np

from lpcurr.kernels.calls import upkeep
from lpcurr.memory import layout
from lpcurr.memory.damage import problem_of_cells
from lpcurr.memory.segment import State
from lpcurr.pool.pool import Pool
from lpcurr.schedulers.common import Way


def find_violations(pool: Pool) -> list[str]:
    """Compare a snapshot of the pool with its rebuild; return a sentence for each thing that is wrong."""
    kept = pool.snapshot()
    if problem := problem_of_cells(kept):
        return [problem]
    rebuilt = kept.copy()
    upkeep.rebuild_copy.entry(rebuilt.view(np.uint8))
    return [*_counters(kept), *_slots(kept), *_indices(kept, rebuilt), *_sums_and_trees(kept, rebuilt)]


def _counters(kept: State) -> Iterator[str]:
    header = kept["header"][0]
    if header["journal_count"].any():
        yield "the journal is open outside a call"
    if header["created"] - header["evicted"] != header["active_count"]:
        yield f"created {header['created']} − evicted {header['evicted']} ≠ active {header['active_count']}"
    active = kept["task_id"][0] != layout.FREE
    in_pool = int(layout.cells(kept, "completion_count")[0][active].sum())
    if in_pool + header["evicted_completions"] != header["completed"]:
        yield f"completions: {in_pool} in the pool + {header['evicted_completions']} evicted ≠ {header['completed']}"


def _slots(kept: State) -> Iterator[str]:
    ids = kept["task_id"][0]
    held = ids[ids != layout.FREE]
    if np.unique(held).size != held.size:
        yield "an id is in two slots"
    entries = kept["entry"][0][ids != layout.FREE]
    if np.unique(entries).size != entries.size:
        yield "two tasks have one entry number"


def _free_slots(state: State) -> set[int]:
    header = state["header"][0]
    beyond = range(int(header["high_water"]), int(header["capacity"]))
    return set(state["active"][0][::-1][: header["free_count"]].tolist()) | set(beyond)


def _indices(kept: State, rebuilt: State) -> Iterator[str]:
    header, expected = kept["header"][0], rebuilt["header"][0]
    for name in ("active_count", "explored_count", "immature_count", "inactive_labels"):
        if header[name] != expected[name]:
            yield f"{name} is {header[name]}, the slots say {expected[name]}"
    active, explored = int(header["active_count"]), int(header["explored_count"])
    slots, others = kept["active"][0][:active], rebuilt["active"][0][:active]
    if set(slots[:explored].tolist()) != set(others[:explored].tolist()):
        yield "the explored part of the active index is wrong"
    if set(slots.tolist()) != set(others.tolist()) or np.unique(slots).size != active:
        yield "the active index is wrong"
    if not np.array_equal(kept["position"][0][slots], np.arange(active)):
        yield "positions do not invert the active index"
    free = _free_slots(kept)
    if free != _free_slots(rebuilt) or len(free) + active != header["capacity"]:
        yield "the free slots are wrong"
    if not np.array_equal(np.sort(kept["index"][0]), np.sort(rebuilt["index"][0])):
        yield "the id table does not hold the active slots"
    if not np.array_equal(kept["label_table"][0]["active"], rebuilt["label_table"][0]["active"]):
        yield "labels count their active tasks wrongly"
    if not np.array_equal(np.sort(kept["member"][0]), np.sort(rebuilt["member"][0])):
        yield "the table of places within labels does not hold the active slots"
    yield from _unfindable(kept)


def _unfindable(kept: State) -> Iterator[str]:
    """Tasks that a search from their home cell does not reach."""
    table, ids = kept["index"][0].astype(np.int64), kept["task_id"][0]
    cells, high = np.flatnonzero(table), np.uint64(32)
    with np.errstate(over="ignore"):
        hashed = ids[table[cells] - 1].astype(np.uint64) * np.uint64(kept["header"][0]["index_multiplier"])
    homes = ((hashed >> high) * np.uint64(table.size) >> high).astype(np.int64)
    # The empty cells up to each cell, going round once: none may lie between a task's home and where it stands.
    empties = np.concatenate([[0], np.cumsum(np.tile(table == 0, 2))])
    ends = np.where(cells >= homes, cells, cells + table.size)
    if np.any(empties[ends] != empties[homes]):
        yield "a task cannot be found by its id"


def _sums_and_trees(kept: State, rebuilt: State) -> Iterator[str]:
    header, expected = kept["header"][0], rebuilt["header"][0]
    for high, low in (("sum_high", "sum_low"), ("square_high", "square_low")):
        actual, exact = header[high] + header[low], expected[high] + expected[low]
        if abs(actual - exact) > 1e-12 * max(1.0, abs(exact)):
            yield f"{high.removesuffix('_high')} of the priorities is {actual}, the slots say {exact}"
    active = kept["active"][0][: header["active_count"]]
    if not np.array_equal(kept["priority"][0][active], rebuilt["priority"][0][active]):
        yield "a task's priority is stale"
    if not np.array_equal(kept["label"][0][active], rebuilt["label"][0][active]):
        yield "the places of tasks within their labels are not 0 … n − 1"
    if header["exploration_share"] > 0.0 and np.any(kept["exploring"][0][active] != rebuilt["exploring"][0][active]):
        yield "a task's weight when exploring is stale"
    by_rank = header["draws_by"] == Way.RANK
    trees = ("evict_key", "least_key", "weight_sum", "drawn_count", "drawn_sum", "label_sum")
    for name in trees if by_rank else (*trees, "weight"):
        if not np.array_equal(kept[name][0], rebuilt[name][0]):
            yield f"{name} differs from its rebuild"
    nodes, expected_nodes = kept["rank"][0][active], rebuilt["rank"][0][active]
    if by_rank and (np.any(nodes != expected_nodes) or header["rank_root"] != expected["rank_root"]):
        yield "the tree by priority differs from its rebuild"
    finite = np.isfinite(kept["least_key"][0])
    if not np.array_equal(kept["least_entry"][0][finite], rebuilt["least_entry"][0][finite]):
        yield "least_entry differs from its rebuild"
