"""Tasks
=====

A task generator makes an environment configuration and a label from a task id. Any picklable function of the id will
do; the generators here can besides be written down in a configuration, checked, and read back.

Buckets: each field of the configuration gets one of some values, or a number from a `Span`. `label=True` puts the value
into the label, by which statistics are grouped.

>>> import lpcurr
>>> lakes = lpcurr.bucketed({"size": 4, "slip": 0.0, "map": {"holes": 0.2}})
>>> lakes = lakes.add_bucket("size", [4, 8, 16], label=True)
>>> lakes = lakes.add_bucket("slip", lpcurr.Span(0.0, 0.7)).add_bucket("map.holes", [0.1, 0.3])
>>> lakes.build(3).label, lakes.build(3).env_cfg["map"]
('size=8', {'holes': 0.3})

Configurations are dicts, dataclasses or pydantic models; fields are named by dotted paths. A weighted set draws which
generator makes a task:

>>> both = lpcurr.merge([lakes, lpcurr.single_task({"size": 32, "slip": 0.5}, label="ocean")], weights=[3, 1])
>>> config = lpcurr.CurriculumConfig(num_active_tasks=50, task_generator=both)
>>> lpcurr.CurriculumConfig.model_validate_json(config.model_dump_json()) == config
True

Configurations are built when a task is played and kept in a bounded cache (`env_cache_size`): a pool of a million tasks
starts at once. A task whose configuration cannot be built is dropped and another one drawn (`max_task_attempts`).

A fixed set of tasks (`defer_init=True`) holds what `add_task(id, label=…)` puts in, and evicts nothing by itself.
"""
