"""Settings of the schedulers that renew their pool: how a task makes room for a new one, and how new ones are tried."""

from typing import Annotated, Any, Literal

from pydantic import Field

from lpcurr.schedulers.common import Count, NonNegative, SchedulerConfig, Share

Unbiased = Annotated[
    bool, Field(description="rule: averages are plain means of a young task; False: they begin at its first score")
]
_MOST = 1e100  # of a bonus: a sum over a million tasks stays finite, and all draws are unexplored tasks' long before


class RenewingConfig(SchedulerConfig):
    """What the schedulers have that evict tasks by score."""

    exploration_bonus: NonNegative = Field(
        default=0.1,
        description="weight of a task with too few completions to tell: with exploration='relative', ten times this "
        "times the mean weight of the explored tasks; with 'absolute', and for score deviation, this as it is",
    )
    rand_task_rate: Share = Field(default=0.7, description="share of the draws that are uniform over the pool")
    eviction_threshold_percentile: Share = Field(
        default=0.4, description="only tasks whose score lies within this share of the lowest may be evicted"
    )
    min_samples_for_lp: Count = Field(default=10, description="completions from which a task counts as explored")
    new_task_rate: Share = Field(
        default=0.1, description="rule: share of the draws on a full pool that may evict a task and bring in a new one"
    )
    eviction_among: Literal["explored", "all"] = Field(
        default="explored", description="rule: which tasks may be evicted and make up the percentile"
    )

    def explored_from(self) -> int:
        """Return from how many completions on a task counts as explored."""
        return self.min_samples_for_lp

    def rules(self, min_presentations: int, fixed_set: bool) -> dict[str, Any]:
        explored_from = self.explored_from()
        explored_only = self.eviction_among == "explored"
        return super().rules(min_presentations, fixed_set) | {
            "explored_from": explored_from,
            "mature_from": max(min_presentations, explored_from) if explored_only else min_presentations,
            "may_evict": not fixed_set,
            "eviction_percentile": self.eviction_threshold_percentile,
            "evict_explored_only": explored_only,
            "exploration_bonus": min(self.exploration_bonus, _MOST),
        }
