"""``lpcurr inspect``: what is in a checkpoint or a live pool, as a table, CSV or JSON."""

from __future__ import annotations

import argparse
import contextlib
import csv
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lpcurr.errors import CheckpointNotFoundError, LpcurrError, UnknownTaskError
from lpcurr.monitor.wording import duration, print_table, size_of, visible

if TYPE_CHECKING:
    from lpcurr.monitor.table import TaskTable
    from lpcurr.pool.moment import Moment

SUMMARY = "show what is in a checkpoint or in a running session: its tasks, and what is known of each"

_SHOWN = ("id", "label", "probability", "lp", "score", "success", "completions", "draws", "age")
_DEFAULT_LIMIT = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's arguments."""
    parser.add_argument(
        "source",
        nargs="?",
        metavar="PATH|SESSION",
        help="a checkpoint (a file, or a folder of `lpcurr train`), or a session's id; by default the only session",
    )
    add_view_arguments(parser)


def add_view_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments that say which tasks are shown, and how."""
    from lpcurr.monitor.table import COLUMNS

    parser.add_argument("--task", type=int, metavar="ID", help="everything that is known of one task")
    parser.add_argument("--label", metavar="LABEL", help="only the tasks with this label")
    parser.add_argument(
        "--sort",
        default="probability",
        metavar="COLUMN",
        choices=list(COLUMNS),
        help="the greatest first (default: probability)",
    )
    parser.add_argument("--ascending", action="store_true", help="the least first")
    parser.add_argument(
        "--limit",
        type=_count,
        metavar="N",
        help=f"how many tasks; 0 for all (default: {_DEFAULT_LIMIT} in a table, all as CSV or JSON)",
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--csv", action="store_true", help="all columns as CSV, and the values of each task")
    form.add_argument("--json", action="store_true", help="all columns and the figures of the whole pool as JSON")
    width = max(map(len, COLUMNS))
    parser.epilog = "columns:\n" + "\n".join(f"  {name:{width}}  {meaning}" for name, meaning in COLUMNS.items())


def run(arguments: argparse.Namespace) -> int:
    """Run the command."""
    figures, table = _read(arguments.source)
    if arguments.task is not None:
        table = table.chosen(table.columns["id"] == arguments.task)
        if not len(table):
            raise UnknownTaskError(f"task {arguments.task} is not in {figures['source']}")
    if arguments.label is not None:
        known = sorted(set(table.labels.values()))
        if arguments.label not in known:
            raise LpcurrError(
                f"there is no label {arguments.label!r}; there are: {visible(', '.join(known)) or 'none'}"
            )
        table = table.with_label(arguments.label)
    table = table.sorted_by(arguments.sort, ascending=arguments.ascending)
    limit = arguments.limit
    if limit is None:
        limit = 0 if arguments.csv or arguments.json else _DEFAULT_LIMIT
    rows = list(table.rows())[: limit or None]
    values: list[dict[str, Any]] = []
    if arguments.json or arguments.csv or arguments.task is not None:
        values = _values_of(figures["config"], [row["id"] for row in rows])
    if arguments.json:
        rows = [row | {"values": of_row} for row, of_row in zip(rows, values, strict=True)]
        print(json.dumps(figures | {"tasks": rows}, indent=1, default=str))
    elif arguments.csv:
        _write_csv(rows, values)
    elif arguments.task is not None:
        _print_task(rows[0], values[0])
    else:
        _print_pool(figures, rows, len(table))
    return 0


def _count(text: str) -> int:
    count = int(text)
    if count < 0:
        raise argparse.ArgumentTypeError(f"{text} is less than 0")
    return count


# -- reading --------------------------------------------------------------------------------------------------------


def _read(source: str | None) -> tuple[dict[str, Any], TaskTable]:
    """The figures of a whole pool, and its tasks."""
    path = None if source is None else Path(source)
    if path is not None and (path.exists() or os.sep in str(source)):
        return _read_checkpoint(_newest_in(path) if path.is_dir() else path)
    return _read_session(source)


def _newest_in(folder: Path) -> Path:
    """The newest checkpoint in a folder that `lpcurr train` wrote."""
    # As deep as a run folder is, or `/` would be searched for minutes.
    found = [path for depth in range(4) for path in folder.glob("*/" * depth + "curriculum.lpc")]
    found = [path for path in found if not path.parent.name.startswith(".")]
    if not found:
        raise CheckpointNotFoundError(2, f"there is no checkpoint in {str(folder)!r} or three folders down from there")
    return max(found, key=lambda path: path.stat().st_mtime)


def _read_checkpoint(path: Path) -> tuple[dict[str, Any], TaskTable]:
    from lpcurr import checkpoint as checkpoints
    from lpcurr.curriculum.resuming import stored_config

    checkpoint = checkpoints.read_checkpoint(path)
    status, description = path.stat(), checkpoint.description
    config = stored_config(checkpoint, with_generator=False)
    about = {
        "source": str(path),
        "kind": "checkpoint, complete and unaltered",
        "bytes": status.st_size,
        "seconds_ago": time.time() - status.st_mtime,
        "algorithm": config.algorithm_config.type.replace("_", " "),
    }
    moment = checkpoint.moment(config.header_settings(), status.st_mtime)
    return _figures(about, moment, len(description.streams), description.config)


def _read_session(session_id: str | None) -> tuple[dict[str, Any], TaskTable]:
    from lpcurr.memory import layout
    from lpcurr.monitor.reading import SessionReader, find_session

    reader = SessionReader(find_session(session_id))
    moment, at_rest = reader.moment_at_rest()
    about = {
        "source": reader.session_id,
        "kind": "live session"
        if at_rest
        else "live session; it never stood still, so a row may be an episode or two younger than another",
        "bytes": int(moment.header["segment_size"]),
        "seconds_ago": time.time() - float(moment.header["created_at"]),
        "algorithm": layout.scheduler_name(moment.header),
    }
    return _figures(about, moment, int(reader.processes().size), reader.config())


def _figures(
    about: dict[str, Any], moment: Moment, streams: int, config: dict[str, Any]
) -> tuple[dict[str, Any], TaskTable]:
    from lpcurr.checkpoint.content import Counters
    from lpcurr.monitor.table import TaskTable

    (table, _), header = TaskTable.of_moment(moment), moment.header
    of_pool = {"capacity": int(header["capacity"]), "active": len(table), "seed": int(header["seed"])}
    counters = {name: int(header[name]) for name in Counters.model_fields}
    return about | of_pool | {"counters": counters, "random_streams": streams, "config": config}, table


# -- showing --------------------------------------------------------------------------------------------------------


def _print_pool(figures: dict[str, Any], rows: list[dict[str, Any]], found: int) -> None:
    counters = figures["counters"]
    begun = "saved" if figures["kind"].startswith("checkpoint") else "running for"
    ago = " ago" if begun == "saved" else ""
    print(visible(f"{figures['source']}: {figures['kind']}"))
    print(f"{begun} {duration(max(figures['seconds_ago'], 0.0))}{ago}, {size_of(figures['bytes'])}")
    print(
        f"{figures['algorithm']}, {figures['active']:,} of {figures['capacity']:,} tasks, seed {figures['seed']}, "
        f"epoch {counters['epoch']}"
    )
    print(
        f"{counters['completed']:,} episodes completed, {counters['scheduled']:,} handed out, "
        f"{counters['created']:,} tasks created, {counters['evicted']:,} evicted, "
        f"{counters['refused']:,} results refused"
    )
    print()
    shown = [[_cell(name, row[name]) for name in _SHOWN] for row in rows]
    print_table([_SHOWN, *shown], right=frozenset(range(len(_SHOWN))) - {_SHOWN.index("label")})
    if len(rows) < found:
        print(f"… {found - len(rows):,} more: --limit 0 shows all")


def _values_of(config: dict[str, Any], task_ids: Sequence[int]) -> list[dict[str, Any]]:
    """What the task generator drew for each task, by bucket; nothing where it is not stored, or fails."""
    from lpcurr.curriculum.attach import stored_generator

    generator = stored_generator(config)
    values: list[dict[str, Any]] = []
    for task_id in task_ids:
        values.append({})
        if generator is not None:
            with contextlib.suppress(Exception):  # a list that only its own processes can read, another version
                values[-1] = generator.slice_values_of(task_id)
    return values


def _print_task(row: dict[str, Any], values: dict[str, Any]) -> None:
    from lpcurr.monitor.table import COLUMNS

    print_table([(name, _cell(name, row[name], exact=True), COLUMNS[name]) for name in COLUMNS], right=frozenset({1}))
    if values:
        print()
        print_table([(path, _cell(path, value, exact=True)) for path, value in values.items()], right=frozenset({1}))


def _cell(name: str, value: Any, *, exact: bool = False) -> str:
    if name == "age":
        return duration(value)
    if name == "probability":
        return f"{100 * value:.3g} %"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}" if exact else f"{value:.4f}"
    return str(value)


def _write_csv(rows: list[dict[str, Any]], values: list[dict[str, Any]]) -> None:
    from lpcurr.monitor.table import COLUMNS

    paths = list(dict.fromkeys(path for of_row in values for path in of_row))
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow([*COLUMNS, *(_csv_text(f"values.{path}") for path in paths)])
    for row, of_row in zip(rows, values, strict=True):
        cells = [*(row[name] for name in COLUMNS), *(of_row.get(path, "") for path in paths)]
        writer.writerow([_csv_text(cell) if isinstance(cell, str) else cell for cell in cells])


def _csv_text(name: str) -> str:
    """A name as a cell of a table that no spreadsheet takes for a formula."""
    return f"'{visible(name)}" if name.startswith(("=", "+", "-", "@")) else visible(name)
