"""Putting a checkpoint's content into a live pool, of the same size and configuration or of others.

Everything is prepared beside the pool, as an image of its segment. Then one lock turn copies it.
"""

import logging
import math
from collections.abc import Mapping
from typing import Any, TypeVar

import numpy as np

from lpcurr.checkpoint.content import Checkpoint, Columns, Counters, Label, refusal, write_labels
from lpcurr.kernels.calls import upkeep
from lpcurr.memory import layout
from lpcurr.memory.label_names import encode_label
from lpcurr.memory.segment import State
from lpcurr.pool.moment import Int64s, Moment
from lpcurr.pool.place import seed_stream
from lpcurr.pool.pool import Pool
from lpcurr.schedulers.common import Way
from lpcurr.statistics.laws import score_tasks

_logger = logging.getLogger("lpcurr")

Counts = TypeVar("Counts", Counters, Label)

# How far running sums may be from the sums of the tasks. They are kept to 106 bits, and rebuilt when they shrink to
# 1e-16 of their peak: rounding stays a thousand times below this.
_SUM_TOLERANCE = 1e-6
_LEAST_OF_PEAK = 1e-16


def restore(pool: Pool, checkpoint: Checkpoint, settings: Mapping[str, float]) -> None:
    """Replace the pool's content; every attached process sees it at once.

    The pool keeps its size and configuration. Where these are the checkpoint's, the draws go on bit for bit. Where it
    has fewer slots than the checkpoint has tasks, the tasks with the best scores stay, and a warning says so.

    The checkpoint is a verified one, and refused before anything changes where its sums are not those of its tasks;
    ``settings`` are the header's configuration fields as they were in its pool.
    """
    header = pool.state["header"][0].copy()
    same_rules = all(np.array_equal(header[name], value) for name, value in settings.items())
    if checkpoint.columns["slot"].size > pool.capacity:
        checkpoint, same_rules = _keep_best(checkpoint, header, pool.capacity), False
    image = image_of_checkpoint(checkpoint, header, pool.capacity, same_rules)
    saved = provided = len(checkpoint.description.streams)
    while needed := pool.replace(image, saved, provided):
        for number in range(provided, needed):  # more processes than before: fresh streams, of the next ordinals
            ordinal = checkpoint.description.counters.next_stream + number - saved
            _write_stream(image, number, ordinal, seed_stream(checkpoint.description.seed, ordinal).tolist())
        provided = needed


def image_of_checkpoint(checkpoint: Checkpoint, header: np.void, capacity: int, same_rules: bool) -> State:
    """Make a segment with the checkpoint's content under the configuration in ``header``, and everything derived."""
    dtype = layout.segment_dtype(capacity)
    content = np.zeros(dtype.itemsize, dtype=np.uint8)
    image: State = content.view(dtype)
    image["header"] = header
    target = image["header"]
    target["mutex"] = 0
    target["journal_count"] = 0
    target["capacity"] = capacity
    target["index_mask"] = layout.index_size(capacity) - 1
    target["seed"] = checkpoint.description.seed
    for name, value in checkpoint.description.counters:
        target[name] = value
    target["score_sum"] = checkpoint.description.sums.score_sum
    _write_labels(image, checkpoint)
    for number, stream in enumerate(checkpoint.description.streams):
        _write_stream(image, number, stream.ordinal, stream.words)
    slots = _slots_within(checkpoint.columns["slot"].astype(np.int64), capacity)
    image["task_id"][0] = layout.FREE
    for name, _ in layout.TRUTH_COLUMNS:
        layout.cells(image, name)[0][slots] = checkpoint.columns[name]
    upkeep.rebuild_copy.entry(content)
    _order_active(image, slots)
    _limit_inactive_labels(image)
    if same_rules and header["draws_by"] == Way.Z_SCORE:
        _adopt_sums(image, checkpoint)
    return image


def _slots_within(slots: Int64s, capacity: int) -> Int64s:
    """The same slots, but for those that this capacity does not have: they become the lowest free ones."""
    beyond = slots >= capacity
    if not beyond.any():
        return slots
    renumbered = slots.copy()
    renumbered[beyond] = np.setdiff1d(np.arange(capacity), slots[~beyond])[: np.count_nonzero(beyond)]
    return renumbered


