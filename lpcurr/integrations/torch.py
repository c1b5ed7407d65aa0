"""PyTorch: a ``DataLoader`` takes its prompts, in batches of distinct ones, from a curriculum, and can be resumed.

The curriculum's tasks are the items of the data set: the task with id i is ``dataset[i]``. The sampler is a batch
sampler, so the loader has no batch size of its own; what was sampled is in flight until it is reported, and a sampler
that was loaded hands it out first. So nothing that a loader has prefetched is lost with the process, and nothing is
trained twice.

>>> from torch.utils.data import DataLoader
>>> from lpcurr import CurriculumConfig, LearnabilityConfig
>>> prompts = ["1+1=", "2+3=", "5*7=", "17*23="]
>>> curriculum = CurriculumConfig(tasks=prompts, seed=0, algorithm_config=LearnabilityConfig(attempts=8)).make()
>>> sampler = CurriculumSampler(curriculum, batch_size=2, num_batches=3)
>>> loader = DataLoader(list(enumerate(prompts)), batch_sampler=sampler)
>>> for ids, texts in loader:
...     successes = [len(text) % 8 for text in texts]  # of eight answers to each prompt
...     credited = sampler.report(ids, successes, attempts=8)
>>> curriculum.stats()["num_completed"]
48.0
>>> curriculum.close(); curriculum.unlink()

Several processes (``torch.distributed``) make a sampler each: that of rank 0 chooses, and the others are told, so all
of them see the same batches, each the whole of it. Only rank 0 needs a curriculum and a state.

With torchdata's ``StatefulDataLoader`` the loader's state has the sampler's in it.
"""

import collections
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lpcurr.curriculum.arguments import as_count
from lpcurr.curriculum.curriculum import Curriculum
from lpcurr.curriculum.ledger import TaskLedger
from lpcurr.errors import ConfigError
from lpcurr.integrations import needs
from lpcurr.integrations.playable import as_learning_curriculum, check_count

with needs("torch", 'lpcurr.integrations.torch needs PyTorch: pip install "lpcurr[torch]"'):
    import torch
    import torch.distributed as distributed
    from torch.utils.data import Sampler


