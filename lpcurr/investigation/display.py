"""What an investigation shows while it lasts: a bar and a live line on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

_STAGES = {"scaling": "pool sizes", "contention": "processes"}
_PLAIN_SECONDS = 2.0  # between two lines of the same stage


class Display:
    """Shows which stage is going on and what it does.

    Args:
        console: where.
        stages: how many there will be.
    """

    def __init__(self, console: Console, stages: int) -> None:
        self._console, self._stages = console, stages
        self._number, self._stage = 0, ""
        self._began = time.perf_counter()
        self._said = -_PLAIN_SECONDS
        self._progress = Progress(
            TextColumn("{task.description}"), BarColumn(bar_width=20), TimeElapsedColumn(), console=console
        )
        self._bar = self._progress.add_task("starting", total=stages)
        self._live = Live(Group(self._progress, Text("")), console=console) if console.is_terminal else None

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *exception: object) -> None:
        if self._live is not None:
            self._live.update(Text(""), refresh=True)
            self._live.stop()

    def stage(self, name: str) -> None:
        """The next stage begins."""
        self._number += 1
        self._stage = name
        self._said = -_PLAIN_SECONDS
        self._progress.update(self._bar, completed=self._number - 1, description=_STAGES.get(name, name))

    def tell(self, line: str) -> None:
        """What is going on."""
        elapsed = time.perf_counter() - self._began
        if self._live is not None:
            self._live.update(Group(self._progress, Text(line, overflow="ellipsis", no_wrap=True)), refresh=True)
        elif elapsed - self._said >= _PLAIN_SECONDS:
            self._said = elapsed
            shown = f"{elapsed:4.0f}s  {self._number}/{self._stages} {_STAGES.get(self._stage, self._stage)}: {line}"
            self._console.print(shown, soft_wrap=True, highlight=False, markup=False)
