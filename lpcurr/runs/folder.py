"""What a run leaves behind.

``config.yaml``    the resolved configuration
``metrics.jsonl``  one flat JSON object for each epoch; :data:`METRICS` says what is in it
``tasks.jsonl``    one flat JSON object for each task that was active at the end of a training; :data:`TASK_FIELDS`
``result.json``    the result of each training, and for a comparison its table
``report.html``    the pictures and the answer, in one page; ``lpcurr report`` makes it anew
``report.png``     the main pictures
``tensorboard/``, ``wandb/``  the same figures again, where the configuration's ``log`` asks for them
``checkpoints/``   the last few of each training; :mod:`lpcurr.recipes.checkpoints`
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from lpcurr.errors import ConfigError

METRICS = {
    "curriculum": "learning_progress or discrete_random",
    "seed": "of this training",
    "epoch": "from 1 up",
    "seconds": "since this training began",
    "steps": "environment steps so far",
    "episodes": "episodes so far",
    "epoch_steps": "environment steps in this epoch",
    "epoch_episodes": "episodes in this epoch",
    "epoch_seconds": "seconds spent acting and learning in this epoch, evaluation left out",
    "steps_per_second": "epoch_steps / epoch_seconds",
    "episodes_per_second": "epoch_episodes / epoch_seconds",
    "score": "mean score of the episodes of this epoch: what the curriculum chose, so harder tasks lower it",
    "eval/score": "mean success probability on the held-out tasks",
    "eval/mastered": "held-out tasks at or above the mastery threshold",
    "eval/tasks": "held-out tasks",
    "eval/mastered_share": "eval/mastered / eval/tasks",
    "pool/mastered": "active tasks whose success rate (EMA) is at least the algorithm's success threshold",
    "pool/mastered_share": "pool/mastered / active tasks",
    "epoch_completions/<label>": "episodes of this epoch, by label",
    "label_probability/<label>": "of a task with this label being the next draw",
    "label_progress/<label>": "mean raw learning progress of the active tasks, |fast − slow average| of the score",
    "label_reward/<label>": "mean over the active tasks of the moving average of the score",
    "success_probability/<tenth>": "of a task whose success rate (EMA) is from there to 0.1 above, or `unplayed`",
    "gini/<name>": "inequality from 0 (equal) to 1, see lpcurr.stats: of raw LP, probabilities, episodes and more",
    "epoch_draws": "tasks handed out in this epoch, by all processes",
    "epoch_tries": "tasks looked at for them by rejection; none for discrete random",
    "epoch_scans": "draws that ran out of tries and went through all tasks instead",
    "epoch_lock_waits": "calls that found the pool's lock taken",
    "epoch_lock_wait_seconds": "how long those waited together",
    "curriculum/<key>": "curriculum.stats() at the end of the epoch, see lpcurr.statistics.figures",
}
"""The keys of a line of ``metrics.jsonl``."""

TASK_FIELDS = {
    "curriculum": "learning_progress or discrete_random",
    "seed": "of the training",
    "task_id": "the task",
    "label": "its group",
    "probability": "of being the next draw",
    "completions": "episodes of it",
    "success_rate": "exponential moving average",
    "learning_progress": "|fast − slow average| of its score",
}
"""The keys of a line of ``tasks.jsonl``."""

Row = dict[str, Any]


class RunFolder:
    """The folder of one run: a new one, or that of a run which goes on.

    Args:
        path: where; by default ``runs/<name>-<time>`` in the working directory.
        name: the recipe.
        reopen: the folder is there already.

    Raises:
        ConfigError: there is something at ``path`` already, or it cannot be made.

    Attributes:
        path: the folder.
    """

    def __init__(self, path: Path | None, name: str, *, reopen: bool = False) -> None:
        self.path = path if reopen and path is not None else _new_folder(path, name)

    def write_config(self, recipe: str, config: BaseModel) -> None:
        """Write the resolved configuration, with the recipe's name in the first line."""
        import yaml  # type: ignore[import-untyped, unused-ignore]

        text = yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False, allow_unicode=True)
        self._replace("config.yaml", f"# lpcurr train {recipe}\n{text}")

    def append_metrics(self, row: Mapping[str, Any]) -> None:
        """Add a line of metrics."""
        self._append("metrics.jsonl", [row])

    def append_tasks(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Add the tasks of one training."""
        self._append("tasks.jsonl", rows)

    def write_result(self, result: Mapping[str, Any]) -> None:
        """Write the result."""
        self._replace("result.json", json.dumps(result, indent=2) + "\n")

    def read(self, file: str) -> list[Row]:
        """The lines of ``metrics.jsonl`` or ``tasks.jsonl``; none where there is no such file yet."""
        path = self.path / file
        if not path.exists():
            return []
        *lines, last = path.read_text("utf-8").split("\n")  # whole lines end; the rest of a killed run's is left out
        del last
        return [json.loads(line) for line in lines]

    def cut(self, curriculum: str, seed: int, epoch: int) -> list[Row]:
        """Forget what is written of a training after an epoch, which it is about to go on from.

        Returns:
            The lines of metrics of that training that are left.
        """
        of_it = {"curriculum": curriculum, "seed": seed}.items()
        rows = self.read("metrics.jsonl")
        kept = [row for row in rows if not (of_it <= row.items() and row["epoch"] > epoch)]
        for file, remaining in (
            ("metrics.jsonl", kept),
            ("tasks.jsonl", [row for row in self.read("tasks.jsonl") if not of_it <= row.items()]),
        ):
            self._replace(file, "".join(json.dumps(row) + "\n" for row in remaining))
        return [row for row in kept if of_it <= row.items()]

    def _replace(self, file: str, text: str) -> None:
        unfinished = self.path / f".{file}"
        unfinished.write_text(text, encoding="utf-8")
        unfinished.replace(self.path / file)

    def _append(self, file: str, rows: Iterable[Mapping[str, Any]]) -> None:
        with (self.path / file).open("a", encoding="utf-8") as stream:
            stream.writelines(json.dumps(row) + "\n" for row in rows)


def _new_folder(path: Path | None, name: str) -> Path:
    if path is not None:
        try:
            path.mkdir(parents=True)
        except FileExistsError:
            raise ConfigError(f"run_dir={str(path)!r}: it exists already, and runs are never overwritten") from None
        except OSError as error:
            raise ConfigError(f"run_dir={str(path)!r}: {error.strerror}") from None
        return path
    stem = f"{name.rpartition(':')[2]}-{time.strftime('%Y%m%d-%H%M%S')}"
    for number in range(1, 1000):
        candidate = Path("runs") / (stem if number == 1 else f"{stem}-{number}")
        try:
            candidate.mkdir(parents=True)
        except FileExistsError:
            continue
        except OSError as error:
            raise ConfigError(f"cannot make {str(candidate)!r}: {error.strerror}; give run_dir=…") from None
        return candidate
    raise ConfigError(f"there are 999 runs named {stem!r}: give run_dir=…")
