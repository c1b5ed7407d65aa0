"""Running sums of `priority` over the active tasks, in double-double arithmetic (Dekker 1971).

Kept where draws are made by z-score, which needs the mean and the population standard deviation of all tasks. They
follow from Σx and Σx², which one update changes in O(1). In plain float64 the difference Σx²/n − mean² would lose
everything where tasks are nearly equal (the test ``std > 1e-10`` would see noise of 1e-9); kept as unevaluated sums of
two floats, with products split exactly, the sums carry 106 bits, and a rebuild every now and then keeps it so for ever.
"""

import math

from lpcurr.kernels.machine.compiling import helper, inlined
from lpcurr.kernels.machine.views import column, fused_multiply_add, header_record
from lpcurr.kernels.safety import faults

PRIORITY_LIMIT = 1e140
"""Priorities are clamped to ± this, so that no square overflows however large a user's scores are."""


REBUILD_AFTER = 32
"""Updates to a slot, on average, after which the sums are made anew: less often costs less, and is as exact."""


@helper
def _two_sum(a, b):
    """a + b as a rounded sum and its exact error (Knuth)."""
    total = a + b
    part = total - a
    return total, (a - (total - part)) + (b - part)


@helper
def _two_product(a, b):
    """a · b as a rounded product and its exact error."""
    product = a * b
    return product, fused_multiply_add(a, b, -product)


@helper
def _accumulate(high, low, value, error):
    """Add the pair (value, error) to the pair (high, low)."""
    total, rounding = _two_sum(high, value)
    rounding += low + error
    return _two_sum(total, rounding)


@helper
def add_priority(segment, value, sign):
    """Add (sign +1.0) or take away (−1.0) a task's priority."""
    header = header_record(segment, 0)
    high, low = _accumulate(header.sum_high, header.sum_low, sign * value, 0.0)
    header.sum_high = high
    faults.may_die_here(segment)
    header.sum_low = low
    square, error = _two_product(value, value)
    high, low = _accumulate(header.square_high, header.square_low, sign * square, sign * error)
    header.square_high = high
    faults.may_die_here(segment)
    header.square_low = low
    header.square_peak = max(header.square_peak, high)
    faults.may_die_here(segment)


@inlined
def _exchange(segment, old, new):
    """Take one value out and put another in: half the work of doing one after the other."""
    header = header_record(segment, 0)
    change, rounding = _two_sum(new, -old)
    header.sum_high, header.sum_low = _accumulate(header.sum_high, header.sum_low, change, rounding)
    new_square, new_error = _two_product(new, new)
    old_square, old_error = _two_product(old, old)
    change, rounding = _two_sum(new_square, -old_square)
    high, low = _accumulate(header.square_high, header.square_low, change, rounding + (new_error - old_error))
    header.square_high = high
    header.square_low = low
    if max(high, new_square) > header.square_peak:  # written seldom: other processes read what lies beside it
        header.square_peak = max(high, new_square)


@helper
def rebuild_sums(segment, count):
    """Make the sums from the columns of the first ``count`` active tasks, O(n)."""
    header = header_record(segment, 0)
    view = column(segment)
    # In local variables: through memory, each step would wait for the stores of the one before.
    sum_high, sum_low, square_high, square_low = 0.0, 0.0, 0.0, 0.0
    for position in range(count):
        value = view.priority[view.active[position]]
        sum_high, sum_low = _accumulate(sum_high, sum_low, value, 0.0)
        square, error = _two_product(value, value)
        square_high, square_low = _accumulate(square_high, square_low, square, error)
    header.sum_high = sum_high
    header.sum_low = sum_low
    faults.may_die_here(segment)
    header.square_high = square_high
    header.square_low = square_low
    header.square_peak = square_high
    header.updates_since_rebuild = 0
    faults.may_die_here(segment)


@inlined
def replace_priority(segment, old, new):
    """Follow a task's priority from ``old`` to ``new``; the column holds the new value already."""
    header = header_record(segment, 0)
    header.updates_since_rebuild += 1
    if old != new:
        _exchange(segment, old, new)
    _rebuild_if_due(segment)


@helper
def remove_priority(segment, value):
    """Take away the priority of a task that has left the active index."""
    add_priority(segment, value, -1.0)
    _rebuild_if_due(segment)


@inlined
def _rebuild_if_due(segment):
    """Rebuild before rounding can show: after ``32 · capacity`` updates, or when the sums have shrunk by 16 digits.

    An update is off by 2**-104 of the sum at most, so the first keeps the error below 2**-79 at a million tasks.

    A task with huge scores swallows the low digits of all others; they are found again when it has left or calmed down.
    """
    header = header_record(segment, 0)
    shrunk = header.square_high < 1e-16 * header.square_peak
    if shrunk or header.updates_since_rebuild >= REBUILD_AFTER * max(header.capacity, 256):
        rebuild_sums(segment, header.active_count)


@helper
def mean_and_deviation(segment):
    """Return mean and population standard deviation of the priority over the active tasks; there must be one."""
    header = header_record(segment, 0)
    n = float(header.active_count)
    high, low = header.sum_high, header.sum_low
    # n Σx² − (Σx)², in pairs
    scaled, scaled_error = _two_product(header.square_high, n)
    squared, squared_error = _two_product(high, high)
    difference, rounding = _two_sum(scaled, -squared)
    rounding += (scaled_error + header.square_low * n) - (squared_error + 2.0 * high * low)
    variance = (difference + rounding) / (n * n)
    return (high + low) / n, math.sqrt(variance) if variance > 0.0 else 0.0
