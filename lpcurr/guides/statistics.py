"""`curriculum.stats()` gives all figures, flat, under the names that dashboards of the metta curriculum use. They come
from one snapshot, off the episode path. With `performance_mode` only the first group is there.

**Counted as it happens**

- `num_created`, `num_evicted`: tasks that came into the pool, and that were evicted for new ones
- `num_completed`, `num_scheduled`: episodes that were credited, and that were handed out
- `num_active_tasks`, `algorithm/num_tasks`: tasks in the pool, and how many fit
- `num_refused`: scores for tasks that had left the pool; `num_dropped`: tasks that could not be built
- `num_repairs`: workers that died inside the lock and whose call was undone
- `algorithm/tracker/total_completions`, `algorithm/tracker/mean_score`: as `num_completed`; over all episodes
- `per_label_completions/L`, `algorithm/pool_composition/L`, `algorithm/eviction_counts/L`: by label
- `algorithm/sampling_counts/L`: episodes handed out in this epoch (`on_epoch_end` begins the next)

**Means over the active tasks** (`algorithm/lp/…`; none for discrete random)

- `mean_learning_progress`: |R(p_fast) − R(p_slow)|
- `mean_lp_score`, `mean_sample_prob`: 1/n both, there for old dashboards
- `mean_task_success_rate`: of the moving averages of success
- `num_zeros_lp_dist`: tasks whose LP score has come to exactly 0

**How unequal** (`curriculum_gini/…`, from 0 where all are alike to 1 where one has everything)

- `raw_lp_scores` → `zscored_lp_scores` → `sampling_probs`: the stages from progress to probability, by task
- `raw_lp_by_label` → `sampling_probs_by_label` → `sampling_by_label`: from progress to episodes, by label
- `pool_occupancy` (completions), `task_age`, `evictions_by_label`, `pool_composition_by_label`
- `selectivity_loss_…`: the difference of two stages: above 0 where selectivity is lost between them

**For finding faults** (`calculate_raw_lp_debug_stats`, `calculate_per_label_mean_lp_stats`)

- `debug/raw_lp_{mean,std,min,max,nonzero_count,total_count}`: raw learning progress; std is the sample's
- `debug/task_age_{mean,max}_seconds`
- `per_label_stats/mean_lp_score/L`: mean raw learning progress; `per_label_stats/mean_reward_ema/L`: over played tasks
- `task_metrics/ID/{completion_count,raw_lp,sampling_prob}`: with `show_curriculum_troubleshooting_logging` alone

**Each episode**: `get_episode_stats(label)` has `env_curriculum_stats/per_label_samples` and `…/per_label_evictions`.

>>> import lpcurr
>>> with lpcurr.CurriculumConfig(num_active_tasks=4, seed=0).make() as curriculum:
...     _ = curriculum.sample_ids(10)
...     stats = curriculum.stats()
>>> stats["num_scheduled"], stats["algorithm/lp/mean_sample_prob"]
(10.0, 0.25)
"""

from __future__ import annotations


def process_keys() -> str:
    """The keys of :meth:`lpcurr.Curriculum.process_counters`, in Markdown."""
    from lpcurr.counters import PROCESS_COUNTERS

    lines = [f"- `{name}`: {meaning}" for name, meaning in PROCESS_COUNTERS.items()]
    return "\n".join(["**Each process** (`curriculum.process_counters()`, and `lpcurr top`)\n", *lines])
