"""Staleness: tasks in proportion to the draws since each was drawn last.

When to use it: as uniform draws whose plays come out more even, and as a part of a mixture, so that nothing is
forgotten unseen.

References:
    Jiang, Grefenstette and Rocktäschel, "Prioritized level replay" (2021), arXiv 2010.03934: its staleness.
"""

from typing import Any, ClassVar, Literal

from lpcurr.schedulers.common import SchedulerConfig, Way


class StalenessConfig(SchedulerConfig):
    """Draw tasks the likelier, the longer ago they were drawn; nothing is evicted.

    >>> StalenessConfig().type
    'staleness'
    """

    draws_by: ClassVar[Way] = Way.UNIFORM
    scale_free: ClassVar[bool] = True

    type: Literal["staleness"] = "staleness"

    def rules(self, min_presentations: int, fixed_set: bool) -> dict[str, Any]:
        return super().rules(min_presentations, fixed_set) | {"staleness_share": 1.0}
