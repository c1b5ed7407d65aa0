"""Contributing
============

Where things lie
----------------
Names are the field's, docstrings begin with a verb and its object, comments say why. Bad input is met at the border
(`curriculum/`, `integrations/`, configurations) with an error of `lpcurr/errors.py` that names the value, the limit and
the fix, and changes nothing; further in nothing is checked again.

Tests mirror the package. `tests/naive.py` and `tests/naive_schedulers.py` are slow, obvious twins of the whole pool;
`tests/golden/` holds recorded numbers of metta's curriculum, `tests/checkpoint/version_1/` files of lpcurr 0.1.

Each folder of `lpcurr/` is a room. A file imports from its own room and from lower ones, whether at its top, in a
function or for types alone; `tests/test_architecture.py` reads every import, and keeps files within 400 lines. From the
bottom up, and then those within the kernels:
"""

import ast
import textwrap
from collections.abc import Iterator
from pathlib import Path

ROOMS = (
    *("errors", "memory", "schedulers", "kernels", "pool", "statistics", "checkpoint", "generators", "curriculum"),
    *("integrations", "monitor", "distributed", "runs", "reports", "recipes", "investigation", "guides", "cli"),
)
"""From the bottom up."""

_SCHEDULER = """A scheduler
-----------
One file in `lpcurr/schedulers/`, and its name behind the others in `_NAMES` of `lpcurr/schedulers/__init__.py`. This is
a whole one, `lpcurr/schedulers/zone.py`:"""

ZONE = '''"""The zone of proximal development: tasks that are solved more often than not, and not yet always.

When to use it: for agents that learn from successes, on tasks whose failures are their own.

References:
    Tzannetos and others, "Proximal curriculum for reinforcement learning agents" (2023), arXiv 2304.12877.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from lpcurr.schedulers.common import SchedulerConfig, Share, Way


class ZoneConfig(SchedulerConfig):
    """Draw tasks in proportion to p²(1 − p), p being the average of their successes.

    >>> ZoneConfig().rand_task_rate
    0.3
    """

    draws_by: ClassVar[Way] = Way.WEIGHT

    type: Literal["zone"] = "zone"
    rand_task_rate: Share = Field(default=0.3, description="share of the draws that are uniform over the pool")

    @staticmethod
    def priority(task: Any, at: Any, rules: Any) -> Any:
        """Return p²(1 − p)."""
        p = task.success_rate_ema[at]
        return p * p * (1.0 - p)
'''
"""The example of a scheduler, which tests add to a copy of the package and use all over."""

_REST = """Configurations (`{"type": "zone"}`), `use()`, checkpoints, `lpcurr top`, `inspect`, reports and `lpcurr help
schedulers` know it from there. `lpcurr/schedulers/common.py` says what a formula may do, which ways of drawing there
are and what else may be overridden: `retention` for eviction, `exploring_weight` for the share that explores,
`acceptance` for draws by weight that are not kept, `scale_free` where the scale of the scores does not matter. What is
set under the name of a rule field of the header is that; `rules` says what other settings come to, those that its own
formula needs in the `own` words. To be tested it needs a plain twin of its formula, an entry in each table of
`tests/naive_schedulers.py`; then `tests/schedulers` tries it with all that is asked of every scheduler.

A column
--------
What is known of a task: a line in `TASK_COLUMNS` of `memory/layout.py`, and its value for a new task in `_fill` of
`kernels/calls/tasks.py`; journal it where you write it. Where a completion changes it, it goes between the first and
the last of the `SCORE_COLUMNS` in `PLAY_COLUMNS` instead, which are journalled together, and is written in
`kernels/calls/scores.py`; these lie task by task in two cache lines, which are full: give up `generator_type`'s place
in them for it. A checkpoint that lacks
it gives 0, or what `COLUMN_DEFAULTS` says. `columns()`, `inspect` and checkpoints have it by its name; the naive twin
needs it too.

An index
--------
What follows from the columns: a file in `kernels/indices/`, its cells among the `DERIVED_COLUMNS` or `TREE_COLUMNS`,
and a line in each function of `kernels/indices/following.py`: a task enters, changes, is drawn, leaves; and rebuild,
which has to come to the same bits from the columns alone. Nothing derived is ever journalled.
`statistics/violations.py` says what must hold of it; the model test and the stress tests ask that after every step.

A kernel
--------
What Python calls: a function with `@kernel("signature")` in `kernels/calls/`, and a method of `pool/pool.py`, its only
caller, since a compiled entry point checks no types. What other kernels call has `@helper`. Loops are plain and typed,
arrays belong to the caller, and a naive twin in the tests gives the same numbers.

Never under the lock
--------------------
From `lock(segment, process)` to `mutex.unlock(segment)` a process may be killed at any store, and others wait:

* never allocate, and never call Python: both may block, raise or run somebody's code;
* never raise: answer with a `layout.Status`, of which Python makes the error, and find bad input before anything
  changes;
* never store truth before the journal has it: `journal.note_…` and `publish`, or `remember_…`; then change; last
  `commit`;
* never take more words into the journal than `JOURNAL_CAPACITY`; what needs more is announced in the header and begun
  anew by the repair, as the end of an epoch is;
* never leave out `faults.may_die_here(segment)` between two stores: tests kill a process at each one of them;
* never go through all tasks in a call of the episode path;
* never store where nothing changes, into a cache line that other processes read: it costs each of them 100 ns.

Tests
-----
    .venv/bin/pytest                        all that needs no simulator: about four minutes on two quiet cores
    .venv/bin/pytest tests/kernels          after a kernel or an index: 30 seconds, and 15 to compile; test_modes.py,
                                            which runs them again without numba and without robust mutexes, takes longer
    .venv/bin/pytest tests/schedulers tests/golden lpcurr/schedulers
                                            after a scheduler or a formula: a minute
    .venv/bin/pytest -m "" tests/stress tests/kernels/test_modes.py
                                            after anything under the lock: a kill at every point, bounds checks; minutes
    python -m tests.stress --seconds 600 --workers 4 --kills 1000
                                            before such a change is merged; and --kills 0 --everything --workers 8
    .venv/bin/pytest tests/checkpoint       after the layout or a column: a minute
    .venv/bin/pytest -m heavy               MettaGrid, PufferLib, torch: some minutes; .ci/run installs them
    .ci/run                                 everything, in new environments, the built wheel too: within 40 minutes
    asv continuous main HEAD                when it may have become slower; no test asserts a time

Warnings are errors, and a test that leaves shared memory behind fails. `pre-commit install` runs ruff and mypy before
each commit. A change in `kernels/`, `schedulers/` or `memory/layout.py` compiles all kernels anew, once."""

_PACKAGE = Path(__file__).parents[1]


def sections() -> Iterator[str]:
    """Yield the rooms, each with the first line of its docstring, and how to add to them."""
    inner = sorted(path.parent for path in (_PACKAGE / "kernels").glob("*/__init__.py"))
    rooms = [*ROOMS, "", *(f"kernels/{path.name}" for path in inner)]
    width = max(map(len, rooms)) + 6
    lines = [f"    {room}".ljust(width) + _summary(room) if room else "" for room in rooms]
    indent = " " * width
    yield "\n".join(part for line in lines for part in textwrap.wrap(line, 118, subsequent_indent=indent) or [""])
    yield from (_SCHEDULER, textwrap.indent(ZONE.rstrip(), "    "), _REST)


def _summary(room: str) -> str:
    path = _PACKAGE / room
    source = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return (ast.get_docstring(ast.parse(source.read_text("utf-8"))) or "").partition("\n")[0].replace("``", "`")
