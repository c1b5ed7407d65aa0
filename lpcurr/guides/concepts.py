"""Concepts
========

task        A 53-bit id. The task generator turns it, used as the only seed, into an environment configuration and a
            label, so any process can rebuild any task.
pool        The tasks that are active now, `num_active_tasks` of them, shared by all worker processes.
slot        Where a task lives in the pool. Slots are used again, tasks are not: a score that arrives for a task which
            has left the pool is refused and counted, never credited to the slot's new tenant.
episode     `get_task()`, play, `update_task_performance(task_id, score)`.
explored    A task with `min_samples_for_lp` completions or more: enough for its progress to mean something.

Learning progress
-----------------
Of every task, two moving averages of the score are kept, a fast one and a slow one. Where the agent improves (or
forgets), the fast one runs ahead of the slow one. Their distance is the task's learning progress:

        score                             ____ fast        progress = |fast − slow|
          |                    _.--'''''''  ..--- slow
          |               _.-' ..--''''''
          |          _.-'..-''             ^
          |_________='-'                   | large while it learns,
          +--------------------------->    | zero when mastered or out of reach
                             episodes

What a draw does
----------------
Progress becomes a z-score over the pool, then a sigmoid; a task's probability is proportional to that. Rescoring all
tasks for that at every episode is what makes other implementations slow. It is not needed:

    mean and deviation of     a slot, picked       accept with              the task
    all progress, from two -> uniformly, its ----> probability   --yes-->   (exact, fresh to the
    running sums              z-score              sigmoid(z)               last score)
                                  ^                    |
                                  '-------- no --------'    about 2 to 9 tries, whatever the pool's size

First a coin decides between explored and unexplored tasks; the latter have no progress to go by, and each weighs
`10 · exploration_bonus` times the mean explored task, at every pool size. A share `rand_task_rate` of the draws is
uniform. On a full pool, a share `new_task_rate` of the draws may replace the explored task with the least progress by
a new task; a tournament tree knows which that is.

What lies in the shared memory
------------------------------

    +---------+-----------+--------+------------------------------------------+----------------+--------+
    | header  | processes | labels | task columns, one contiguous array each: | active index,  | id ->  |
    | lock,   | random    | names, | task_id | completions | p_fast | p_slow  | trees, sums:   | slot   |
    | counters| streams,  | counts | reward_ema | ... the truth, in a journal | derived, can   | table  |
    | journal | counters  |        | while it changes                         | be rebuilt     |        |
    +---------+-----------+--------+------------------------------------------+----------------+--------+

It is one structured NumPy array. Kernels compiled by numba change it under one lock, a robust mutex: when a process is
killed inside, the next one takes back its unfinished call by the journal, rebuilds what is derived, and goes on.

>>> import lpcurr
>>> with lpcurr.CurriculumConfig(num_active_tasks=3, seed=1, defer_init=True).make() as curriculum:
...     for task_id in (7, 8, 9):
...         curriculum.add_task(task_id)
...     for step in range(20):
...         for task_id, score in ((7, 0.0), (8, step / 20), (9, 1.0)):
...             accepted = curriculum.update_task_performance(task_id, score)
...     ids, probabilities = curriculum.probabilities()
>>> dict(zip(ids.tolist(), probabilities.round(2).tolist()))  # 8 is being learned
{7: 0.0, 8: 0.99, 9: 0.0}
"""
