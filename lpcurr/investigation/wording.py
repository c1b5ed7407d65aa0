"""Figures in words."""

from __future__ import annotations

from lpcurr.investigation.probes.scaling import Cost

_UNITS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))


def duration(seconds: float) -> str:
    """Two or three figures and a unit.

    >>> duration(0.00123), duration(25e-6), duration(0)
    ('1.2 ms', '25 µs', '0 ns')
    """
    scale, unit = next((each for each in _UNITS if seconds >= each[0]), _UNITS[-1])
    value = seconds / scale
    return f"{value:.1f} {unit}" if 0 < value < 10 else f"{value:.0f} {unit}"


def growth_of(part: str, cost: Cost) -> str:
    """What a part costs by the size of the pool."""
    if len(cost.sizes) == 1:
        return f"{part} {duration(cost.seconds[0])} with {cost.sizes[0]:,} tasks"
    span = f"{duration(cost.seconds[0])} to {duration(cost.seconds[-1])}"
    return f"{part} {span} (n^{max(cost.exponent, 0.0):.1f})"


def sizes_of(cost: Cost) -> str:
    """The sizes that were measured."""
    return f"{cost.sizes[0]:,} to {cost.sizes[-1]:,} tasks" if len(cost.sizes) > 1 else f"{cost.sizes[0]:,} tasks"


def count(number: float, noun: str) -> str:
    """A number and its noun.

    >>> count(1, "process"), count(1200, "task")
    ('1 process', '1,200 tasks')
    """
    plural = f"{noun}es" if noun.endswith("s") else f"{noun}s"
    return f"{number:,.0f} {noun if number == 1 else plural}"
