"""What a run shows while it lasts: a live line on a terminal, plain lines elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text

from lpcurr.runs.metrics import Row


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
