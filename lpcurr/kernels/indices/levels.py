"""How the 16-ary trees over the slots lie in their columns: level upon level, the root last."""

from lpcurr.kernels.machine.compiling import helper
from lpcurr.memory import layout

SHIFT = layout.FANOUT.bit_length() - 1
FANOUT = layout.FANOUT


@helper
def node_count(children):
    """Return how many nodes a level has above so many children."""
    return (children + FANOUT - 1) >> SHIFT


@helper
def level_count(slots):
    """Return how many levels of nodes lie above so many slots."""
    levels, count = 1, node_count(slots)
    while count > 1:
        count = node_count(count)
        levels += 1
    return levels


@helper
def level_place(slots, level):
    """Return where a level's nodes begin, and how many they are; the one right above the slots is level 0."""
    start, count = 0, node_count(slots)
    for _ in range(level):
        start += count
        count = node_count(count)
    return start, count


@helper
def root(slots):
    """Return where the root lies."""
    return level_place(slots, level_count(slots) - 1)[0]


@helper
def descend(weights, first, last, target):
    """Find in which cell of first … last − 1 of cumulated weights a target lies: it, and what is left of the target."""
    chosen = first
    for cell in range(first, last):
        if weights[cell] > 0.0:  # rounding must never lead into an empty branch
            chosen = cell
            if target < weights[cell]:
                break
            target -= weights[cell]
    return chosen, target
