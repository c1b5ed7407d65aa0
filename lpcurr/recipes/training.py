"""One training of any recipe: makes the curriculum, lets the recipe train, records every epoch."""

from __future__ import annotations

from rich.console import Console

from lpcurr.recipes.config import TrainingConfig
from lpcurr.recipes.progress import make_display
from lpcurr.recipes.recorder import Recorder, active_tasks
from lpcurr.recipes.run_folder import Row, RunFolder


def train_once(config: TrainingConfig, seed: int, folder: RunFolder, console: Console) -> list[Row]:
    """Train, show it, and record it in the folder.

    A ``KeyboardInterrupt`` passes through after everything up to the last whole epoch has been recorded and the
    pool's tasks have been written.

    Args:
        config: the recipe's configuration.
        seed: of learner, environments and curriculum.
        folder: where the figures go.
        console: where progress is shown.

    Returns:
        The lines of metrics of this training, by epoch.
    """
    kind = config.curriculum.algorithm_config.type
    curriculum = config.curriculum.model_copy(update={"seed": seed}).make()
    try:
        with make_display(console, f"{kind} seed {seed}", config.total_steps) as display:
            recorder = Recorder(curriculum, {"curriculum": kind, "seed": seed}, folder, display.epoch)
            config.train(curriculum, seed, recorder)
    finally:
        try:
            folder.append_tasks(active_tasks(curriculum, {"curriculum": kind, "seed": seed}))
        finally:
            curriculum.close()
            curriculum.unlink()
    return recorder.rows
