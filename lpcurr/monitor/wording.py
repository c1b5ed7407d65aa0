"""Figures and names as people read them: durations, counts, sizes, labels, tables."""

from collections.abc import Sequence

_UNITS = ((86400.0, "d"), (3600.0, "h"), (60.0, "min"), (1.0, "s"))


def duration(seconds: float) -> str:
    """Return how long, in the greatest unit that there is one of.

    >>> duration(5400), duration(59), duration(0)
    ('1.5 h', '59 s', '0 s')
    """
    length, unit = next((each for each in _UNITS if seconds >= each[0]), _UNITS[-1])
    return f"{max(seconds, 0.0) / length:.3g} {unit}" if length > 1.0 else f"{max(seconds, 0.0):.0f} {unit}"


def short_time(seconds: float) -> str:
    """Return what a wait, or a call, takes.

    >>> short_time(0.0), short_time(0.0035), short_time(12.3)
    ('0 s', '3.5 ms', '12 s')
    """
    if seconds == 0.0:
        return "0 s"
    unit, factor = next(((u, f) for u, f in (("s", 1.0), ("ms", 1e3), ("µs", 1e6)) if seconds * f >= 0.95), ("ns", 1e9))
    return f"{seconds * factor:.{1 if seconds * factor < 9.95 else 0}f} {unit}"


def number(value: float) -> str:
    """Return a count or a rate with separators, or in millions.

    >>> number(1234), number(12_345_678), number(3.21), number(0)
    ('1,234', '12.35 M', '3.2', '0')
    """
    if abs(value) >= 1e7:
        return f"{value / 1e6:,.2f} M"
    return f"{value:,.1f}" if value < 100 and value != int(value) else f"{value:,.0f}"


def size_of(size: int) -> str:
    """Return a size in memory or on disk.

    >>> size_of(3_500_000), size_of(40_000)
    ('3.3 MiB', '39.1 KiB')
    """
    return f"{size / 2**20:.1f} MiB" if size >= 2**20 else f"{size / 2**10:.1f} KiB"


def visible(name: str) -> str:
    r"""Return a name with an escape in place of what a terminal would obey, or not show.

    >>> print(visible("größe=4 \x1b[31mred\r"))
    größe=4 \x1b[31mred\r
    """
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in name)


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
