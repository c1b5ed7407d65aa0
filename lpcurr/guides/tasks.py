"""Tasks
=====

A task generator makes an environment configuration and a label from a task id. Any picklable function of the id will
do, with a `label_of(id)` of its own where tasks are to have labels (`make_maze.label_of = …`, or a method of a class
with `__call__`); the generators here can besides be written down in a configuration, checked, and read back.

Buckets: each field of the configuration gets one of some values, or a number from a `Span`. `label=True` puts the value
into the label, by which statistics are grouped.

>>> import lpcurr
>>> lakes = lpcurr.bucketed({"size": 4, "slip": 0.0, "map": {"holes": 0.2}})
>>> lakes = lakes.add_bucket("size", [4, 8, 16], label=True)
>>> lakes = lakes.add_bucket("slip", lpcurr.Span(0.0, 0.7)).add_bucket("map.holes", [0.1, 0.3])
>>> lakes.build(3).label, lakes.build(3).env_cfg["map"]
('size=8', {'holes': 0.3})

Configurations are dicts, dataclasses or pydantic models; fields are named by dotted paths, an element of a list by its
place (`wind.0`). A weighted set draws which generator makes a task:

>>> both = lpcurr.merge([lakes, lpcurr.single_task({"size": 32, "slip": 0.5}, label="ocean")], weights=[3, 1])
>>> config = lpcurr.CurriculumConfig(num_active_tasks=50, task_generator=both)
>>> lpcurr.CurriculumConfig.model_validate_json(config.model_dump_json()) == config
True

A value that stands twice in a bucket is drawn twice as often. A `Span` of two integers gives floats where the field
holds a float, and integers elsewhere. With `log=True` the logarithm is uniform: `lpcurr.Span(1e-4, 0.1, log=True)`.

**A list of tasks**: names, dicts, prompts, whatever can be pickled. It makes a fixed set of them, all in the pool from
the start, with their places as ids, 0 … n − 1:

>>> kitchen = [{"task": "boil", "heat": 3}, {"task": "melt", "heat": 9}]
>>> with lpcurr.CurriculumConfig(tasks=kitchen).make() as curriculum:
...     task = curriculum.get_task()
...     task.get_env_cfg() == kitchen[task.task_id], task.label == kitchen[task.task_id]["task"]
...     curriculum.append_tasks([{"task": "freeze", "heat": -4}]).tolist()
(True, True)
[2]

A task's label is the one in `task_labels`, one entry a task, else the text or number under `"label"` or `"task"` of a
dict, else `default`. A dict `tasks={"boil": {…}, "melt": {…}}` has one task to a name, which is its label: for several
of a label, as in `{"easy": [a, b]}`, give `tasks=[a, b], task_labels=["easy", "easy"]`. Rows of a table:
`tasks=df.to_dict("records"), task_labels=df["level"]`. What OmegaConf or Hydra hand out is kept as plain dicts and
lists.

The list lies once in shared memory, beside the pool: a million short prompts take 60 MB, in however many processes.
`append_tasks` makes it longer while others train, up to `num_active_tasks` in the pool, where `evict(id)` makes room;
every process has the new tasks at once. A process that attaches by name reads texts, numbers, lists and dicts; other
objects are stored pickled, which runs code, so it has to be given the list itself: `attach(session,
task_generator=[…])`. A checkpoint keeps a digest of the list and not the list: give it again, `Curriculum.load(path,
task_generator=[…])`, or what `curriculum.task_list()` gave, with all that was appended, and the labels. One that has
grown at its end is taken, another one refused.

**Tasks that come while it trains**, such as opponents of the past (self-play), or levels made from others (ACCEL):
append each, and let the one go that has the least left to teach. (None is evictable before it was played a few times,
then `recommend_eviction()` is None; the list's memory keeps what has gone.)

>>> config = lpcurr.CurriculumConfig(tasks=[{"walls": 2}], num_active_tasks=8, seed=0)
>>> with config.make() as curriculum:
...     for episode in range(1000):
...         task = curriculum.get_task()
...         level = task.get_env_cfg()
...         solved = level["walls"] < 9  # your environment and your agent
...         credited = curriculum.update_task_performance(task.task_id, solved)
...         if solved and episode % 20 == 0:
...             if curriculum.num_active_tasks == 8:
...                 curriculum.evict(curriculum.recommend_eviction())
...             ids = curriculum.append_tasks([{"walls": level["walls"] + 1}])
...     max(task.get_env_cfg()["walls"] for task in curriculum.sample_tasks(100))
9

**Ranges that widen** (automatic domain randomization): a live curriculum keeps its generator, since scores belong to
its ids. Give the whole range, in which practice follows what can be learned; or append levels of the next range to a
list once those before are mastered.

**Never again**: `evict(id)`, and of a label each of its tasks, `columns()["task_id"][columns()["label"] == label]`. A
generator makes new ones of it: leave that value out, or write a function that raises `ValueError` for such an id.

**Stages**: labels of a list whose tasks wait until those of another label are mastered, which is looked at whenever
`on_epoch_end` is called, and else once in a thousand episodes, or in as many as there may be tasks. What is locked is
not in the pool (`num_locked_tasks` in `stats()`). An open label stays open: easier tasks stay in the pool too, and are
drawn more often again where they are forgotten, so that nothing has to be taken back; to go back nevertheless, `evict`
the label's tasks, and later `add_task` each, as a new one. `mastered` is a success rate, 0.8 by default: the share of
recent episodes that scored `task_default_success_threshold`, 0.5, or more, as a mean over the label's tasks. For scores
of another scale, such as raw returns, say `"by": "score"`, and `mastered` is a mean score:
`{"unlock": "hard", "after": "easy", "by": "score", "mastered": 475}`, or -200. A label whose tasks were not all played
is not mastered by score. With `"mastered": 0` the number of `"episodes"` alone unlocks. Of a generator g make a list:
`tasks=[g(i) for i in range(1000)], task_labels=[g.label_of(i) for i in range(1000)]`.

>>> sums = {"2+3=": "easy", "7+5=": "easy", "64+88=": "hard"}
>>> stage = {"unlock": "hard", "after": "easy", "mastered": 0.8, "episodes": 20}
>>> config = lpcurr.CurriculumConfig(tasks=list(sums), task_labels=list(sums.values()), stages=[stage])
>>> with config.make() as curriculum:
...     before = curriculum.columns()["task_id"].tolist()
...     credited = curriculum.update_groups([0, 1], [9, 8], 10)
...     curriculum.on_epoch_end()
...     before, curriculum.columns()["task_id"].tolist()
([0, 1], [0, 1, 2])

**What belongs in `reset`**: where a task is the seed of a level, or an option, say so, and leave `apply_task` out:
`lpcurr.CurriculumEnv(env, curriculum, reset_with=lambda config: {"seed": config["seed"]})`.

Configurations are built when a task is played and kept in a bounded cache (`env_cache_size`): a pool of a million tasks
starts at once. A task whose configuration cannot be built is dropped and another one drawn (`max_task_attempts`), but
for a fixed set, which keeps its tasks, and for errors of the machine's (a lost connection, a file, memory).

**In JSON and YAML**, under `task_generator` of a configuration or on the command line of `lpcurr train`, a generator
is a mapping with these keys, those in brackets optional:

    type: single      env           the configuration of every task
    type: bucketed    base          a configuration, or a generator
                      [buckets]     by dotted path: a list of values, or a span {low: 0.0, high: 0.7}, [log: true]
                      [label_by]    the paths whose values are named in the label
    type: set         generators    a list of them
                      [weights]     how likely each is, all alike by default
    type: list        tasks         the tasks themselves
                      [labels]      one for each
    any of them       [label]       of every task, instead of what it would be
                      [overrides]   values by dotted path, set in every configuration

>>> files = [
...     {"type": "single", "env": {"size": 32, "map": {"holes": 0.2}}, "overrides": {"map.holes": 0.4}},
...     {"type": "bucketed", "base": {"size": 4}, "buckets": {"size": {"low": 4, "high": 8}}, "label_by": ["size"]},
...     {"type": "list", "tasks": ["boil", "melt"], "labels": ["hot", "hot"]},
... ]
>>> files.append({"type": "set", "generators": files[:2], "weights": [3, 1], "label": "lake"})
>>> for form in files:
...     generator = lpcurr.CurriculumConfig(task_generator=form).task_generator
...     generator.label_of(1), generator(1)
('default', {'size': 32, 'map': {'holes': 0.4}})
('size=7..8', {'size': 7})
('hot', 'melt')
('lake', {'size': 32, 'map': {'holes': 0.4}})

A fixed set of tasks (`defer_init=True`) holds what `add_task(id, label=…)` puts in, and evicts nothing by itself.
`curriculum.num_active_tasks` is how many tasks are in the pool, `columns()["task_id"]` which.
"""
