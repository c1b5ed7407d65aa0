"""A frame as text for a terminal of any size, by rich: what ``lpcurr top`` shows, alive or once."""

import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from rich.text import Text

from lpcurr.memory import layout
from lpcurr.monitor.watching import Watch, tries_per_draw
from lpcurr.monitor.wording import duration, number, short_time, size_of, visible
from lpcurr.statistics.laws import shares

# Two of the colours that Okabe and Ito chose for all eyes, light enough for black and dark enough for white ground.
BLUE, ORANGE = "#2a86c8", "#d55e00"
_BLOCKS = " ▁▂▃▄▅▆▇█"
_POOL_BAR = 20
_Item = TypeVar("_Item")

SORT_KEYS = {"probability": "DRAWN", "lp": "PROGRESS", "score": "SCORE", "completions": "EPISODES", "entry": "AGE"}
"""What tasks can be sorted by, and the headings that say so."""


@dataclass
class View:
    """What the user chose to see."""

    sort: str = "probability"  # one of SORT_KEYS
    ascending: bool = False  # the least first
    label: str = ""  # only tasks whose label has this in it; empty for all
    scroll: int = 0  # tasks above the first one shown
    paused: bool = False  # whether the picture stands still
    interval: float = 1.0  # seconds between two looks


_Columns = Sequence[tuple[str, int]]  # titles and widths; a negative width is a column aligned to the left
_Cells = Iterable[str | Text]


