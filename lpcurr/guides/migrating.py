"""Migrating from metta's curriculum
=================================

A recipe changes its import, and nothing else:

    import metta.cogworks.curriculum as cc          before
    import lpcurr.integrations.metta as cc          after

Names of configurations, fields, defaults, presets and statistics are the same. What differs, because the old rules
defeat the curriculum (`LearningProgressConfig.reference()` has the old ones, to the last digit):

* a score of exactly 0 is a score; it used to mean "never set", so that a task which fails until it is solved had
  progress 0 at that very moment;
* `rand_task_rate` is read;
* an unexplored task weighs as much against the mean explored one at every pool size; its weight used to be absolute,
  so that ten of a thousand took half of all draws;
* a full pool replaces tasks by at most `new_task_rate` of the draws, explored ones only; it used to replace one at
  every draw from 5 completions on, before any progress was known;
* scores for a task that has left the pool are refused, not credited to another task.

lpcurr's own classes have milder defaults than the drop-in's, since metta's starve tasks: `lpcurr.CurriculumConfig`
draws by the frontier, and `lpcurr.LearningProgressConfig` has `ema_timescale` 0.2, `rand_task_rate` 0.7 and no
normalisation by the first score. `lpcurr help schedulers` says which scheduler when.

>>> from lpcurr import LearningProgressConfig
>>> old = LearningProgressConfig.reference()
>>> old.new_task_rate, old.exploration, old.eviction_among, old.zero_is_unset
(1.0, 'absolute', 'all', True)

Averages begin at the first score, as there. `unbiased_averages=True`, the default of `lpcurr.LearningProgressConfig`,
makes them plain means while a task is young, so that the luck of a first score decides nothing; but with the
`ema_timescale` of 0.001 that metta's recipes have, it would see no progress within a task's first thousand plays.

What reads metta's private state finds none of it here: `Curriculum._rng`; of the algorithm `_reweight`, `scorer`,
`_active_labels`, `_inactive_labels_fifo` and `_label_sampling_counts`; `TaskTracker._task_id_to_index`; and the module
`shared_memory_backend`. Of metta's own tests those of these things fail, and those that step an environment before a
reset or end an episode with its first agent; and one by chance, which wants the first five draws from fifty tasks
under seed 0 to be different. `max_task_id` is taken but has no effect. Task ids give other tasks than there.
`load_state` takes what lpcurr's own `get_state` gave. An episode ends when every agent's has, and not the first
one's; an environment that is stepped before any reset is reset, so that it plays the task that it is credited with.
"""
