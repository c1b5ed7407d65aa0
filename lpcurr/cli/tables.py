"""Plain tables for commands whose output is piped as often as it is read."""

from __future__ import annotations

from collections.abc import Sequence

from lpcurr.monitor.wording import visible


def print_table(rows: Sequence[Sequence[str]], right: frozenset[int] = frozenset()) -> None:
    """Print rows, the first being the headings, in columns as wide as their widest cell; some aligned to the right."""
    rows = [[visible(cell) for cell in row] for row in rows]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        cells = [
            cell.rjust(width) if column in right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        print("  ".join(cells).rstrip())
