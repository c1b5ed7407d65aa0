"""Every limit that a verdict depends on, with its reason, and how much is played.

Almost all are on counts, which are exact: a limit then only says what is worth naming. Those on times are marked, and
stand far from what a busy machine does to CPU seconds.
"""

from __future__ import annotations

from dataclasses import dataclass

LINEAR, QUADRATIC = 0.6, 1.5
"""Power of n from which lines on a path count as a pass over the pool, and as one for each of its tasks. Heaps and
trees stay below 0.3; fixed lines beside the loop take the power of a pass down to 0.8."""

SCAN_LINES, SQUARE_LINES = 0.2, 0.05
"""Growing lines for each task, or each pair of tasks, from which they are named: a loop that finds what it looks for
half way runs half of its lines."""

ONE_SIZE_LINES, ONE_SIZE_MOST, ONE_SIZE_SQUARE = 0.5, 30.0, 0.25
"""Where the pool has one size only: lines a call by task from which, and up to which, it is a pass over the pool (a
loop has a few lines for each task; more have another cause), and by pair of tasks from which it is quadratic."""

USUAL = 0.5
"""Share of the draws that evict, from which what an eviction does is done for every episode."""

BELONGS = 0.9
"""Share of the growing lines of an update that lie under functions of the statistics, from which it is for them."""

NATIVE_STEP, NATIVE_BYTES = 2.0, 4.0
"""Work outside Python counts as a pass over the pool where each of the last two steps to four times the tasks costs so
many times more: of the bytes that it takes (counted; and this many for each task), or of CPU seconds (timed: a cache
that no longer holds all tasks costs two- or threefold in one step, and then no more) ..."""

NATIVE_SECONDS = 6.0
"""... which must come to so many times those of the smallest pool."""

STEADY_GROWTH = 0.5
"""A structure grows without bound if it still grows at this share of its earlier rate, at the end of the test."""

FILLING = 0.9
"""What lies in a structure that grew by this share as much has no growth of its own: the structure is judged."""

GROWTH_PER_EPISODE = 0.5
"""From this rate on a few hundred episodes tell; a slower growth may be a cache that fills, so it has to pass ..."""

CACHE_SIZE = 2_000
"""... this many entries (lpcurr's own cache of environment configurations ends at 1,024)."""

MEMORY_STEP = 2 * 2**20
"""Bytes by which resident memory must grow between each two looks: allocators take memory in steps of up to 1 MiB."""

SLOWER = 2.0
"""How many times more lines an episode must run late than early, or after a resume than before (or before than after);
..."""

SLOWER_SECONDS = 3.0
"""... and how many times more CPU seconds (timed: the cheapest of several looks)."""

WAIT = 0.5
"""Waits an episode from which it is a wait on every episode: a call that does not sleep, read or meet a server has
none."""

HOLDING_CALLS = 200.0
"""Calls of Python an episode while a lock is held, in the smallest pool: some 20 µs that nobody else can draw in."""

ANY_SIZE_LINES, ANY_SIZE_SECONDS = 2_000.0, 1e-3
"""Lines an episode in the smallest pool where nothing grows, a few dozen statements being usual; or CPU seconds (timed:
an episode of lpcurr is 1 to 20 µs)."""

CURRICULUM_SHARE = 0.2
"""Share of a training (timed) from which the curriculum, or one part of it, is worth anyone's time."""


@dataclass(frozen=True)
class Budget:
    """How much is played. Counts end it, not times, so that it is the same each time.

    Attributes:
        sizes: n, 2n and 4n tasks, in which Python is counted.
        young_episodes: of each, before tasks are old enough to be evicted.
        episodes: of each, at most.
        lines: of each, after which no more episodes are begun.
        native_sizes: tasks in pools where work outside Python is looked for, ascending.
        native_seconds: CPU seconds (timed) that may go into filling one of them; larger ones are left out.
        blocks: of episodes in each of them.
        growth_lines: lines of Python after which growth is judged.
        growth_episodes: episodes after which it is, at most.
        training_epochs: of a recipe's training.
        training_steps: environment steps of one.
        training_seconds: after which a training ends, the start of its environments aside.
    """

    sizes: tuple[int, ...] = (32, 64, 128)
    young_episodes: int = 16
    episodes: int = 240
    lines: int = 300_000
    native_sizes: tuple[int, ...] = (256, 1_024, 4_096, 16_384, 65_536)
    native_seconds: float = 4.0
    blocks: int = 12
    growth_lines: int = 20_000_000
    growth_episodes: int = 80_000
    training_epochs: int = 4
    training_steps: int = 50_000
    training_seconds: float = 12.0
