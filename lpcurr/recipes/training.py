"""One training of any recipe: makes the curriculum, lets the recipe train, records every epoch."""

from __future__ import annotations

from rich.console import Console

from lpcurr.curriculum.curriculum import Curriculum
from lpcurr.recipes.checkpoints import TrainingCheckpoint
from lpcurr.recipes.config import TrainingConfig
from lpcurr.recipes.loggers import open_loggers
from lpcurr.recipes.progress import make_display
from lpcurr.recipes.recorder import Recorder, active_tasks
from lpcurr.runs.folder import Row, RunFolder


def train_once(
    config: TrainingConfig, seed: int, folder: RunFolder, console: Console, start: TrainingCheckpoint | None = None
) -> list[Row]:
    """Train, show it, record it in the folder, and leave checkpoints there.

    A ``KeyboardInterrupt`` passes through after everything up to the last whole epoch has been recorded and the
    pool's tasks have been written.

    Args:
        config: the recipe's configuration.
        seed: of learner, environments and curriculum.
        folder: where the figures go.
        console: where progress is shown.
        start: where to go on from; by default from the beginning.

    Returns:
        The lines of metrics of this training, by epoch.
    """
    kind = config.curriculum.algorithm_config.type
    before = folder.cut(kind, seed, start.epoch if start is not None else 0) if config.resume is not None else []
    curriculum = _make_curriculum(config, seed, start)
    try:
        with (
            open_loggers(config, folder.path, kind, seed) as loggers,
            make_display(console, f"{kind} seed {seed}", config.total_steps) as display,
        ):
            recorder = Recorder(curriculum, config, seed, folder, display.epoch, before, loggers)
            config.train(curriculum, seed, recorder, None if start is None else start.learner)
    finally:
        try:
            folder.append_tasks(active_tasks(curriculum, {"curriculum": kind, "seed": seed}))
        finally:
            curriculum.close()
            curriculum.unlink()
    return recorder.rows


def _make_curriculum(config: TrainingConfig, seed: int, start: TrainingCheckpoint | None) -> Curriculum:
    chosen = config.curriculum.model_copy(update={"seed": seed})
    return chosen.make() if start is None else Curriculum.load(start.pool, config=chosen)
