"""verl: the training data set's rows come in the order that a curriculum chooses, and each batch is reported to it.

    export VERL_USE_EXTERNAL_MODULES=lpcurr.integrations.verl_trainer
    trainer.v1.trainer_mode=curriculum
    data.custom_cls.path=pkg://lpcurr.integrations.verl
    data.custom_cls.name=CurriculumDataset
    data.dataloader_num_workers=0
    +data.curriculum.type=learnability
    +data.curriculum.attempts=8

``data.curriculum`` has the settings of the scheduler. Which row a loader asks for does not matter: it gets the one that
the curriculum chooses, so that verl's own sampler and its checkpoints stay as they are; torchdata's
``StatefulDataLoader`` saves the curriculum, and what is in flight, with the data set. The validation set, which verl
makes of the same class, is read in order.

The first two lines are for verl's present trainer, which tells a data set nothing: ``curriculum`` is its ``sync`` mode
with a report after each step, before the checkpoint of that step. Its asynchronous modes are not supported. The legacy
trainer (``trainer.use_v1=False``) does without these lines, and reports after the checkpoint: a run that it resumes
trains on the last batch before the checkpoint once more. Tried with verl 0.9.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

from lpcurr.curriculum.config import CurriculumConfig
from lpcurr.curriculum.ledger import TaskLedger, count_rewards
from lpcurr.errors import ConfigError
from lpcurr.integrations import needs

with needs("verl", "lpcurr.integrations.verl needs verl: pip install verl"):
    from verl.utils.dataset.rl_dataset import RLHFDataset

_logger = logging.getLogger("lpcurr")
TASK_ID = "curriculum_task_id"
_MAX_SILENT_BATCHES = 20


class CurriculumDataset(RLHFDataset):  # type: ignore[misc, unused-ignore]
    """An ``RLHFDataset`` whose rows a curriculum chooses: task i is row i.

    Attributes:
        ledger: what is in flight; None for a validation set.
    """

    def __init__(self, data_files: Any, tokenizer: Any, config: Any, *others: Any, **options: Any) -> None:
        super().__init__(data_files, tokenizer, config, *others, **options)
        self._batch: list[int] = []  # chosen, and not asked for yet
        self._silent_batches = 0  # since the last report
        self.ledger: TaskLedger | None = None
        if data_files != config.get("train_files"):
            return
        if data_files == config.get("val_files"):
            raise ConfigError("data.val_files must not be data.train_files: verl does not say which is which")
        if config.get("dataloader_num_workers", 8) != 0:
            raise ConfigError("data.dataloader_num_workers must be 0: a worker would choose rows by a pool of its own")
        self._batch_size = config.get("gen_batch_size") or config["train_batch_size"]
        self._threshold = config.get("success_threshold", 0.5)
        prompts = [str(prompt) for prompt in self.dataframe[self.prompt_key]]
        scheduler = dict(config.get("curriculum") or {"type": "learnability"})
        fields = {"tasks": prompts, "seed": config.get("seed"), "algorithm_config": scheduler}
        self.ledger = TaskLedger(CurriculumConfig.model_validate(fields).make())

    def __getitem__(self, item: int) -> Any:
        """Read the next row that the curriculum chooses; the batches that it is asked for hold distinct ones."""
        if self.ledger is None:
            return super().__getitem__(item)
        if not self._batch:
            self._batch = self.ledger.take(self._batch_size).tolist()
            self._silent_batches += 1
            if self._silent_batches == _MAX_SILENT_BATCHES:
                _logger.warning(
                    "verl has fetched %d batches of prompts and reported none: the curriculum learns nothing. Set "
                    "trainer.v1.trainer_mode=curriculum, as the head of lpcurr.integrations.verl says",
                    self._silent_batches,
                )
        task_id = self._batch.pop(0)
        return super().__getitem__(task_id) | {TASK_ID: task_id}

    def report(self, attempts: Iterable[tuple[int, float]]) -> None:
        """Report the reward of each attempt at a task; nothing is in flight then, as verl filters prompts out."""
        if self.ledger is None:
            return
        rewards: dict[int, list[float]] = {}
        for task_id, reward in attempts:
            rewards.setdefault(int(task_id), []).append(reward)
        if scored := [group for group in count_rewards(rewards.items(), self._threshold) if group[2]]:
            # Not by the ledger: a prompt that was given back a step ago may still come in.
            self.ledger.curriculum.update_groups(*map(list, zip(*scored, strict=True)))
        self.ledger.release(self.ledger.in_flight)
        self._batch, self._silent_batches = [], 0

    def on_batch_end(self, batch: Any) -> None:
        """Report a batch on which the legacy trainer has trained, a ``DataProto``."""
        if self.ledger is not None:
            scores = batch.batch["token_level_scores"].sum(dim=-1).tolist()
            self.report(zip(batch.non_tensor_batch[TASK_ID].tolist(), scores, strict=True))

    def state_dict(self) -> dict[str, Any]:
        """Return the curriculum and what is in flight, as plain data."""
        return {} if self.ledger is None else self.ledger.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a state: what was in flight is read first."""
        if self.ledger is not None:
            self.ledger.load_state_dict(state)
            self._batch = []
