"""Quickstart
==========

A curriculum hands out tasks and takes scores. A task is a 53-bit number; a function of yours makes the environment's
configuration from it, with the number as its only seed.

>>> import lpcurr
>>> def make_maze(task_id):
...     return {"size": 4 + task_id % 13, "map_seed": task_id}
>>> config = lpcurr.CurriculumConfig(num_active_tasks=100, seed=0)
>>> curriculum = lpcurr.Curriculum(config, task_generator=make_maze)
>>> for episode in range(1000):
...     task = curriculum.get_task()
...     maze = task.get_env_cfg()
...     score = 1.0 if maze["size"] < 8 else 0.0  # your environment and your agent
...     accepted = curriculum.update_task_performance(task.task_id, score)
>>> curriculum.stats()["num_completed"]
1000.0
>>> curriculum.close(); curriculum.unlink()

A score is any finite number; 0 to 1 is the convention (did it succeed, or a normalised return).

Which task comes next says the scheduler, by default the frontier: a share of practice for what is being learned now,
the rest for what is little known and little mastered. There are others: `lpcurr help schedulers`.

With Gymnasium, a wrapper does both calls. It needs an `apply_task(env, config)`, or a `set_task` in the environment:

    env = lpcurr.CurriculumEnv(gymnasium.make("CartPole-v1"), curriculum, apply_task=apply)

In a vector environment, every worker process gets the curriculum with the function that makes its environment, and
attaches to the one pool: `lpcurr help workers`.

A training to look at, on FrozenLake, about a minute, with a report:

    lpcurr train
    lpcurr top        (from another terminal, while it runs)
"""
