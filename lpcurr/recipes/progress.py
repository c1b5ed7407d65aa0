"""What a run shows while it lasts: a live line on a terminal, plain lines elsewhere."""

from __future__ import annotations

from typing import Protocol, Self

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text

from lpcurr.runs.folder import Row


class Display(Protocol):
    """Shows a training."""

    def __enter__(self) -> Self: ...
    def __exit__(self, *exception: object) -> None: ...
    def epoch(self, row: Row) -> None:
        """Show the figures of an epoch."""


def describe(row: Row) -> str:
    """The figures of an epoch in one line.

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


class LiveDisplay:
    """A bar, and below it the latest figures: both fit into a terminal of 80 columns."""

    def __init__(self, console: Console, title: str, total_steps: int) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=20),
            TextColumn("{task.percentage:>3.0f}%"),
            TimeElapsedColumn(),
            TextColumn("ETA"),
            TimeRemainingColumn(),
            console=console,
            speed_estimate_period=20,
        )
        self._bar = self._progress.add_task(title, total=total_steps)
        self._live = Live(Group(self._progress, Text("starting the environments")), console=console)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._live.stop()

    def epoch(self, row: Row) -> None:
        """Show the figures of an epoch."""
        self._progress.update(self._bar, completed=row["steps"])
        self._live.update(Group(self._progress, Text(describe(row))), refresh=True)


class PlainDisplay:
    """A line for each epoch."""

    def __init__(self, console: Console, title: str, total_steps: int) -> None:
        self._console, self._title, self._total = console, title, total_steps

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        return None

    def epoch(self, row: Row) -> None:
        """Show the figures of an epoch."""
        done = min(row["steps"] / self._total, 1.0)
        remaining = row["seconds"] * (1.0 - done) / done if done else 0.0
        line = f"{self._title}  {done:4.0%}  {row['seconds']:.0f}s  ETA {remaining:.0f}s  {describe(row)}"
        self._console.print(line, soft_wrap=True, highlight=False, markup=False)


def make_display(console: Console, title: str, total_steps: int) -> Display:
    """The display that suits a console."""
    if console.is_terminal:
        return LiveDisplay(console, title, total_steps)
    return PlainDisplay(console, title, total_steps)