def draw(watch: Watch, view: View, width: int, height: int) -> list[Text]:
    """The whole picture, at most ``height`` lines of at most ``width`` cells."""
    roomy = height >= 34
    lines = [*_headline(watch, view, width), *_overview(watch, width), *_histogram(watch, width, 4 if roomy else 1)]
    processes, labels = watch.counts.processes, watch.tasks.labels
    gap = [Text()] if height >= 24 else []
    nodes = _nodes(watch, max(2, height // 8))
    lines += [*gap, *nodes] if nodes else []
    room = height - len(lines) - 3 * len(gap) - 3  # a heading for each table
    process_count = min(len(processes), max(2, room // 4))
    label_count = min(len(labels), max(4, (room - process_count) // 3)) if len(labels) > 1 else 0
    task_count = max(3, room - process_count - label_count + (0 if label_count else 1 + len(gap)))
    if label_count:
        lines += [*gap, *_labels(watch, view, width, label_count)]
    lines += [*gap, *_tasks(watch, view, width, task_count), *gap, *_processes(watch, process_count)]
    for line in lines:
        line.truncate(width, overflow="ellipsis")
        line.end = ""
    return lines[:height]


# -- the parts ------------------------------------------------------------------------------------------------------


def _headline(watch: Watch, view: View, width: int) -> list[Text]:
    header = watch.counts.header
    left = Text.assemble(
        (" lpcurr ", f"bold {BLUE}"),
        (watch.reader.session_id, "bold"),
        (f"  {layout.scheduler_name(header)}", ""),
        (f"  running {duration(time.time() - float(header['created_at']))}" if not watch.ending else "", "dim"),
    )
    if watch.ending:
        right = Text(f" ✗ ended: {watch.ending} ", f"bold reverse {ORANGE}")
    elif view.paused:
        right = Text(" paused ", "bold reverse")
    else:
        right = Text.assemble(("● ", BLUE), ("live", "bold"), (f"  every {view.interval:g} s ", "dim"))
    left.truncate(max(width - right.cell_len - 1, 0), overflow="ellipsis")
    return [Text.assemble(left, " " * max(width - left.cell_len - right.cell_len, 1), right), Text()]


def _overview(watch: Watch, width: int) -> list[Text]:
    header, counts, tasks = watch.counts.header, watch.counts, watch.tasks
    total, capacity = len(tasks), int(header["capacity"])
    unexplored = int((~tasks.scores.explored).sum())
    share = tasks.exploration_share()
    rates = [("episodes/s", counts.episodes_per_second, list(watch.history))]
    if counts.steps:
        rates.insert(0, ("steps/s", counts.steps_per_second, list(watch.steps_history)))
    room = max(min(width - 46, 90), 10)
    lines = [
        _field(
            name,
            (f"{number(rate) if rate is not None else '…':>9}  ", "bold"),
            (sparkline(history, room), BLUE),
            (f"  {number(max(history))} at most" if history else "", "dim"),
        )
        for name, rate, history in rates
    ]
    lines.append(
        _field(
            "pool",
            (f"{number(total):>9}", "bold"),
            f" of {number(capacity)} tasks  ",
            *_pool_bar(total - unexplored, unexplored, capacity),
            f" {number(total - unexplored)} explored ",
            (f"{number(unexplored)} new", ORANGE),
        )
    )
    by = {layout.scheduler_name(header) if way == "scheduler" else way: of for way, of in shares(header).items() if of}
    lines.append(
        _field(
            "draws",
            ", ".join(f"{of:.0%} {way}".replace("%", " %") for way, of in by.items()),
            (f"  {number(tasks.starving)} tasks starve", ORANGE) if tasks.starving else "",
        )
    )
    tries, processes = tries_per_draw(counts.processes), counts.processes
    waits, waited = sum(p["lock_waits"] for p in processes), sum(p["lock_wait_seconds"] for p in processes)
    if int(header["explored_from"]) > 0:
        lines.append(
            _field(
                "exploration",
                (f"{share:9.1%}".replace("%", " %"), f"bold {ORANGE}"),
                " of the draws go to new tasks",
                f"  {tries:.1f} tries a draw" if tries is not None else "",
            )
        )
    lines.append(
        _field(
            "counted",
            (f"{number(int(header['completed'])):>9}", "bold"),
            f" episodes  {number(int(header['evicted']))} evicted  {number(int(header['refused']))} refused",
            (f"  {header['repairs']} repairs" if header["repairs"] else "", ORANGE),
            (f"  {number(waits)} waits for the lock, {short_time(waited)}", "dim"),
        )
    )
    return lines


def _histogram(watch: Watch, width: int, rows: int) -> list[Text]:
    """How many explored tasks have how much progress; the leftmost column begins at none."""
    bins = max(min(width - 46, 90), 10)
    counts, top = watch.tasks.histogram(bins)
    # By logarithm: most tasks make no progress at a time, and the few that do are what one wants to see.
    heights = np.ceil(np.log1p(counts) / np.log1p(max(int(counts.max()), 1)) * 8 * rows).astype(int).tolist()
    mean = watch.tasks.scores.raw_progress[watch.tasks.scores.explored]
    lines = []
    for row in reversed(range(rows)):
        bar = "".join(_BLOCKS[min(max(height - 8 * row, 0), 8)] for height in heights)
        notes = [f"{number(int(counts.max()))} tasks at most"] if row == rows - 1 and rows > 1 else []
        if row == 0:
            notes += [f"{top:.4f}", f"mean {mean.mean():.4f}" if mean.size else "none explored"]
        name, zero = "progress" if row == rows - 1 else "", "" if row else "0"
        lines.append(_field(name, (f"{zero:>9}  ", "dim"), (bar, BLUE), (f"  {'  '.join(notes)}", "dim")))
    if rows > 1:
        lines.append(_field("", (f"{'':9}  tasks (log scale) by learning progress", "dim")))
    return lines


def _labels(watch: Watch, view: View, width: int, count: int) -> list[Text]:
    labels = watch.tasks.labels
    name, bar = _widths(width - 62)
    columns = [("LABEL", -name), ("TASKS", 8), ("DRAWN", -(9 + bar)), ("PROGRESS", 9), ("SCORE", 7)]
    columns += [("EPISODES", 11), ("EVICTED", 9)]
    greatest = max((each["share"] for each in labels), default=1.0) or 1.0

    def cells(each: dict[str, Any]) -> _Cells:
        yield _name(each["label"], view.label)
        yield number(each["tasks"])
        yield Text.assemble(f"{each['share'] * 100:6.1f} % ", (_bar(each["share"] / greatest, bar), BLUE))
        yield f"{each['lp']:.4f}"
        yield "–" if each["score"] is None else f"{each['score']:.3f}"
        yield number(each["completions"])
        yield number(each["evicted"])

    rest = sum(each["share"] for each in labels[count - 1 :])
    return _table(columns, labels, cells, count, f" with {rest:.1%} of the draws".replace("%", " %"))


def _tasks(watch: Watch, view: View, width: int, count: int) -> list[Text]:
    name, bar = _widths(width - 70)
    columns = [("TASK", 16), ("LABEL", -name), ("DRAWN", -(17 + bar)), ("PROGRESS", 9), ("SCORE", 7), ("EPISODES", 11)]
    tasks, key = watch.tasks, view.sort

    def ranked(ascending: bool, start: int, most: int) -> tuple[list[int], int]:
        return tasks.ranked(key, ascending=ascending, label=view.label, start=start, count=most)

    first, total = ranked(view.ascending, view.scroll, count)
    view.scroll = max(min(view.scroll, total - 1), 0)
    last: list[int] = []
    if total > count and view.scroll == 0:  # the other end of the list as well: hottest and coldest
        tail = max(1, (count - 1) // 3)
        first = first[: count - 1 - tail]
        others = ranked(not view.ascending, 0, tail + len(first))[0]  # which may be the same, where many are alike
        last = [position for position in others if position not in first][:tail][::-1]
    mean = 1.0 / max(len(tasks), 1)
    greatest = float(tasks.scores.probabilities.max()) if len(tasks) else 1.0
    digits = max(1, len(str(len(tasks))) - 1)

    def line(position: int) -> Text:
        task = tasks.row(position)
        return _row(
            columns,
            [
                str(task["id"]),
                _name(task["label"], view.label),
                Text.assemble(
                    f"{task['probability'] * 100:{5 + digits // 2}.{digits}f} %",
                    (f" {_ratio(task['probability'] / mean):>5}× ", "dim"),
                    (_bar(task["probability"] / greatest, bar), BLUE if task["explored"] else ORANGE),
                ),
                f"{task['lp']:.4f}" if task["explored"] else Text("new", ORANGE),
                f"{task['score']:.3f}" if task["completions"] else "–",
                number(task["completions"]),
            ],
        )

    arrow = "▲" if view.ascending else "▼"
    lines = [_heading(columns, SORT_KEYS[key], arrow)]
    lines += [line(position) for position in first]
    if last:
        lines.append(Text(f"  ⋯ {number(total - len(first) - len(last))} more", "dim"))
        lines += [line(position) for position in last]
    if not total:
        lines.append(Text(f"  no task with a label like {view.label!r}" if view.label else "  no tasks yet", "dim"))
    return lines + [Text()] * (count + 1 - len(lines))


def _nodes(watch: Watch, count: int) -> list[Text]:
    """The nodes that share the curriculum, at the last exchange: nothing where there are none."""
    if not watch.nodes:
        return []
    exchange = watch.nodes
    columns = [("NODE", 6), ("PLACE", -34), ("BEHIND", 11), ("SENT", 11), ("BYTES", 10), ("LOST", 8), ("WAITED", 9)]

    def cells(numbered: tuple[int, dict[str, Any]]) -> _Cells:
        place, node = numbered
        yield f"{place}{'*' * (place == exchange['node'])}"
        yield node["place"]
        yield number(exchange["entries"] - node["entries"])
        yield number(node["entries"])
        yield size_of(node["bytes"])
        yield Text(number(node["lost"]), ORANGE if node["lost"] else "")
        yield short_time(node["waited"])

    said = _field(
        "exchange",
        (f"{number(exchange['position'] + 1):>9}", "bold"),
        f" exchanges, the last {duration(time.time() - exchange['at'])} ago in {short_time(exchange['seconds'])}, ",
        f"{size_of(exchange['received'])}; this node* is {number(exchange['ahead'])} entries ahead",
    )
    return [said, *_table(columns, list(enumerate(exchange["nodes"])), cells, count)]


def _processes(watch: Watch, count: int) -> list[Text]:
    processes = sorted(watch.counts.processes, key=lambda each: (each["alive"], -each["draws"]))
    columns = [("PROCESS", 9), ("STATE", -9), ("DRAWS/S", 9), ("DRAWS", 11), ("TRIES", 6)]
    columns += [("CREATED", 9), ("REFUSED", 8), ("WAITED", 9)]

    def cells(each: dict[str, Any]) -> _Cells:
        rate, dead = each["draws_per_second"], not each["alive"]
        yield str(each["pid"])
        yield Text("✗ dead", f"bold {ORANGE}") if dead else Text.assemble(("● ", BLUE), "alive")
        yield "–" if rate is None or dead else number(rate)
        yield number(each["draws"])
        yield f"{each['tries'] / each['draws']:.1f}" if each["draws"] and each["tries"] else "–"
        yield number(each["created"])
        yield number(each["refused"])
        yield short_time(each["lock_wait_seconds"])

    lines = _table(columns, processes, cells, count)
    if not processes:
        lines.append(Text("  none attached", "dim"))
    return lines


# -- pieces ---------------------------------------------------------------------------------------------------------


def sparkline(values: Sequence[float], width: int) -> str:
    """The last ``width`` values as blocks, from zero; on the right the latest.

    >>> sparkline([0.0, 1.0, 2.0, 4.0], 6)
    '  ▁▂▄█'
    """
    shown = values[-width:]
    top = max(shown, default=0.0) or 1.0
    return "".join(_BLOCKS[max(1, round(value / top * 8))] for value in shown).rjust(width)


def _ratio(value: float) -> str:
    return f"{value:.0f}" if value >= 9.95 else f"{value:.1f}" if value >= 0.995 else f"{value:.2f}"


def _field(name: str, *parts: str | tuple[str, str]) -> Text:
    return Text.assemble((f" {name:<12}", "dim"), *parts)


def _bar(share: float, width: int) -> str:
    halves = math.ceil(min(max(share, 0.0), 1.0) * max(width, 0) * 2)
    return ("━" * (halves // 2) + "╸" * (halves % 2)).ljust(max(width, 0))


def _pool_bar(explored: int, unexplored: int, capacity: int) -> list[tuple[str, str]]:
    cells = [math.ceil(_POOL_BAR * explored / capacity), math.ceil(_POOL_BAR * unexplored / capacity)]
    cells[0] = min(cells[0], _POOL_BAR - cells[1])
    return [("█" * cells[0], BLUE), ("▒" * cells[1], ORANGE), ("·" * (_POOL_BAR - sum(cells)), "dim")]


def _widths(room: int) -> tuple[int, int]:
    """What is left of a line, shared out between a label's name and a bar."""
    name = max(8, min(30, room * 3 // 5))
    return name, max(0, min(30, room - name))


def _name(label: str, sought: str) -> Text:
    text = Text(visible(label))
    if sought:
        text.highlight_words([sought], f"bold {BLUE}", case_sensitive=False)
    return text


def _table(
    columns: _Columns, items: Sequence[_Item], cells: Callable[[_Item], _Cells], count: int, rest: str = ""
) -> list[Text]:
    """Draw a heading and ``count`` rows; where there are more items, the last row says how many."""
    shown = items if len(items) <= count else items[: count - 1]
    lines = [_heading(columns), *(_row(columns, cells(each)) for each in shown)]
    if len(shown) < len(items):
        lines.append(Text(f"  ⋯ {len(items) - len(shown)} more{rest}", "dim"))
    return lines


def _heading(columns: _Columns, sorted_by: str = "", arrow: str = "") -> Text:
    titles = [f"{title}{arrow}" if title == sorted_by else title for title, _ in columns]
    line = _row(columns, titles)
    line.stylize("dim")
    if sorted_by:
        line.highlight_words([f"{sorted_by}{arrow}"], "bold not dim")
    return line


def _row(columns: _Columns, cells: _Cells) -> Text:
    # By hand: a rich.table of 25 rows took 16 ms to render where this takes 1.3, and there are three in each frame.
    line = Text(" ")
    for (_, width), cell in zip(columns, cells, strict=True):
        text = Text(cell) if isinstance(cell, str) else cell.copy()
        text.truncate(abs(width), overflow="ellipsis")
        pad = " " * (abs(width) - text.cell_len)
        for piece in (text, pad) if width < 0 else (pad, text):
            line.append(piece)
        line.append(" ")
    return line
