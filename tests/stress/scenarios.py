"""Pools in interesting states, each with the one call that a process is to be killed in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from lpcurr import (
    Curriculum,
    CurriculumConfig,
    DiscreteRandomConfig,
    FrontierConfig,
    LabelProgressConfig,
    LearningProgressConfig,
    PrioritizedReplayConfig,
)
from lpcurr.kernels.calls import episode, upkeep
from lpcurr.kernels.indices import sums as moments
from lpcurr.memory import layout
from lpcurr.memory.label_names import encode_label
from lpcurr.pool.log import PoolLog
from lpcurr.pool.place import attach_process
from lpcurr.pool.pool import Pool
from lpcurr.schedulers.common import SchedulerConfig

UNKNOWN = 2**53 - 7  # an id that no scenario puts into its pool
NEW = 2**53 - 9

BY_RANK = PrioritizedReplayConfig(prioritization="rank", by="score", new_task_rate=1.0, staleness_share=0.2)

Call = Callable[[Pool, int], None]


class Scenario(NamedTuple):
    """A pool and the call under test.

    Attributes:
        name: of the scenario.
        make: makes the pool.
        calls: the call as ``calls[-1](pool, process)``; before it, the same batch cut after 0, 1, … items: all that a
            killed batch may have done.
    """

    name: str
    make: Callable[[], Curriculum]
    calls: tuple[Call, ...]


def _curriculum(capacity: int, algorithm: dict[str, Any] | None, **fields: Any) -> Curriculum:
    chosen = DiscreteRandomConfig() if algorithm is None else LearningProgressConfig(**algorithm)
    config = CurriculumConfig(num_active_tasks=capacity, seed=3, algorithm_config=chosen, log_entries=256, **fields)
    return config.make()


def _play(curriculum: Curriculum, ids: list[int], completions: int) -> None:
    """Give each task its own level and trend."""
    for completion in range(completions):
        for i, task_id in enumerate(ids):
            curriculum.update_task_performance(task_id, 0.1 + 0.07 * i + 0.01 * i * completion)


def _labelled(capacity: int, tasks: int, completions: int, **algorithm: Any) -> Curriculum:
    """``tasks`` tasks of which each has a label of its own, and two labels whose tasks are gone."""
    settings = {"min_samples_for_lp": 3, "max_inactive_labels_retained": 2, "new_task_rate": 1.0} | algorithm
    curriculum = _curriculum(capacity, settings, min_presentations_for_eviction=3)
    for number in range(2):
        curriculum.add_task(900 + number, f"gone {number}")
        curriculum.evict(900 + number)
    ids = [10 + i for i in range(tasks)]
    for task_id in ids:
        curriculum.add_task(task_id, f"label {task_id}")
    curriculum.sample_ids(0)
    _play(curriculum, ids, completions)
    return curriculum


def _not_full() -> Curriculum:
    return _labelled(5, 3, 4)


def _with_holes() -> Curriculum:
    curriculum = _labelled(9, 8, 4, max_inactive_labels_retained=10)
    for task_id in (12, 11, 15, 10):
        curriculum.evict(task_id)
    return curriculum


def _evicting() -> Curriculum:
    return _labelled(5, 5, 4)


def _evicting_in_two_levels() -> Curriculum:
    return _labelled(40, 40, 4)


def _evicting_by_reference() -> Curriculum:
    return _labelled(6, 6, 4, eviction_among="all", exploration="absolute")


def _basic() -> Curriculum:
    return _labelled(20, 20, 4, use_bidirectional=False)


def _settled() -> Curriculum:
    return _labelled(6, 6, 4, new_task_rate=0.0)


def _random() -> Curriculum:
    return _curriculum(4, None)


def _full_random() -> Curriculum:
    curriculum = _curriculum(4, None)
    curriculum.sample_ids(4)
    return curriculum


def _frontier() -> Curriculum:
    curriculum = _labelled(20, 20, 9)
    curriculum.use(FrontierConfig(new_task_rate=0.0))
    return curriculum


def _frontier_evicting() -> Curriculum:
    curriculum = _labelled(20, 20, 9)
    curriculum.use(FrontierConfig(new_task_rate=1.0))
    return curriculum


def _by_rank() -> Curriculum:
    curriculum = _labelled(20, 20, 9)
    curriculum.use(BY_RANK)
    return curriculum


def _by_label(new_task_rate: float = 0.0) -> Curriculum:
    """Twenty tasks of two labels, and two of labels of their own."""
    curriculum = _labelled(22, 2, 9)
    ids = list(range(20, 40))
    for task_id in ids:
        curriculum.add_task(task_id, f"of {task_id % 2}")
    curriculum.use(LabelProgressConfig(ema_timescale=1.0, label_share=0.9, new_task_rate=new_task_rate))
    _play(curriculum, ids, 9)
    return curriculum


def _by_label_evicting() -> Curriculum:
    return _by_label(new_task_rate=1.0)


def _by_label_waiting() -> Curriculum:
    """As ``_waiting``, drawn from by label."""
    curriculum = _waiting()
    curriculum.use(LabelProgressConfig())
    return curriculum


def _by_staleness() -> Curriculum:
    curriculum = _labelled(20, 20, 4, new_task_rate=0.0)
    rules = curriculum.config.rules(LearningProgressConfig(new_task_rate=0.0)) | {"staleness_share": 1.0}
    curriculum._pool.use(rules, curriculum._pool.config_text)
    curriculum.sample_ids(10)
    return curriculum


def _about_to_be_explored() -> Curriculum:
    return _labelled(6, 6, 2)


def _immature() -> Curriculum:
    """Explored from 3 completions, evictable from 5: the next completion makes tasks mature."""
    curriculum = _curriculum(6, {"min_samples_for_lp": 3}, min_presentations_for_eviction=5)
    ids = [10 + i for i in range(6)]
    for task_id in ids:
        curriculum.add_task(task_id, "one")
    _play(curriculum, ids, 4)
    return curriculum


def _sums_due() -> Curriculum:
    curriculum = _settled()
    curriculum._pool.state["header"]["updates_since_rebuild"] = moments.REBUILD_AFTER * 256 - 1
    return curriculum


def _full_label_table() -> Curriculum:
    """All rows of the label table are taken; the next label takes that of the oldest without a task."""
    curriculum = _curriculum(5, {"max_inactive_labels_retained": layout.LABEL_CAPACITY})
    for number in range(layout.LABEL_CAPACITY - 2):
        curriculum.add_task(100_000 + number, f"old {number}")
        curriculum.evict(100_000 + number)
    return curriculum


def _waiting() -> Curriculum:
    """Tasks that wait to be named, one that has been renamed into the table, and labels about to be dropped."""
    curriculum = _labelled(6, 3, 2, max_inactive_labels_retained=2)
    curriculum._pool.add_task(NEW, None, pending=True, success_threshold=None)
    _play(curriculum, [NEW], 2)
    return curriculum


def _draw(pool: Pool, process: int) -> None:
    episode.draw.entry(pool._segment.bytes, process)


def _draw_many(count: int) -> Call:
    def call(pool: Pool, process: int) -> None:
        room = np.empty((2, count), dtype=np.int64)
        episode.draw_many.entry(pool._segment.bytes, process, room[0], room[1])

    return call


def _update(task_id: int) -> Call:
    def call(pool: Pool, process: int) -> None:
        episode.update.entry(pool._segment.bytes, process, task_id, 0.9, 0.3, 2.0)

    return call


def _update_many(*ids: int) -> Call:
    def call(pool: Pool, process: int) -> None:
        batch, scores = np.array(ids, dtype=np.int64), np.arange(1, len(ids) + 1) / 5
        credited = np.empty(len(ids), dtype=np.uint8)
        episode.update_many.entry(pool._segment.bytes, process, batch, scores, scores, scores, credited)

    return call


def _add_task(label: str) -> Call:
    def call(pool: Pool, process: int) -> None:
        upkeep.add_task.entry(pool._segment.bytes, process, NEW + 1, 0.5, 1, *encode_label(label))

    return call


def _label_task(task_id: int, label: str) -> Call:
    def call(pool: Pool, process: int) -> None:
        state = pool.state
        slot = int(np.flatnonzero(state["task_id"][0] == task_id)[0])
        packed = slot | int(state["entry"][0][slot]) << layout.ENTRY_SHIFT
        upkeep.label_task.entry(pool._segment.bytes, process, task_id, packed, *encode_label(label))

    return call


def _remove_task(task_id: int, dropped: int) -> Call:
    def call(pool: Pool, process: int) -> None:
        upkeep.remove_task.entry(pool._segment.bytes, process, task_id, dropped)

    return call


def _use(scheduler: SchedulerConfig) -> Call:
    def call(pool: Pool, process: int) -> None:
        own, pool.process = pool.process, process
        try:
            config = CurriculumConfig(num_active_tasks=pool.capacity, algorithm_config=scheduler)
            pool.use(config.rules(config.algorithm_config), config.to_json(None))
        finally:
            pool.process = own

    return call


def _end_epoch(pool: Pool, process: int) -> None:
    upkeep.end_epoch.entry(pool._segment.bytes, process)


def _attach(pool: Pool, process: int) -> None:
    attach_process([], pool._segment.bytes, pool.state, 1, 2)


def _detach(pool: Pool, process: int) -> None:
    record = pool.state["process"][0][process]
    pid, start_time = int(record["pid"]), int(record["start_time"])
    upkeep.detach_process.entry(pool._segment.bytes, process, pid, start_time)


def _prefixes(make: Callable[..., Call], *items: int) -> tuple[Call, ...]:
    return tuple(make(*items[:length]) for length in range(len(items) + 1))


def _logged(scenario: Scenario) -> Scenario:
    """Return the scenario with a log: what it says afterwards must come to what the pool is."""

    def make() -> Curriculum:
        curriculum = scenario.make()
        PoolLog(curriculum._pool).begin()
        return curriculum

    return Scenario(f"logged: {scenario.name}", make, scenario.calls)


_UNLOGGED: tuple[Scenario, ...] = (
    Scenario("draw creates", _not_full, (_draw,)),
    Scenario("draw creates in a hole", _with_holes, (_draw,)),
    Scenario("draw evicts and drops a label", _evicting, (_draw,)),
    Scenario("draw evicts below two levels", _evicting_in_two_levels, (_draw,)),
    Scenario("draw evicts by the reference", _evicting_by_reference, (_draw,)),
    Scenario("draw evicts, basic", _basic, (_draw,)),
    Scenario("draw by progress", _settled, (_draw,)),
    Scenario("draw creates, random", _random, (_draw,)),
    Scenario("draw, random", _full_random, (_draw,)),
    Scenario("draw many", _not_full, tuple(_draw_many(count) for count in range(5))),
    Scenario("update", _settled, (_update(13),)),
    Scenario("update explores", _about_to_be_explored, (_update(13),)),
    Scenario("update matures", _immature, (_update(13),)),
    Scenario("update, basic", _basic, (_update(13),)),
    Scenario("update rebuilds the sums", _sums_due, (_update(13),)),
    Scenario("update refused", _settled, (_update(UNKNOWN),)),
    Scenario("update many", _about_to_be_explored, _prefixes(_update_many, 12, UNKNOWN, 12, 14)),
    Scenario("add a task with a new label", _not_full, (_add_task("new"),)),
    Scenario("add a task with a label that had none", _not_full, (_add_task("gone 0"),)),
    Scenario("add a task to a full label table", _full_label_table, (_add_task("new"),)),
    Scenario("name a task", _waiting, (_label_task(NEW, "new"),)),
    Scenario("rename a label's last task", _waiting, (_label_task(11, "new"),)),
    Scenario("remove a label's last task", _waiting, (_remove_task(11, 0),)),
    Scenario("drop a task", _waiting, (_remove_task(NEW, 1),)),
    Scenario("draw by the frontier", _frontier, (_draw,)),
    Scenario("draw evicts, frontier", _frontier_evicting, (_draw,)),
    Scenario("draw by staleness", _by_staleness, (_draw,)),
    Scenario("draw evicts, by rank", _by_rank, (_draw,)),
    Scenario("update, by rank", _by_rank, (_update(13),)),
    Scenario("use ranks", _settled, (_use(BY_RANK),)),
    Scenario("draw by label", _by_label, (_draw,)),
    Scenario("draw evicts, by label", _by_label_evicting, (_draw,)),
    Scenario("update, by label", _by_label, (_update(23),)),
    Scenario("name a task, by label", _by_label_waiting, (_label_task(NEW, "new"),)),
    Scenario("remove a task, by label", _by_label, (_remove_task(20, 0),)),
    Scenario("use label progress", _settled, (_use(LabelProgressConfig()),)),
    Scenario("update, frontier", _frontier, (_update(13),)),
    Scenario("use the frontier", _settled, (_use(FrontierConfig()),)),
    Scenario("use learning progress", _frontier, (_use(LearningProgressConfig()),)),
    Scenario("use uniform draws", _basic, (_use(DiscreteRandomConfig()),)),
    Scenario("end an epoch", _evicting, (_end_epoch,)),
    Scenario("attach", _settled, (_attach,)),
    Scenario("detach", _settled, (_detach,)),
)

_OF_THE_LOG = (
    *("draw evicts and drops a label", "update", "update refused", "update many", "add a task with a new label"),
    *("name a task", "drop a task", "use the frontier", "end an epoch"),
)
SCENARIOS = (*_UNLOGGED, *(_logged(scenario) for scenario in _UNLOGGED if scenario.name in _OF_THE_LOG))
