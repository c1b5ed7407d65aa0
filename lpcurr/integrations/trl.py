"""TRL: ``GRPOTrainer`` takes its prompts from a curriculum and reports each group of completions to it.

>>> from trl import GRPOConfig                                                              # doctest: +SKIP
>>> curriculum = CurriculumConfig(tasks=list(dataset["prompt"]),                            # doctest: +SKIP
...                               algorithm_config=LearnabilityConfig(attempts=8)).make()
>>> trainer = CurriculumGRPOTrainer(model, reward_funcs=is_right, args=GRPOConfig(num_generations=8),
...                                 train_dataset=dataset, curriculum=curriculum)           # doctest: +SKIP
>>> trainer.train()                                                                         # doctest: +SKIP

Everything else is ``GRPOTrainer``'s, and so is the order within a generation batch: its prompts are distinct, each
stands there ``num_generations`` times, and the batch is repeated for ``steps_per_generation`` and ``num_iterations``.
An epoch has as many prompts as the data set; which they are, the curriculum says. Its success rate and its scores by
label are logged with the trainer's own figures, under ``curriculum/``.

The checkpoints of the trainer have the curriculum's in them. A resumed run goes on with the prompts that were in flight
and skips none. A checkpoint that is written while a generation batch is still being trained on
(``steps_per_generation`` above ``gradient_accumulation_steps``, or ``num_iterations`` above 1) leaves the rest of that
batch's steps out; its groups are credited.
"""

import errno
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from lpcurr.curriculum.arguments import as_threshold
from lpcurr.curriculum.curriculum import Curriculum
from lpcurr.errors import CheckpointNotFoundError, ConfigError
from lpcurr.integrations import needs
from lpcurr.integrations.torch import CurriculumSampler
from lpcurr.memory.files import write_atomically

with needs("trl", 'lpcurr.integrations.trl needs TRL: pip install "lpcurr[trl]"'):
    import datasets
    import torch
    from accelerate.utils import gather
    from torch.utils.data import Sampler
    from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR
    from trl import GRPOTrainer

_TASK_ID = "curriculum_task_id"
_FILE = "curriculum.json"


