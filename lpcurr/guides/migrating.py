"""From the metta curriculum: `import lpcurr.integrations.metta as cc` where it said `metta.cogworks.curriculum`.

Field names, defaults and presets of `LearningProgressConfig` are metta's, and so are the names of the statistics. The
default rules differ where metta's defeat the curriculum; `LearningProgressConfig.reference()` has them to the letter:

- a score of exactly 0 is a score, not "never set";
- an unexplored task weighs as much as the mean explored one (by `exploration_bonus`), at every size of the pool;
- a full pool evicts by at most `new_task_rate` of the draws, and only explored tasks;
- `rand_task_rate` is the share of uniform draws (there it is never read).

>>> import lpcurr
>>> rules = lpcurr.LearningProgressConfig.reference()
>>> rules.exploration, rules.eviction_among, rules.new_task_rate, rules.zero_is_unset
('absolute', 'all', 1.0, True)
"""

ALSO = ("lpcurr.integrations.metta",)
