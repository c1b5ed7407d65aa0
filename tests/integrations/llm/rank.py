"""One rank of a GRPO training: ``torchrun --nproc_per_node 2 -m tests.integrations.llm.rank FOLDER resumes|dies``.

It writes a line of JSON for each generation into ``FOLDER/RANK``: the step, its prompts' ids and their rewards; rank 0
writes at the end what the curriculum knows of each prompt into ``FOLDER/credited.json``.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from tests.integrations.llm.test_trl import SUMS, make_curriculum, make_trainer

CHECKPOINT, DEATH = 4, 5


class Seen(list[Any]):
    """Writes down what is appended, and may die then."""

    def __init__(self, path: Path, *, dies: bool) -> None:
        super().__init__()
        self.path, self.dies = path, dies

    def append(self, generation: Any) -> None:
        super().append(generation)
        with self.path.open("a") as lines:
            lines.write(json.dumps(generation) + "\n")
        if self.dies and len(self) > DEATH:
            os.kill(os.getpid(), signal.SIGKILL)


def main(folder: Path, *, dies: bool) -> None:
    """Train to the end, or die after the checkpoint."""
    rank = int(os.environ["RANK"])
    curriculum = make_curriculum() if rank == 0 else None
    seen = Seen(folder / f"{'before' if dies else 'after'}{rank}", dies=dies and rank == 1)
    # Two ranks of six answers in groups of four: the second group is answered by both.
    options = {
        "per_device_train_batch_size": 6,
        "gradient_accumulation_steps": 1,
        "max_steps": 8,
        "ddp_backend": "gloo",
    }
    trainer = make_trainer(folder, curriculum, seen, real=False, **options)
    trainer.train(resume_from_checkpoint=None if dies else str(folder / f"checkpoint-{CHECKPOINT}"))
    if curriculum is not None:
        stats = [curriculum.get_task_stats(task_id) or {} for task_id in range(len(SUMS))]
        credited = [[each["total_score"], each["completion_count"]] for each in stats]
        (folder / "credited.json").write_text(json.dumps(credited))
        curriculum.close()
        curriculum.unlink()


if __name__ == "__main__":
    main(Path(sys.argv[1]), dies=sys.argv[2] == "dies")