class CurriculumGRPOTrainer(GRPOTrainer):  # type: ignore[misc, unused-ignore]
    """A ``GRPOTrainer`` whose prompts a curriculum chooses.

    Args:
        args: as ``GRPOTrainer``'s, all of them; ``train_dataset`` is a ``datasets.Dataset``.
        curriculum: over a fixed set of tasks, of which that with id i is ``train_dataset[i]``, or its session's id.
            With several processes that of rank 0 is used; others may pass None.
        success_threshold: completions whose total reward is this or more count as a success.
        prompts_by_label: how many prompts of each label are in a generation batch, ``{"maths": 6, "code": 2}``; by
            default as the curriculum chooses.
        options: as ``GRPOTrainer``'s keyword arguments.

    Raises:
        ConfigError: the data set has no length, or is shorter than the curriculum's ids; or ``prompts_by_label`` are
            not as many as a generation batch has.

    Attributes:
        sampler: the sampler, with the ledger of what is in flight.
    """

    train_dataset: Any
    eval_dataset: Any

    def __init__(
        self,
        *args: Any,
        curriculum: Curriculum | str | None,
        success_threshold: float = 0.5,
        prompts_by_label: Mapping[str, int] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(*args, **options)
        self.success_threshold = as_threshold(success_threshold)
        if not isinstance(self.train_dataset, datasets.Dataset):
            kind = type(self.train_dataset).__name__
            raise ConfigError(f"train_dataset is a {kind}: a curriculum needs a datasets.Dataset, in which to look up")
        distinct = self.args.generation_batch_size // self.num_generations
        batch = prompts_by_label or distinct
        self.sampler = CurriculumSampler(curriculum, batch, num_generations=self.num_generations)
        if self.sampler.batch_size != distinct:
            raise ConfigError(f"prompts_by_label={batch} are not the {distinct} prompts of a generation batch")
        if self.sampler.ledger is not None:
            ids, _ = self.sampler.ledger.curriculum.probabilities()
            if ids.size and ids.max() >= len(self.train_dataset):
                raise ConfigError(f"task {ids.max()} is no index of the data set, which has {len(self.train_dataset)}")
        self.train_dataset = self.train_dataset.add_column(_TASK_ID, list(range(len(self.train_dataset))))
        # The sampler goes on where it was by itself: the trainer must not draw prompts only to skip them.
        self.args.ignore_data_skip = True

    def _get_train_sampler(self, dataset: Any = None) -> Sampler[int]:
        batches = len(self.train_dataset if dataset is None else dataset) // self.sampler.batch_size
        return _Repeated(self.sampler, batches, self.num_iterations * self.args.steps_per_generation)

    def _calculate_rewards(self, inputs: Any, *others: Any) -> Any:
        rewards = super()._calculate_rewards(inputs, *others)  # of all processes, by rank
        if self.model.training:
            ids = gather(torch.tensor([row[_TASK_ID] for row in inputs], device=rewards.device))
            self._report(ids.cpu().numpy(), rewards.float().cpu())
        return rewards

    def _report(self, ids: np.ndarray[Any, Any], rewards: torch.Tensor) -> None:
        """Report the groups of a generation batch; those without any reward are given back."""
        total = (rewards * self.reward_weights.cpu()).nansum(dim=1).reshape(-1, self.num_generations)
        scored = (~rewards.isnan()).any(dim=1).reshape(total.shape)
        attempts = scored.sum(dim=1).numpy()
        successes = ((total >= self.success_threshold) & scored).sum(dim=1).numpy()
        groups = ids.reshape(-1, self.num_generations)
        assert (groups == groups[:, :1]).all(), "a group has completions of several prompts"
        any_scored = attempts > 0
        self.sampler.report(groups[any_scored, 0], successes[any_scored], attempts[any_scored])
        self.sampler.release(groups[~any_scored, 0])

    def log(self, logs: dict[str, float], *others: Any, **options: Any) -> None:
        """Log besides what ``curriculum.stats()`` says of the tasks, but for the scheduler's figures."""
        if self.model.training and self.sampler.ledger is not None:
            figures = self.sampler.ledger.curriculum.stats().items()
            logs |= {f"curriculum/{key}": value for key, value in figures if not key.startswith("algorithm/")}
        super().log(logs, *others, **options)

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        super()._save_checkpoint(model, trial)
        if self.args.should_save:
            folder = Path(self._get_output_dir(trial=trial)) / f"{PREFIX_CHECKPOINT_DIR}-{self.state.global_step}"
            write_atomically(folder / _FILE, json.dumps(dict(self.sampler.state_dict())))

    def _load_optimizer_and_scheduler(self, checkpoint: Any) -> None:
        super()._load_optimizer_and_scheduler(checkpoint)
        if checkpoint is not None and self.sampler.ledger is not None:
            path = Path(checkpoint) / _FILE
            if not path.exists():
                raise CheckpointNotFoundError(
                    errno.ENOENT,
                    "this checkpoint has no curriculum in it, as the training was killed while it was written or had "
                    "none: resume from an older one",
                    str(path),
                )
            self.sampler.load_state_dict(json.loads(path.read_text()))


class _Repeated(Sampler[int]):  # type: ignore[misc, unused-ignore]
    """The prompts of an epoch, one by one: each batch of the sampler several times, as in TRL's ``RepeatSampler``."""

    def __init__(self, sampler: CurriculumSampler, batches: int, repeat_count: int) -> None:
        self._sampler = sampler
        self._batches = batches
        self._repeat_count = repeat_count

    def __len__(self) -> int:
        return self._batches * self._sampler.batch_size * self._sampler.num_generations * self._repeat_count

    def __iter__(self) -> Iterator[int]:
        for _ in range(self._batches):
            ids = np.repeat(self._sampler.sample(), self._sampler.num_generations).tolist()
            for _ in range(self._repeat_count):
                yield from ids