class CurriculumSampler(Sampler[list[int]]):  # type: ignore[misc, unused-ignore]
    """Samples batches of distinct tasks from a curriculum, for ``DataLoader(dataset, batch_sampler=…)``.

    Args:
        curriculum: over a fixed set of tasks whose ids are the indices of the data set, as with
            ``CurriculumConfig(tasks=…)``, or the id of its session; None on other ranks than 0.
        batch_size: distinct tasks in a batch; or, by label, how many of each, ``{"maths": 6, "code": 3}``.
        num_generations: how often each stands in the batch, one behind the other.
        num_batches: batches of one pass of the loader; None: it never ends.
        process_group: of the ranks that share the batches; by default all, over gloo, if ``torch.distributed`` is
            initialised.

    Raises:
        ConfigError: rank 0 has no curriculum, or one that makes tasks of its own; or an argument is out of range.

    Attributes:
        ledger: what is in flight, on rank 0; None on others.
    """

    def __init__(
        self,
        curriculum: Curriculum | str | None,
        batch_size: int | Mapping[Any, int],
        *,
        num_generations: int = 1,
        num_batches: int | None = None,
        process_group: Any = None,
    ) -> None:
        self._of_label = dict(batch_size) if isinstance(batch_size, Mapping) else {None: batch_size}
        for count in self._of_label.values() or [0]:
            check_count("batch_size", count)
        check_count("num_generations", num_generations)
        self.batch_size = sum(self._of_label.values())
        self.num_generations = num_generations
        self.num_batches = None if num_batches is None else as_count(num_batches, "num_batches")
        self._group = process_group
        if process_group is None and distributed.is_available() and distributed.is_initialized():
            # Not the trainer's own group: prompts must not wait for, nor get between, what its devices exchange.
            self._group = distributed.new_group(backend="gloo") if distributed.get_world_size() > 1 else None
        self._chooses = self._group is None or distributed.get_rank(self._group) == 0
        self.ledger: TaskLedger | None = None
        if self._chooses:
            curriculum = as_learning_curriculum(curriculum)
            if not curriculum.config.defer_init:
                raise ConfigError(
                    "the curriculum makes tasks of its own, whose ids are no indices of a data set: make it with "
                    "CurriculumConfig(tasks=[…]), or with defer_init=True and add_task(index)"
                )
            self.ledger = TaskLedger(curriculum)
        self._yielded, self._resumed = 0, False

    def __len__(self) -> int:
        if self.num_batches is None:
            raise TypeError("this sampler never ends: give num_batches for a pass to have a length")
        return self.num_batches

    def __iter__(self) -> Iterator[list[int]]:
        """Sample the rest of a pass: all of it, but for the first one after a resume."""
        if not self._resumed:
            self._yielded = 0  # here, for a trainer that counts the batches never comes to the end of a pass
        self._resumed = False
        while self.num_batches is None or self._yielded < self.num_batches:
            self._yielded += 1
            ids = self.sample()
            yield np.repeat(ids, self.num_generations).tolist()
        self._yielded = 0

    def sample(self) -> NDArray[np.int64]:
        """Take the tasks of one batch, the same on all ranks: int64[batch_size]."""
        if self._group is None:
            assert self.ledger is not None
            return self._take(self.ledger)
        # One cell more says how it went: where rank 0 fails, the others must not wait for it for ever.
        message = torch.full((self.batch_size + 1,), -1, dtype=torch.int64)
        failure: Exception | None = None
        if self.ledger is not None:
            try:
                message[1:] = torch.from_numpy(self._take(self.ledger))
                message[0] = self.batch_size
            except Exception as error:
                failure = error
        distributed.broadcast(message, group=self._group, group_src=0)
        if failure is not None:
            raise failure
        if message[0] < 0:
            raise RuntimeError("rank 0 could not sample a batch: it says why")
        ids: NDArray[np.int64] = message[1:].numpy()
        return ids

    def _take(self, ledger: TaskLedger) -> NDArray[np.int64]:
        return np.concatenate([ledger.take(count, label=label) for label, count in self._of_label.items()])

    def report(self, ids: ArrayLike, successes: ArrayLike, attempts: ArrayLike) -> NDArray[np.bool_]:
        """Report groups of attempts, those of all ranks together, once: see :meth:`lpcurr.TaskLedger.report`.

        Call it on rank 0 with what was gathered there; on other ranks it does nothing, and says that nothing was
        credited.
        """
        return _none_of(ids) if self.ledger is None else self.ledger.report(ids, successes, attempts)

    def report_scores(self, ids: ArrayLike, scores: ArrayLike) -> NDArray[np.bool_]:
        """Report one score a task, such as its mean reward, as :meth:`report` does those that are right or wrong."""
        return _none_of(ids) if self.ledger is None else self.ledger.report_scores(ids, scores)

    def release(self, ids: ArrayLike) -> None:
        """Give tasks back that will not be reported, on rank 0: see :meth:`lpcurr.TaskLedger.release`."""
        if self.ledger is not None:
            self.ledger.release(ids)

    def state_dict(self) -> Mapping[str, Any]:
        """Return the state, which is read when it is pickled (``torch.save``), or looked into; empty on other ranks.

        A loader with workers asks for it when it sends a batch off, long before that is trained, and hands it on when
        it is itself asked for its state: what has been reported in between must be in it. ``dict(…)`` reads it now.
        """
        return SamplerState(self._read)

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a state, on rank 0: what was in flight is sampled first, and then what would have been.

        The first pass is the rest of the one that the state was taken in, which is empty if that had given its last
        batch. For a trainer that begins a whole pass then see Lightning in ``lpcurr help language_models``.

        Raises:
            CheckpointError, ConfigError: as :meth:`lpcurr.TaskLedger.load_state_dict`.
        """
        state = dict(state)
        if self.ledger is not None:
            self.ledger.load_state_dict(state)
        self._yielded, self._resumed = state.get("yielded", 0), True

    def _read(self) -> dict[str, Any]:
        if self.ledger is None:
            return {"yielded": self._yielded}
        waiting = -(-self.ledger.in_flight.size // self.batch_size)  # these batches will be sampled again
        return {"yielded": max(0, self._yielded - waiting)} | self.ledger.state_dict()


class SamplerState(Mapping[str, Any]):
    """A sampler's state as it is when somebody looks; pickled, it is the plain dictionary of that moment."""

    def __init__(self, read: Callable[[], dict[str, Any]]) -> None:
        self._read = read

    def __getitem__(self, key: str) -> Any:
        return self._read()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._read())

    def __len__(self) -> int:
        return len(self._read())

    def __reduce__(self) -> tuple[Any, ...]:
        # Of the mappings, torch.load(weights_only=True) takes this one.
        return collections.OrderedDict, (), None, None, iter(self._read().items())


def _none_of(ids: ArrayLike) -> NDArray[np.bool_]:
    """What another rank than 0 credits of a batch."""
    return np.zeros(len(np.atleast_1d(np.asarray(ids))), dtype=np.bool_)
