"""Ranges to draw bucket values from."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass

import numpy as np

from lpcurr.errors import ConfigError, shown

BINS = 4


@dataclass(frozen=True)
class Span:
    """A range of numbers: between two integers an integer, both ends included; otherwise a uniform float.

    In a bucket over a field that holds a float, two integers mean a uniform float as well.

    Attributes:
        low: the least value.
        high: the greatest value.
        log: whether the logarithm is uniform, as for a rate from 1e-4 to 0.1; ``low`` is then above 0. Such values are
            the same to the last bit where machines have the same C library.

    Raises:
        ConfigError: an end is not a finite number, ``low`` is above ``high`` or not above 0 where ``log`` needs that,
            or the range is too wide to draw from.

    >>> Span(4, 8).draw(0.999)
    8
    >>> Span(0.5, 1.5).draw(0.25)
    0.75
    >>> Span(1, 999, log=True).draw(0.5), Span(1, 999, log=True).bin_of(31)
    (31, '31..176')
    """

    low: int | float
    high: int | float
    log: bool = False

    def __post_init__(self) -> None:
        for name in ("low", "high"):
            end = getattr(self, name)
            if isinstance(end, np.generic):
                end = end.item()
                object.__setattr__(self, name, end)
            if type(end) not in (int, float) or not abs(end) <= sys.float_info.max:
                raise ConfigError(f"Span({shown(self.low)}, {shown(self.high)}): {name} is not a finite number")
        if self.low > self.high:
            raise ConfigError(f"Span({shown(self.low)}, {shown(self.high)}): low is above high")
        if self.log and self.low <= 0:
            raise ConfigError(
                f"Span({shown(self.low)}, {shown(self.high)}, log=True): low is not above 0, and has no logarithm"
            )
        if self.integer and self.high - self.low >= 2**53:
            raise ConfigError(f"Span({shown(self.low)}, {shown(self.high)}) holds more than 2**53 integers")
        if not math.isfinite(self.high - self.low):
            raise ConfigError(f"Span({shown(self.low)}, {shown(self.high)}) is wider than the greatest float")

    @property
    def integer(self) -> bool:
        """Whether integers are drawn."""
        return type(self.low) is int and type(self.high) is int

    def of_floats(self) -> Span:
        """Return the range of the same ends from which floats are drawn."""
        return Span(float(self.low), float(self.high), self.log)

    def draw(self, u: float) -> int | float:
        """The value for a uniform random number from 0 up to, but not including, 1."""
        if self.log:
            first, last = math.log(self.low), math.log(self.high + 1 if self.integer else self.high)
            value = math.exp(first + u * (last - first))
            if self.integer:  # an integer that rounding left just short of itself is one
                return int(min(max(value * (1.0 + 1e-12), self.low), self.high))
            return min(max(value, float(self.low)), float(self.high))
        if self.integer:
            return int(self.low) + int(u * (self.high - self.low + 1))
        return min(self.low + u * (self.high - self.low), float(self.high))  # rounding may lead past the end

    def bin_of(self, value: int | float) -> str:
        """The name of the part of the range that a value is in, for a label: at most four names for a range.

        >>> Span(1, 8).bin_of(4), Span(0.0, 1.0).bin_of(0.3), Span(1, 3).bin_of(2)
        ('3..4', '0.25..0.5', '2')
        """
        if self.low == self.high:
            return f"{self.low}"
        width = self.high - self.low
        if self.integer:
            count = int(min(BINS, width + 1))
            starts = [int(self.low) + int(width + 1) * k // count for k in range(count)]
            if self.log:
                starts = sorted({int(self.draw(k / BINS)) for k in range(BINS)})
            k = max(k for k, start in enumerate(starts) if start <= value)
            first, last = starts[k], [*starts, int(self.high) + 1][k + 1] - 1
            return str(first) if first == last else f"{first}..{last}"
        if self.log:
            edges = [*(self.draw(k / BINS) for k in range(BINS)), self.high]
            k = max(k for k in range(BINS) if edges[k] <= value)
            return f"{edges[k]:.3g}..{edges[k + 1]:.3g}"
        k = min(int((value - self.low) / width * BINS), BINS - 1)
        return f"{self.low + width * k / BINS:.3g}..{self.low + width * (k + 1) / BINS:.3g}"
