"""A whole run: one training, several seeds, or learning progress against random at equal environment steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from lpcurr.recipes.config import TrainingConfig, randomised
from lpcurr.recipes.resuming import find_run, is_finished, starting_point
from lpcurr.recipes.training import train_once
from lpcurr.reports.intervals import interval
from lpcurr.reports.writing import write_report
from lpcurr.runs.folder import Row, RunFolder
from lpcurr.schedulers.learning_progress import LearningProgressConfig

_FIGURES = {"eval/mastered_share": "mastered", "eval/score": "held-out score", "score": "training score"}


def run(recipe: str, config: TrainingConfig, console: Console) -> RunFolder:
    """Run a recipe to its end and leave the run folder behind.

    ``config.compare`` trains both curricula, ``config.seeds`` says how many seeds of each. With ``config.resume``,
    trainings of that run that have not reached ``total_steps`` go on from their newest checkpoints (also where a time
    limit ended them), and those that were never begun begin. A ``KeyboardInterrupt`` passes through after the report
    of what there is has been drawn.

    Args:
        recipe: its name.
        config: its configuration.
        console: where progress and result are shown.

    Raises:
        ConfigError: the run folder exists already, or what is to go on is no run.
        CheckpointError: a checkpoint that is to be gone on from was altered or damaged.
    """
    if config.resume is None:
        folder = RunFolder(config.run_dir, recipe)
    else:
        folder = RunFolder(find_run(config.resume), recipe, reopen=True)
    trainings = [
        (arm, seed, starting_point(folder, arm, seed))  # all are verified before anything is written
        for seed in range(config.seed, config.seed + config.seeds)
        for arm in _arms(config)
        if not is_finished(folder, arm, seed)
    ]
    folder.write_config(recipe, config.model_copy(update={"resume": None}))
    console.print(f"{recipe}: writing to {folder.path}", highlight=False, markup=False, soft_wrap=True)
    try:
        for arm, seed, start in trainings:
            train_once(arm, seed, folder, console, start)
    finally:
        _conclude(folder, console)
    return folder


def _arms(config: TrainingConfig) -> list[TrainingConfig]:
    if not config.compare:
        return [config]
    algorithm = config.curriculum.algorithm_config
    learning = config.curriculum
    if not isinstance(algorithm, LearningProgressConfig):
        learning = learning.model_copy(update={"algorithm_config": LearningProgressConfig()})
        learning = type(learning)(**learning.model_dump())  # settles the fields that both have
    curricula = (learning, randomised(config.curriculum))
    return [config.model_copy(update={"curriculum": each, "use_lp": None}) for each in curricula]


def _conclude(folder: RunFolder, console: Console) -> None:
    rows = folder.read("metrics.jsonl")
    if rows:
        summary = summarise(rows)
        folder.write_result(summary)
        write_report([folder.path], folder.path / "report.html", folder.path / "report.png")
        console.print(_table(summary))
    places = f"{folder.path}/ has " + ", ".join(sorted(path.name for path in folder.path.iterdir()))
    console.print(places, highlight=False, markup=False, soft_wrap=True)


# -- results --------------------------------------------------------------------------------------------------------


def equal_steps(rows: Sequence[Row]) -> list[Row]:
    """The last epoch of every training, at the most environment steps that all of them have reached."""
    trainings: dict[tuple[str, int], list[Row]] = {}
    for row in rows:
        trainings.setdefault((row["curriculum"], row["seed"]), []).append(row)
    reached = min(epochs[-1]["steps"] for epochs in trainings.values())
    return [
        max((r for r in epochs if r["steps"] <= reached), key=lambda r: r["steps"], default=epochs[0])
        for epochs in trainings.values()
    ]


def summarise(rows: Sequence[Row]) -> dict[str, Any]:
    """The result of a run: each training at its end, and each curriculum's mean and 95 % interval at equal steps.

    With both curricula, ``difference`` is learning progress minus random, paired by seed.
    """
    last = equal_steps(rows)
    figures = [name for name in _FIGURES if all(name in row for row in last)]
    trainings = [
        {key: row[key] for key in ("curriculum", "seed", "steps", "episodes", "seconds", *figures)} for row in last
    ]
    result: dict[str, Any] = {"trainings": trainings, "curricula": {}}
    by_kind: dict[str, dict[int, Row]] = {}
    for row in last:
        by_kind.setdefault(row["curriculum"], {})[row["seed"]] = row
    for kind, seeds in by_kind.items():
        result["curricula"][kind] = {"seeds": len(seeds)} | {
            name: _mean_and_interval([row[name] for row in seeds.values()]) for name in figures
        }
    if len(by_kind) == 2:
        learning, random = by_kind["learning_progress"], by_kind["discrete_random"]
        paired = sorted(learning.keys() & random.keys())
        if paired:
            result["difference"] = {"seeds": len(paired)} | {
                name: _mean_and_interval([learning[s][name] - random[s][name] for s in paired]) for name in figures
            }
    return result


def _mean_and_interval(values: Sequence[float]) -> dict[str, float | None]:
    mean, half = interval(values)
    return {"mean": mean, "interval95": half}


def _table(summary: dict[str, Any]) -> Table:
    named = dict(summary["curricula"])
    if "difference" in summary:
        named["difference, paired"] = summary["difference"]
    figures = [name for name in _FIGURES if all(name in row for row in named.values())]
    steps = min(training["steps"] for training in summary["trainings"])
    table = Table(title=f"Result at {steps:,} environment steps (mean ± 95 % interval over seeds)")
    for column in ("curriculum", "seeds", *(_FIGURES[name] for name in figures)):
        table.add_column(column)
    for kind, row in named.items():
        cells = [_cell(row[name]["mean"], row[name]["interval95"]) for name in figures]
        table.add_row(kind, str(row["seeds"]), *cells)
    return table


def _cell(mean: float, half: float | None) -> str:
    return f"{mean:.3f}" if half is None else f"{mean:.3f} ± {half:.3f}"
