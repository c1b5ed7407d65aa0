"""``lpcurr inspect``: what is in a checkpoint or a live pool, as a table, CSV or JSON."""

from __future__ import annotations

import argparse
import csv
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from lpcurr.errors import LpcurrError, UnknownTaskError

SUMMARY = "what is in a checkpoint file or a live pool: a table, CSV or JSON"

_SHOWN = ("id", "label", "probability", "lp", "score", "success", "completions", "draws", "age")
_LIMIT = 20
_LEFT_ALIGNED = {"label"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    from lpcurr.monitor.table import COLUMNS

    parser.add_argument("source", metavar="PATH|SESSION", help="a checkpoint file, or a session's id or first letters")
    parser.add_argument("--task", type=int, metavar="ID", help="everything that is known of one task")
    parser.add_argument("--label", help="only tasks of this label")
    parser.add_argument(
        "--sort", default="-probability", metavar="COLUMN", help="-COLUMN: the greatest first (default -probability)"
    )
    parser.add_argument(
        "--limit", type=int, metavar="N", help=f"at most N tasks (default {_LIMIT} in a table, else all)"
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--csv", action="store_true", help="all columns as CSV")
    form.add_argument("--json", action="store_true", help="what the source says of itself, and its tasks, as JSON")
    width = max(map(len, COLUMNS))
    parser.epilog = (
        "columns:\n"
        + "\n".join(f"  {name:{width}}  {meaning}" for name, meaning in COLUMNS.items())
        + "\n\nA damaged checkpoint is refused, with exit code 2. A column that begins with '-' needs an equals sign:\n"
        "  lpcurr inspect run.ckpt --sort=-lp --limit 5\n"
        "  lpcurr inspect run.ckpt --label size=8 --csv > tasks.csv"
    )


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    from lpcurr.monitor.table import COLUMNS

    column = arguments.sort.removeprefix("-")
    if column not in COLUMNS:
        raise LpcurrError(f"there is no column {column!r} to sort by; the columns are {', '.join(COLUMNS)}")
    about, table = _read(arguments.source)
    total = len(table)
    if arguments.label is not None:
        table = table.with_label(arguments.label)
    if arguments.task is not None:
        table = table.chosen(table.columns["id"] == arguments.task)
        if not len(table):
            raise UnknownTaskError(f"task {arguments.task} is not in {arguments.source}")
    table = table.sorted_by(column, ascending=not arguments.sort.startswith("-"))
    chosen = len(table)
    plain = arguments.csv or arguments.json
    limit = arguments.limit if arguments.limit is not None else chosen if plain else _LIMIT
    rows = list(table.chosen(slice(0, max(limit, 0))).rows())
    if arguments.csv:
        writer = csv.DictWriter(sys.stdout, list(COLUMNS), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    elif arguments.json:
        print(json.dumps({**about, "tasks": rows}, indent=1))
    else:
        _print_about(about)
        if arguments.task is not None:
            _print_task(rows[0])
        else:
            _print_table(rows)
            if len(rows) < chosen:
                print(f"… {chosen - len(rows):,} more tasks (--limit {chosen} for all)")
            elif chosen < total:
                print(f"{chosen:,} of {total:,} tasks")
    return 0


def _read(source: str) -> tuple[dict[str, Any], Any]:
    from lpcurr.monitor.reading import SessionReader, find_session
    from lpcurr.monitor.table import TaskTable

    if os.path.exists(source) or os.sep in source:
        return _read_checkpoint(source)
    reader = SessionReader(find_session(source))
    table, at_rest = TaskTable.of_session(reader)
    header = reader.header()
    about = {
        "session": reader.session_id,
        "age_seconds": time.time() - float(header["created_at"]),
        "ended": reader.ending() or None,
        "at_rest": at_rest,
        "capacity": reader.capacity,
        "seed": int(header["seed"]),
        "counters": {name: int(header[name]) for name in _COUNTERS},
        "config": reader.config(),
    }
    return about, table


_COUNTERS = ("completed", "scheduled", "created", "evicted", "refused", "dropped", "epoch", "repairs")


def _read_checkpoint(path: str) -> tuple[dict[str, Any], Any]:
    from lpcurr.checkpoint import read_checkpoint
    from lpcurr.checkpoint.content import VERSION
    from lpcurr.monitor.table import TaskTable

    if os.path.isdir(path):
        raise LpcurrError(f"{path} is a folder: name the checkpoint file in it")
    checkpoint = read_checkpoint(path)
    saved_at = Path(path).stat().st_mtime
    description = checkpoint.description
    rules = checkpoint.config(with_generator=False).header_settings()
    about = {
        "checkpoint": path,
        "format_version": VERSION,
        "checksum": "correct",
        "saved": time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(saved_at)),
        "bytes": Path(path).stat().st_size,
        "capacity": description.capacity,
        "seed": description.seed,
        "processes": len(description.streams),
        "counters": description.counters.model_dump(),
        "config": description.config,
    }
    return about, TaskTable.of_checkpoint(checkpoint, rules, saved_at)


def _print_about(about: dict[str, Any]) -> None:
    """What the source says of itself: nested parts as ``name=value`` pairs over several lines."""
    names = {name: name.replace("_", " ") for name in about}
    width = max(map(len, names.values())) + 2
    for name, value in about.items():
        if value is None or value is True:
            continue
        if value is False:  # at_rest
            print(f"{'note':{width}}the pool went on while it was read: figures may be an episode apart")
        elif isinstance(value, dict):
            _print_wrapped(f"{names[name]:{width}}", [f"{key}={each}" for key, each in _flat(value)])
        elif isinstance(value, float):
            print(f"{names[name]:{width}}{value:,.1f}")
        else:
            print(f"{names[name]:{width}}{value}")
    print()


def _flat(values: dict[str, Any]) -> list[tuple[str, Any]]:
    pairs: list[tuple[str, Any]] = []
    for name, value in values.items():
        if isinstance(value, dict) and name == "algorithm_config":
            pairs += _flat(value)
        elif isinstance(value, dict):
            pairs.append((name, "…"))  # a task generator may be of any size: --json has it
        elif value is not None:
            pairs.append((name, value))
    return pairs


def _print_wrapped(margin: str, pieces: list[str], width: int = 100) -> None:
    line = margin
    for piece in pieces:
        if len(line) + len(piece) + 2 > width and line.strip():
            print(line.rstrip())
            line = " " * len(margin)
        line += f"{piece}  "
    print(line.rstrip())


def _print_task(task: dict[str, Any]) -> None:
    from lpcurr.monitor.table import COLUMNS

    width = max(map(len, COLUMNS)) + 2
    for name, meaning in COLUMNS.items():
        print(f"{name:{width}}{_text(name, task[name]):>22}   {meaning}")


def _print_table(tasks: list[dict[str, Any]]) -> None:
    rows = [[name.upper() for name in _SHOWN], *([_text(name, task[name]) for name in _SHOWN] for task in tasks)]
    widths = [max(len(row[number]) for row in rows) for number in range(len(_SHOWN))]
    for row in rows:
        cells = [
            cell.ljust(width) if name in _LEFT_ALIGNED else cell.rjust(width)
            for name, cell, width in zip(_SHOWN, row, widths, strict=True)
        ]
        print("  ".join(cells).rstrip())


def _text(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if name == "probability":
        return f"{value * 100:.4f} %"
    if name == "age":
        return f"{value:,.0f} s"
    return f"{value:.4f}" if isinstance(value, float) else str(value) if name in ("id", "label") else f"{value:,}"
