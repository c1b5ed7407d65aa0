"""What a trainer has handed out and not heard of yet: kept with its checkpoint, and handed out again after a resume.

The pool itself keeps no list of it: any number of processes draw from a pool and die as they like, and what one of them
has under way is nobody else's to hand out again. A trainer that chooses its prompts in one process has such a list to
keep, and this is it: plain Python in that process, and part of the state that it saves. ``lpcurr help language_models``
has an example.
"""

import itertools
import math
from collections import Counter, deque
from collections.abc import Iterable, Mapping
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lpcurr.curriculum.arguments import as_batch, as_count, as_flag, as_threshold
from lpcurr.curriculum.curriculum import Curriculum
from lpcurr.errors import CheckpointError, ConfigError, InvalidBatchError, UnknownTaskError, shown
from lpcurr.generators.listed import label_as_text
from lpcurr.pool.moment import Int64s
from lpcurr.statistics.figures import PoolStatistics


class TaskLedger:
    """Hands out a curriculum's tasks in batches, and knows which were not reported yet.

    A task is in flight from :meth:`take` until it is reported or released; it can be so several times, in several
    batches. One process keeps the ledger and chooses for all.

    Attributes:
        curriculum: where the tasks come from.
    """

    def __init__(self, curriculum: Curriculum) -> None:
        if not isinstance(curriculum, Curriculum):
            raise ConfigError(f"{shown(curriculum)} is a {type(curriculum).__name__}, not a Curriculum")
        self.curriculum = curriculum
        self._out: dict[int, deque[int]] = {}  # task id → the numbers under which it was handed out, ascending
        self._handed_out = 0
        self._again: list[int] = []  # in flight when the state was saved that was loaded, and not handed out since

    @property
    def in_flight(self) -> Int64s:
        """What was handed out and not reported, in the order in which it was, int64[m]."""
        out = sorted((number, task_id) for task_id, numbers in self._out.items() for number in numbers)
        return np.array([task_id for _, task_id in out] + self._again, dtype=np.int64)

    def take(self, count: int, *, again: bool = True, label: str | int | None = None) -> Int64s:
        """Hand out distinct tasks, int64[count]: after a resume what was in flight, in its order, then what is drawn.

        Args:
            count: how many.
            again: whether a task that is in flight may be handed out once more. If not, the batch is drawn from the
                others, as far as there are any: for trainers that have many batches under way.
            label: hand out tasks of this label alone, as for a batch with so many of each.

        Raises:
            InvalidBatchError: there are not so many tasks.
            PoolEmptyError: none of the label is in the pool.
        """
        count, again = as_count(count, "count"), as_flag(again, "again")
        batch: dict[int, None] = {}
        later = []
        for task_id in self._again:
            if len(batch) < count and task_id not in batch and (label is None or self._has(task_id, label)):
                batch[task_id] = None
            else:
                later.append(task_id)
        resumed, seen, size = dict(batch), dict[int, None](), count
        while len(batch) < count:
            # Draws without those that were seen already are draws without replacement from the others.
            seen |= dict.fromkeys(self.curriculum.sample_ids(size, distinct=True, label=label).tolist())
            tasks = self._count_tasks(label)
            all_do = again or len(seen) >= tasks
            order = seen if again else sorted(seen, key=self._out.__contains__)  # stable: else as they were drawn
            fresh = (i for i in order if i not in resumed and (all_do or i not in self._out))
            batch = resumed | dict.fromkeys(itertools.islice(fresh, count - len(resumed)))
            size = min(2 * size, tasks)
        ids = np.fromiter(batch, dtype=np.int64, count=count)
        out = {id_: self._out.get(id_, deque()) + deque([n]) for n, id_ in enumerate(batch, self._handed_out)}
        self._out |= out  # without a call from here on, in which a signal handler might raise
        self._again = later
        self._handed_out += count
        return ids

    def report(self, ids: ArrayLike, successes: ArrayLike, attempts: ArrayLike) -> NDArray[np.bool_]:
        """Credit groups of attempts, as :meth:`lpcurr.Curriculum.update_groups` does; they are no longer in flight.

        Raises:
            UnknownTaskError: a task is not in flight; nothing was credited.
            InvalidBatchError: as :meth:`lpcurr.Curriculum.update_groups`.
        """
        landed = self._landed(ids)
        credited = self.curriculum.update_groups(ids, successes, attempts)
        self._forget(landed)
        return credited

    def report_scores(
        self, ids: ArrayLike, scores: ArrayLike, signals: ArrayLike | None = None, costs: ArrayLike | None = None
    ) -> NDArray[np.bool_]:
        """Credit scores that are more than right or wrong, such as mean rewards; their tasks are no longer in flight.

        Args:
            ids: int64[k], the tasks, in flight.
            scores: float64[k], one for each; the others, and the answer, as in :meth:`lpcurr.Curriculum.update_each`.

        Raises:
            UnknownTaskError, InvalidBatchError, InvalidScoreError: as :meth:`report`; nothing was credited.
        """
        landed = self._landed(ids)
        credited = self.curriculum.update_each(ids, scores, signals, costs)
        self._forget(landed)
        return credited

    def report_rewards(self, groups: Iterable[tuple[int, Iterable[float | None]]], success_threshold: float) -> None:
        """Report groups by the reward of each attempt; a group of which none was rewarded is released.

        Args:
            groups: a task and the rewards of its attempts, None or NaN for one that was not scored.
            success_threshold: rewards of this or more are a success.

        Raises:
            UnknownTaskError: a task is not in flight; nothing was credited.
            InvalidBatchError: a group is no such pair, or a reward no number.
        """
        counted = count_rewards(groups, success_threshold)
        self._landed([task_id for task_id, _, _ in counted])
        scored = [group for group in counted if group[2]]
        self.release([task_id for task_id, _, attempts in counted if not attempts])
        if scored:
            self.report(*map(list, zip(*scored, strict=True)))

    def release(self, ids: ArrayLike) -> None:
        """Give tasks back that will not be reported, such as answers that were thrown away: no longer in flight.

        Raises:
            UnknownTaskError: a task is not in flight; none was given back.
        """
        self._forget(self._landed(ids))

    def state_dict(self) -> dict[str, Any]:
        """Return the curriculum and what is in flight as plain data: dicts, lists, strings, ints and floats."""
        return {"in_flight": self.in_flight.tolist(), "curriculum": self.curriculum.get_state()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what :meth:`state_dict` gave: what was in flight is handed out first.

        Raises:
            CheckpointError, ConfigError: as :meth:`lpcurr.Curriculum.load_state`; nothing was changed.
        """
        if not isinstance(state, Mapping) or not {"in_flight", "curriculum"} <= set(state):
            raise CheckpointError(f"{shown(state)} is no state of a ledger: give what state_dict() returned")
        again = cast("Int64s", as_batch(state["in_flight"], np.int64, "in_flight")).tolist()
        self.curriculum.load_state(state["curriculum"])
        self._out, self._again = {}, again

    def _has(self, task_id: int, label: str | int) -> bool:
        stats = self.curriculum.get_task_stats(task_id)
        return stats is None or stats["label"] == label_as_text(label)  # one that has left is anybody's

    def _count_tasks(self, label: str | int | None) -> int:
        if label is None:
            return self.curriculum.num_active_tasks
        tables = PoolStatistics(self.curriculum.moment(tables_only=True))
        return tables.label_counts("active").get(label_as_text(label), 0)

    def _landed(self, ids: ArrayLike) -> Counter[int]:
        """Count how often each of the ids is given, all of which must be in flight so often."""
        landed = Counter(cast("Int64s", as_batch(ids, np.int64, "ids")).tolist())
        for task_id, times in landed.items():
            if len(self._out.get(task_id, ())) < times:
                raise UnknownTaskError(
                    f"task {task_id} was given {times} times, and is in flight {len(self._out.get(task_id, ()))} "
                    "times: report or release what take() gave, once"
                )
        return landed

    def _forget(self, landed: Counter[int]) -> None:
        for task_id, times in landed.items():
            numbers = self._out[task_id]
            for _ in range(times):
                numbers.popleft()
            if not numbers:
                del self._out[task_id]


def count_rewards(
    groups: Iterable[tuple[int, Iterable[float | None]]], success_threshold: float
) -> list[tuple[int, int, int]]:
    """Count the successes of each group and its attempts that were scored: see :meth:`TaskLedger.report_rewards`.

    Raises:
        InvalidBatchError: a group is no pair of a task and its rewards, or a reward no number.
    """
    success_threshold = as_threshold(success_threshold)
    try:
        known = [(id_, [r for r in rewards if r is not None and not math.isnan(r)]) for id_, rewards in groups]
    except (TypeError, ValueError) as error:
        raise InvalidBatchError(f"groups are pairs of a task and its rewards: {error}") from None
    return [(task_id, sum(r >= success_threshold for r in rewards), len(rewards)) for task_id, rewards in known]
