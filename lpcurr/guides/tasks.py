"""A task generator makes an environment's configuration, and a label, of a task id; the id is its only seed.

Any picklable function will do:

>>> import lpcurr
>>> def generate(task_id):
...     return {"map_seed": task_id % 1000, "size": 4 + task_id % 5}
>>> with lpcurr.CurriculumConfig(num_active_tasks=8, seed=0, task_generator=generate).make() as curriculum:
...     sorted(curriculum.get_task().get_env_cfg())
['map_seed', 'size']

`bucketed` varies a base configuration (a dict, a dataclass or a pydantic model) at dotted paths, by lists of values or
by spans; `label=True` makes a value part of the label, by which statistics are grouped. `merge` takes several
generators by weight. They serialise with the configuration, so that `lpcurr.attach` needs nothing else.

A fixed set of tasks that nothing ever leaves:

>>> with lpcurr.CurriculumConfig(num_active_tasks=3, seed=0, defer_init=True).make() as curriculum:
...     for task_id, label in [(1, "easy"), (2, "easy"), (3, "hard")]:
...         curriculum.add_task(task_id, label=label)
...     sorted(set(curriculum.sample_ids(100).tolist()))
[1, 2, 3]
"""

ALSO = ("lpcurr.generators",)
