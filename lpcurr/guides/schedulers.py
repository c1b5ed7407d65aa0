"""Schedulers
==========

A scheduler says how likely each task of the pool is to be played next, and which one makes room for a new one. The
default is the frontier, `lpcurr.FrontierConfig()`; another one is named by a word, its type, or given as its settings:

>>> import lpcurr
>>> config = lpcurr.CurriculumConfig(num_active_tasks=100, algorithm_config="learning_progress")
>>> config.algorithm_config.rand_task_rate
0.7

Which one when: `lpcurr help choosing`. Learning progress was the default of lpcurr 0.1.

**Another one while training runs**: `use` puts it into force for all attached processes at their next call. Tasks,
estimates and counters stay; it is in checkpoints, `lpcurr top` shows it, and reports draw a line where it happened.

>>> curriculum = config.make()
>>> curriculum.use(lpcurr.FrontierConfig(frontier_share=0.3))
>>> curriculum.config.algorithm_config.type
'frontier'

Recipes do that by configuration: `curriculum.schedule=[{at: 0.3, use: {type: discrete_random}}]`.

**Two numbers beside the score**: `signal`, what the learner has to say of the episode, such as the mean size of its
value loss (by default the score), which `plr` draws by; and `cost`, what the episode took in environment steps or
tokens (by default 1; the wrappers count steps), which `FrontierConfig(per_cost=True)` divides by.

>>> task = curriculum.get_task()
>>> curriculum.update_task_performance(task.task_id, 1.0, signal=0.07, cost=250)
True
>>> curriculum.close(); curriculum.unlink()

A learner knows its value loss only after the rollout, when the wrapper has reported the episode already. With
`CurriculumEnv(env, curriculum, report=False)`, and in the native vectors likewise, the score stays in the info; the
trainer keeps the ids and scores of the episodes that end (`info["curriculum/task_id"]`, `info["curriculum/score"]`),
and reports both numbers once it has them: `curriculum.update_many(ids, scores, signals=value_losses)`.

**Several at once**, each for a share of the draws:

>>> frontier = {"share": 0.8, "use": lpcurr.FrontierConfig()}
>>> by_label = {"share": 0.2, "use": {"type": "label_progress", "label_share": 1.0}}
>>> curriculum = lpcurr.CurriculumConfig(algorithm_config={"type": "mixture", "parts": [frontier, by_label]}).make()
>>> curriculum.close(); curriculum.unlink()

A pool keeps one priority a task, so one part at most may be a scheduler that draws by its own: mix it with
`discrete_random`, `staleness` and `label_progress`.

Every draw is exact and fresh to the last update, whichever scheduler makes it.
"""

import inspect
from collections.abc import Iterator

from lpcurr.schedulers import ALL
from lpcurr.schedulers.frontier import FrontierConfig


def sections() -> Iterator[str]:
    """Yield what the file of each scheduler says of it, the default first."""
    for scheduler in sorted(ALL, key=lambda each: (each is not FrontierConfig, each.number)):
        title = f'"{scheduler.model_fields["type"].default}": {scheduler.__name__}'
        module = inspect.getmodule(scheduler)
        yield f"{title}\n{'-' * len(title)}\n{inspect.getdoc(module) or ''}"
