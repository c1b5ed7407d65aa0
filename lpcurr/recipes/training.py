"""A whole run: every arm at equal environment steps, over seeds; a run of one arm is the same with one.

While it lasts, it shows a live line on a terminal, plain lines elsewhere.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from lpcurr.curriculum.curriculum import Curriculum
from lpcurr.monitor.wording import visible
from lpcurr.recipes.checkpoints import TrainingCheckpoint
from lpcurr.recipes.config import ScheduledCurriculum, TrainingConfig
from lpcurr.recipes.loggers import open_loggers
from lpcurr.recipes.recorder import Recorder, active_tasks
from lpcurr.recipes.resuming import find_run, is_finished, starting_point
from lpcurr.reports.page import write_report
from lpcurr.reports.verdict import key_figures, results
from lpcurr.runs.folder import RunFolder
from lpcurr.runs.metrics import Row
from lpcurr.runs.reading import Arm, read_run, sort_into_arms


def run(recipe: str, config: TrainingConfig, console: Console) -> RunFolder:
    """Run a recipe to its end and leave the run folder behind.

    With ``config.resume``, trainings of that run that have not reached ``total_steps`` go on from their newest
    checkpoints (also where a time limit ended them), and those that were never begun begin. A ``KeyboardInterrupt``
    passes through after the report of what there is has been drawn.

    Raises:
        ConfigError: the run folder exists already, or what is to go on is no run.
        CheckpointError: a checkpoint that is to be gone on from was altered or damaged.
    """
    if config.resume is None:
        folder = RunFolder(config.run_dir, recipe)
    else:
        folder = RunFolder(find_run(config.resume), recipe, reopen=True)
    trainings = [
        (config.model_copy(update={"curriculum": curriculum, "use_lp": None}), arm, seed, start)
        for seed in range(config.seed, config.seed + config.seeds)
        for arm, curriculum in config.arm_curricula().items()
        if not is_finished(folder, config, arm, seed)
        for start in [starting_point(folder, config, arm, seed)]  # all are verified before anything is written
    ]
    resolved = config.model_copy(update={"resume": None, "baseline": config.baseline_name()})
    folder.write_config(recipe, resolved.model_dump(mode="json"))
    console.print(f"{recipe}: writing to {folder.path}", highlight=False, markup=False, soft_wrap=True)
    try:
        for training in trainings:
            train_once(*training, folder, console)
    finally:
        _conclude(folder, console)
    return folder


def train_once(
    config: TrainingConfig, arm: str, seed: int, start: TrainingCheckpoint | None, folder: RunFolder, console: Console
) -> list[Row]:
    """Train, show it, record it in the folder, and leave checkpoints there.

    A ``KeyboardInterrupt`` passes through after everything up to the last whole epoch has been recorded and the
    pool's tasks have been written. ``config`` has the arm's curriculum; returned are the lines of metrics, by epoch.
    """
    before = folder.cut(arm, seed, start.epoch if start is not None else 0) if config.resume is not None else []
    curriculum = _make_curriculum(config.curriculum, seed, start)
    try:
        with (
            open_loggers(config.log, config.model_dump(mode="json"), folder.path, arm, seed) as loggers,
            show_progress(console, f"{arm} seed {seed}", config.total_steps) as show,
        ):
            switches = 0 if start is None else start.switches
            recorder = Recorder(curriculum, config, arm, seed, folder, [*loggers, show], before, switches)
            config.train(curriculum, seed, recorder, None if start is None else start.learner)
    finally:
        try:
            folder.append("tasks.jsonl", active_tasks(curriculum, {"curriculum": arm, "seed": seed}))
        finally:
            curriculum.close()
            curriculum.unlink()
    return recorder.rows


def _make_curriculum(chosen: ScheduledCurriculum, seed: int, start: TrainingCheckpoint | None) -> Curriculum:
    """Make the curriculum, with the algorithm that was in force at the checkpoint."""
    if start is None:
        return chosen.unscheduled().model_copy(update={"seed": seed}).make()
    config = chosen.unscheduled(chosen.algorithm_after(start.switches)).model_copy(update={"seed": seed})
    return Curriculum.load(start.pool, config=config)


def _conclude(folder: RunFolder, console: Console) -> None:
    """Draw the report of what there is, and show the result."""
    arms = sort_into_arms([read_run(folder.path)])
    if arms:
        folder.write_result(results(arms))
        write_report([folder.path], folder.path / "report.html", folder.path / "report.png")
        console.print(_result_table(arms))
    places = f"{folder.path}/ has " + ", ".join(sorted(path.name for path in folder.path.iterdir()))
    console.print(visible(places), highlight=False, markup=False, soft_wrap=True)


def _result_table(arms: Sequence[Arm]) -> Table:
    """Return what there is room for on a terminal; the report has the rest."""
    headings, rows = key_figures(arms)
    shown = [0, 1, *range(3, len(headings))][:6]  # the steps, which are the same for all, go into the title
    title = f"Result at {rows[0][2]} environment steps (mean ± 95 % interval; differences paired by seed)"
    table = Table(*(headings[place] for place in shown), title=title)
    for row in rows:
        table.add_row(*(Text(row[place]) for place in shown))
    return table


def describe(row: Row) -> str:
    """Return the figures of an epoch in one line.

    >>> describe({"steps_per_second": 51234.0, "episodes_per_second": 812.3, "score": 0.5, "eval/score": 0.25,
    ...           "eval/mastered": 3, "eval/tasks": 8, "curriculum/num_evicted": 12.0})
    '51,234 steps/s  812 episodes/s  score 0.50  eval 0.250  mastered 3/8  evicted 12'
    """
    parts = [f"{row['steps_per_second']:,.0f} steps/s", f"{row['episodes_per_second']:,.0f} episodes/s"]
    parts.append(f"score {row['score']:.2f}")
    if "eval/score" in row:
        parts.append(f"eval {row['eval/score']:.3f}")
    if "eval/mastered" in row:
        parts.append(f"mastered {row['eval/mastered']}/{row['eval/tasks']}")
    if "pool/mastered_share" in row:
        parts.append(f"pool {row['pool/mastered_share']:.0%}")
    parts.append(f"evicted {row['curriculum/num_evicted']:,.0f}")
    return "  ".join(parts)


@contextmanager
def show_progress(console: Console, title: str, total_steps: int) -> Iterator[Callable[[Row], None]]:
    """Show a training as it suits a console, and take the figures of each epoch.

    On a terminal, a bar and below it the latest figures, which both fit into 80 columns; else a line an epoch.
    """
    if not console.is_terminal:

        def print_line(row: Row) -> None:
            done = min(row["steps"] / total_steps, 1.0)
            remaining = row["seconds"] * (1.0 - done) / done if done else 0.0
            line = f"{title}  {done:4.0%}  {row['seconds']:.0f}s  ETA {remaining:.0f}s  {describe(row)}"
            console.print(line, soft_wrap=True, highlight=False, markup=False)

        yield print_line
        return
    columns = (TextColumn("{task.description}", markup=False), BarColumn(bar_width=20), TaskProgressColumn())
    times = (TimeElapsedColumn(), TextColumn("ETA"), TimeRemainingColumn())
    progress = Progress(*columns, *times, console=console, speed_estimate_period=20)
    bar = progress.add_task(title, total=total_steps)
    with Live(Group(progress, Text("starting the environments")), console=console) as live:

        def update(row: Row) -> None:
            progress.update(bar, completed=row["steps"])
            live.update(Group(progress, Text(describe(row))), refresh=True)

        yield update
