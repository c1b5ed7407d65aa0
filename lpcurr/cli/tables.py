"""Plain tables and figures for commands whose output is piped as often as it is read."""

from __future__ import annotations

from collections.abc import Sequence

_UNITS = ((86400.0, "d"), (3600.0, "h"), (60.0, "min"), (1.0, "s"))


def print_table(rows: Sequence[Sequence[str]], right: frozenset[int] = frozenset()) -> None:
    """Print rows, the first being the headings, in columns as wide as their widest cell.

    Args:
        rows: of equal length.
        right: columns that are aligned to the right.
    """
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        cells = [
            cell.rjust(width) if column in right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        print("  ".join(cells).rstrip())


def duration(seconds: float) -> str:
    """How long, in the greatest unit that there is one of.

    >>> duration(59.0), duration(7200.0)
    ('59 s', '2 h')
    """
    length, unit = next((each for each in _UNITS if seconds >= each[0]), _UNITS[-1])
    return f"{seconds / length:.0f} {unit}"


def size_of(size: int) -> str:
    """A size in memory or on disk.

    >>> size_of(3_500_000), size_of(40_000)
    ('3.3 MiB', '39.1 KiB')
    """
    return f"{size / 2**20:.1f} MiB" if size >= 2**20 else f"{size / 2**10:.1f} KiB"
