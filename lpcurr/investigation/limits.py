"""Every limit that a verdict depends on, with its reason, and how much is played.

Almost all are on counts, which are exact: they only say what is worth naming. Those on times say so, and stand far from
what a busy machine does to CPU seconds.
"""

from dataclasses import dataclass

# Power of n from which the lines of a function are a pass over the pool, and one for each of its tasks. Heaps and trees
# stay below 0.3; fixed lines beside the loop take the power of a pass down to 0.8.
LINEAR, QUADRATIC = 0.6, 1.5

# Growing lines for each task, or pair of tasks, from which they are named: a loop that ends where it finds what it
# seeks runs half of its lines, or fewer. And the share of all growing lines that those with the square must have: a
# search that ends early now and late then may look like one in a few draws.
SCAN_LINES, SQUARE_LINES, SQUARE_SHARE = 0.2, 0.05, 0.25

# Where the pool has one size only: lines for each task from which, and up to which, a call is a pass over the pool
# (more have another cause), and for each pair of tasks from which it is quadratic.
ONE_SIZE_LINES, ONE_SIZE_MOST, ONE_SIZE_SQUARE = 0.5, 30.0, 0.25

USUAL = 0.5  # share of the draws that evict, from which what an eviction does is done on every episode
BELONGS = 0.9  # share of an update's growing lines in passes of the statistics, from which it makes them

# Work outside Python is a pass over the pool where each of the last two steps to four times the tasks takes so many
# times more bytes, and so many for each task; or CPU seconds (timed: a cache that is too small does that in one step).
BYTES_STEP, BYTES, SECONDS_STEP = 2.0, 4.0, 2.5

# A structure grows without bound if it still grows at this share of its earlier rate in the end, and what it lies in
# did not grow by that share as much. A few hundred episodes tell where it grows by so many elements in each; a slower
# growth may be a cache that fills, so it has to pass this size (lpcurr's own end at 1,024).
STEADY, FILLING, OFTEN, CACHE_SIZE = 0.5, 0.9, 0.5, 2_000

MEMORY_STEP = 2 * 2**20  # bytes between each two looks: allocators take memory in steps of up to 1 MiB

# How many times more lines an episode must run late than early, or on one side of a resume; or CPU seconds (timed: the
# cheapest of several looks).
SLOWER, SLOWER_SECONDS = 2.0, 3.0

WAIT = 0.5  # an episode, from which each waits: what does not sleep, read or ask another process has none
HOLDING_CALLS = 200.0  # an episode while a lock is held, where nothing grows: some 20 µs in which nobody else can draw

# Lines of an episode in the smallest pool, a few dozen being usual; or CPU seconds (timed: 1 to 20 µs are usual).
ANY_SIZE_LINES, ANY_SIZE_SECONDS = 2_000.0, 2e-3

CURRICULUM_SHARE = 0.2  # of a training (timed), from which the curriculum is worth anyone's time


@dataclass(frozen=True)
class Budget:
    """How much is played. Counts end it, so that it is the same each time."""

    sizes: tuple[int, int, int] = (32, 64, 128)  # n, 2n and 4n tasks, in which Python is counted
    young_episodes: int = 16  # in each, before tasks are old enough to be evicted
    episodes: int = 240  # in each afterwards, or until so many
    lines: int = 1_000_000
    native_sizes: tuple[int, ...] = (256, 1_024, 4_096, 16_384)  # in which work outside Python is looked for
    native_seconds: float = 6.0  # CPU seconds (timed) for one of them, after which larger ones are left out
    blocks: int = 12  # of episodes in each
    episodes_to_grow: int = 80_000  # in a pool of constant size, or until so many lines or waits
    lines_to_grow: int = 20_000_000
    waits_to_grow: int = 2_000
    training_epochs: int = 4  # of each of a recipe's trainings
    training_steps: int = 10_000  # an epoch
    training_seconds: float = 20.0
