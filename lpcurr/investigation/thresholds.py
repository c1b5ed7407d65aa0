"""Every limit that a verdict depends on, and how much time is spent, with the reason beside it.

Nothing is judged by absolute times: machines differ, and this one may be busy. Limits are exponents, ratios to a
baseline that was measured in the same moments, and shares of an epoch.
"""

from __future__ import annotations

from dataclasses import dataclass

LINEAR = 0.5
"""Exponent of the cost by pool size from which it counts as a scan. O(1) and O(log n) with cache misses stay below 0.2;
a scan in C comes out at 0.6 and more at these sizes, because its fixed cost still shows, one in Python at 0.9."""

ONSET = 0.2
"""Exponent that the step before the last must show already: a scan in C begins to show there, and a pool that was
measured in a bad moment shows in one step only."""

QUADRATIC = 1.5
"""Exponent from which it counts as quadratic: half way between n and n²."""

SCAN_RATIO = 3.0
"""How many times dearer the largest pool must be than the smallest besides. A cache that no longer holds all tasks
costs two- or threefold once, and then no more."""

WORTH_NAMING = 0.05
"""Share of an episode in the largest pool that a part must have: a scan elsewhere empties the processor's caches, and
then everything becomes dearer with it."""

SINGLE_SIZE_LINES = 0.5
"""Lines of Python that a call runs, by task in the pool, from which it is a scan where the size cannot vary ..."""

SINGLE_SIZE_MOST = 30
"""... and up to which: a loop over all tasks has a few lines for each. More have another cause,"""

SINGLE_SIZE_SQUARE = 0.25
"""unless there are this many for each pair of tasks: then it is quadratic."""

LOCK_TURN = 5.0
"""How many times longer processes must be blocked than those of a control, which hold a lock for one addition."""

LOCK_HOLD = 20.0
"""... and how many of the control's whole episodes that must last: a lock turn of a few calls is no fault."""

LOCK_STRETCH = 2.5
"""Processes that wait actively are not blocked, they compute: then their episodes take so many times longer. Sharing
cores and caches alone stretches them less than twice."""

STEADY_GROWTH = 0.5
"""A structure grows without bound if it still grows at this share of its earlier rate, at the end of the test."""

FILLING = 0.9
"""What lies in a structure that grew by this share as much is no growth of its own: the structure is judged."""

GROWTH_PER_EPISODE = 0.5
"""From this rate on a few hundred episodes tell; a slower growth may be a cache that fills, so it has to pass ..."""

CACHE_SIZE = 2_000
"""... this many entries (lpcurr's own cache of environment configurations ends at 1,024)."""

MEMORY_STEP = 2 * 2**20
"""Bytes by which resident memory must grow between each two looks: allocators take memory in steps of up to 1 MiB."""

SLOWER = 2.0
"""How many times dearer episodes must get: the cheapest of the last third of the looks against the median of the first
third. Busy machines do that to single looks."""

SPEED_RESET = 1.7
"""How much faster (or slower) episodes may be after a resume: state that a checkpoint leaves out shows as more."""

CONSTANT_COST = 300.0
"""How many episodes of the trivial baseline an episode may cost where nothing else explains it: Python code that does a
few dozen things stays under 100."""

CURRICULUM_SHARE = 0.1
"""Share of a training epoch from which the curriculum, or one part of it, is worth anyone's time."""


@dataclass(frozen=True)
class Budget:
    """How long the tests take.

    Attributes:
        sizes: pool sizes, ascending.
        seconds_per_size: to fill and age one pool; larger ones are left out once that is not enough.
        rounds: completions of every task before costs are taken, so that eviction has candidates.
        repetitions: of every measurement, in turns over all sizes.
        block_seconds: of one size and repetition: less than others keep a core for, so that some are undisturbed.
        growth_seconds: how long one pool is played for its growth.
        contention_seconds: each number of processes.
        processes: on one pool, ascending.
        contention_repetitions: of each number of processes.
        epochs: how many are compared with the baseline, or in each of the recipe's trainings.
        epoch_episodes: at most, for objects.
        epoch_seconds: at most, for objects.
        training_steps: environment steps of a recipe's epoch, at most.
        training_seconds: after which a training of the recipe ends, the start of its environments aside.
        training_patience: after which no more numbers of workers are tried.
    """

    sizes: tuple[int, ...] = (32, 128, 512, 2_048, 8_192, 32_768)
    seconds_per_size: float = 6.0
    rounds: int = 20
    repetitions: int = 15
    block_seconds: float = 0.004
    growth_seconds: float = 8.0
    contention_seconds: float = 0.6
    processes: tuple[int, ...] = (1, 2, 4)
    contention_repetitions: int = 3
    epochs: int = 6
    epoch_episodes: int = 20_000
    epoch_seconds: float = 1.0
    training_steps: int = 50_000
    training_seconds: float = 12.0
    training_patience: float = 90.0
