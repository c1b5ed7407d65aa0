"""Uniform: every active task alike.

When to use it: as the bar that every other scheduler has to clear.
"""

from typing import ClassVar, Literal

from lpcurr.schedulers.common import SchedulerConfig, Way


class DiscreteRandomConfig(SchedulerConfig):
    """Draw every active task equally often; nothing is evicted. Scores are tracked all the same.

    >>> DiscreteRandomConfig().type
    'discrete_random'
    """

    draws_by: ClassVar[Way] = Way.UNIFORM
    scale_free: ClassVar[bool] = True

    type: Literal["discrete_random"] = "discrete_random"
