"""A curriculum chooses, at every episode, the task on which the agent is improving now. Three calls are all:

>>> import lpcurr
>>> config = lpcurr.CurriculumConfig(
...     num_active_tasks=64, seed=0,
...     task_generator=lpcurr.bucketed({"size": 4, "slip": 0.0})
...     .add_bucket("size", [4, 8, 16], label=True)
...     .add_bucket("slip", lpcurr.Span(0.0, 0.7)))
>>> with config.make() as curriculum:
...     for episode in range(1000):
...         task = curriculum.get_task()
...         env_config = task.get_env_cfg()             # {"size": 8, "slip": 0.31}
...         score = 1.0 - env_config["slip"]            # play an episode here; 0 … 1 by convention
...         accepted = curriculum.update_task_performance(task.task_id, score)
...     stats = curriculum.stats()
>>> stats["num_completed"], stats["num_active_tasks"]
(1000.0, 64.0)

Where to go from here:

- with Gymnasium there is nothing to call: `lpcurr help integrations`
- several worker processes: pickle the curriculum into them; `lpcurr help workers`
- while it runs: `lpcurr top` in another terminal
- a whole training to look at: `lpcurr train`
"""
