"""Concepts
========

task        A 53-bit id. The task generator turns it, used as the only seed, into an environment configuration and a
            label, so any process can rebuild any task.
pool        The tasks that are active now, `num_active_tasks` of them, shared by all worker processes.
slot        Where a task lives in the pool. Slots are used again, tasks are not: a score that arrives for a task which
            has left the pool is refused and counted, never credited to the slot's new tenant.
episode     `get_task()`, play, `update_task_performance(task_id, score)`.

Estimates
---------
Of every task two moving averages of the score are kept, a fast one and a slow one; plain means while it is young, so
that no episode's luck counts more than another's. Where the agent improves (or forgets), the fast one runs ahead of the
slow one, and their distance is the task's learning progress:

        score                             ____ fast        progress = |fast − slow|
          |                    _.--'''''''  ..--- slow
          |               _.-' ..--''''''
          |          _.-'..-''             ^
          |_________='-'                   | large while it learns,
          +--------------------------->    | zero when mastered or out of reach
                             episodes

Least and greatest score, successes, plays, the learner's signal and the cost are kept beside them. What a scheduler
makes of all that is a formula in its file: `lpcurr help schedulers`.

What a draw does
----------------
A coin decides first by which of a few ways this draw goes. The default, the frontier, sends a share of the draws
to what is being learned, in proportion to a weight that is large where a task moves by more than its noise and is not
yet mastered; most others explore, and prefer what is little known and little mastered. Each way is exact, fresh to the
last score, and needs no look at the other tasks:

    by weight       a tree of sums, sixteen children to a node: a score changes one path, a draw walks one down
    exploring       by rejection: a task is picked uniformly and kept the less likely, the more it is mastered
    by z-score      (learning progress) mean and deviation of all progress come from two running sums; a task is picked
                    uniformly and kept with probability sigmoid(z), 2 to 9 tries on average, whatever the pool's size
    by staleness    a tree of the moments when tasks were drawn last
    by label        a tree of sums over the labels, then any of the label's tasks by its place among them
    uniformly

Rescoring all tasks at every episode is what makes other implementations slow.

On a full pool, a share `new_task_rate` of the draws may replace a task by a new one: that with the least left to teach
(under the frontier the oldest, but for what it may teach), among those that have been played
`min_presentations_for_eviction` times, by default three (five for learning progress, which waits for
`min_samples_for_lp` besides), but none that was just handed out and is being played. A tournament tree knows which it
is.

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
>>> never_solved, being_learned, mastered = probabilities.tolist()
>>> never_solved > 2 * mastered, being_learned > 2 * mastered
(True, True)
"""