def _order_active(image: State, slots: Int64s) -> None:
    """Put the active index into the checkpoint's order, explored tasks first by the rules of this pool."""
    explored = image["position"][0][slots] < image["header"]["explored_count"][0]
    order = np.concatenate([slots[explored], slots[~explored]])
    image["active"][0][: order.size] = order
    image["position"][0][order] = np.arange(order.size)


def _adopt_sums(image: State, checkpoint: Checkpoint) -> None:
    """Take over the running sums as they were; a rebuild would round differently in the last bits."""
    header, sums = image["header"], checkpoint.description.sums
    total, squares = (float((header[f"{name}_high"] + header[f"{name}_low"])[0]) for name in ("sum", "square"))
    scale = max(squares, _LEAST_OF_PEAK * sums.square_peak)
    if abs(sums.square_high + sums.square_low - squares) > _SUM_TOLERANCE * scale or abs(
        sums.sum_high + sums.sum_low - total
    ) > _SUM_TOLERANCE * math.sqrt(scale * max(checkpoint.columns["slot"].size, 1)):
        raise refusal(checkpoint.source, "its running sums are not those of its tasks")
    for name, value in sums:
        header[name] = value


def _write_labels(image: State, checkpoint: Checkpoint) -> None:
    labels = checkpoint.description.labels
    write_labels(image["label_table"][0], labels)
    for label in labels:
        image["label_hash"][0][label.row] = encode_label(label.name)[2]
    image["header"]["label_count"] = 1 + max(label.row for label in labels)


def _limit_inactive_labels(image: State) -> None:
    """Forget the labels that have been inactive longest where this pool keeps fewer than the checkpoint has."""
    header, table = image["header"], image["label_table"][0]
    surplus = int((header["inactive_labels"] - header["max_inactive_labels"])[0])
    if surplus <= 0:
        return
    inactive = np.flatnonzero((table["used"] != 0) & (table["inactive_since"] > 0))
    for row in inactive[np.argsort(table["inactive_since"][inactive])][:surplus]:
        table[row] = np.zeros((), dtype=layout.LABEL)
    header["inactive_labels"] -= surplus


def _write_stream(image: State, number: int, ordinal: int, words: list[int]) -> None:
    record = image["process"][0, number]
    record["ordinal"] = ordinal
    for i, word in enumerate(words):
        record[f"stream{i}"] = word


def _keep_best(checkpoint: Checkpoint, header: np.void, capacity: int) -> Checkpoint:
    """The tasks with the best scores, of equal ones the older; the others count as evicted."""
    tasks = checkpoint.columns["slot"].size
    image = image_of_checkpoint(checkpoint, header, checkpoint.description.capacity, same_rules=False)
    moment = Moment.of_state(image)
    best = np.argsort(-score_tasks(moment).scores, kind="stable")[:capacity]  # of equal ones the older, as they entered
    kept = np.isin(checkpoint.columns["task_id"], moment.columns["task_id"][best])
    _logger.warning(
        "%s has %d tasks and this pool %d slots: the %d tasks with the best scores stay, %d are evicted",
        checkpoint.source,
        tasks,
        capacity,
        capacity,
        tasks - capacity,
    )
    return _without(checkpoint, ~kept)


def _without(checkpoint: Checkpoint, gone: np.ndarray[Any, np.dtype[np.bool_]]) -> Checkpoint:
    columns: Columns = {name: column[~gone] for name, column in checkpoint.columns.items()}
    count = int(np.count_nonzero(gone))
    rows = checkpoint.columns["label"][gone].astype(np.int64) & (layout.PENDING - 1)
    by_row = np.bincount(rows, minlength=layout.LABEL_CAPACITY).tolist()
    description, counters = checkpoint.description, checkpoint.description.counters
    labels = [
        _increased(label, evicted=by_row[label.row], epoch_evicted=by_row[label.row]) for label in description.labels
    ]
    lost = int(checkpoint.columns["completion_count"][gone].astype(np.int64).sum())
    updated = _increased(counters, evicted=count, epoch_evictions=count, evicted_completions=lost)
    description = description.model_copy(update={"counters": updated, "labels": labels})
    return Checkpoint(description, columns, checkpoint.source)


def _increased(counts: Counts, **by: int) -> Counts:
    return counts.model_copy(update={name: getattr(counts, name) + number for name, number in by.items()})
