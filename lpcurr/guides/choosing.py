"""Choosing a scheduler
====================

Keep the default, the frontier, unless one of these is your case; and compare it with uniform draws on your own tasks,
`lpcurr train compare=true seeds=5`: that is the bar, and many curricula do not reach it.

    your tasks                                          take
    build on each other (chains, a tech tree)           `frontier`, the default
    come from a generator without end                   `frontier`; uniform draws never renew their pool
    are mostly out of reach, few can be learned now     `frontier`
    are prompts with a checked answer, success or not   `learnability`, with `attempts` for groups of answers
    give scores of any scale                            `frontier`; the others warn, `learnability` unless it was
                                                        given the `task_default_success_threshold` of that scale
    the learner has a number for what is left to learn  `plr`, reported as `signal`
    are a few hundred, played fifty times each and more,
      and forgotten when not played                     `learning_progress`, beside the default
    carry labels of tasks that are learned together, and
      are played a few times each                       `label_progress`, or a `mixture` of it and `frontier`
    are alike, or you need the bar                      `discrete_random`

What simulated students had learned in the end, as a ratio to uniform draws at equal episodes (endless: to the better of
a fixed pool and a new task every episode), and how many of 28 families a scheduler loses: final or area below 0.97, or
the worst tenth of the tasks more than 0.03 below. Frontier: ten students a family; the others: two.

                      chains   slow   tree  needles  hidden  faint  equal   endless     lost
                             chains                          noise  tasks  half hopeless
    frontier          2.73   2.52   2.70     1.80    1.02   0.98    1.00      2.34      1: hidden's area, 0.95
    learning_progress 1.28   1.66   1.23     1.87    0.71   1.02    0.99      1.22     13
    learnability      1.20   1.29   1.05     1.23    0.95   1.00    1.00      2.25      5
    plr               1.67   2.11   1.40     1.87    0.62   1.00    1.00      2.57      8
    score_deviation   1.17   1.49   1.16     1.87    0.70   1.00    1.00      2.02     10
    label_progress    0.97   0.98   1.04     0.98    1.02   1.00    1.00      1.94      1

*Needles* are 15 tasks that can be learned among 1,038, *hidden* is progress that does not show until it jumps, *faint
noise* are tasks that succeed once in five plays whatever is done. Label progress is uniform draws where all tasks have
one label, as in most of these; where labels name what is learned together, it makes 1.28 (area 1.84, frontier 1.33).

To renew the pool or not: on a generator's tasks the frontier evicts the oldest, those later that are solved now and
then, and `new_task_rate` says how fast. On simulated generators without end, and on real lakes, most of the gain is
that. Where one skill serves all tasks, what looks hopeless is learned later: evicting it first, as the frontier once
did, lost to uniform draws on cart-poles, and learnability, PLR and label progress still do. A simulated student is no
agent, so try both. All figures, those of students whose families were kept for a last run, and those of agents:
`asv_benchmarks/teaching/RESULTS.md` and `asv_benchmarks/AGENTS.md`.

>>> import lpcurr
>>> lpcurr.CurriculumConfig(algorithm_config={"type": "learnability", "attempts": 8}).algorithm_config.attempts
8

Shares and weights of your own
------------------------------
A share for each label whatever the scheduler finds, such as two thirds of the episodes for a source of prompts, or an
environment that plays tasks of one label only: ask for tasks of that label. They are drawn with the chances that they
have among themselves; such draws bring no new task in. Of shares: `np.random.multinomial(64, [0.7, 0.2, 0.1])` of each.

>>> sums = lpcurr.CurriculumConfig(tasks=range(90), task_labels=["maths", "code", "code"] * 30, seed=0)
>>> with sums.make() as curriculum:
...     batch = [curriculum.sample_ids(n, distinct=True, label=name) for name, n in (("maths", 6), ("code", 3))]
...     [curriculum.update_many(ids, [0.5] * len(ids)) for ids in batch], curriculum.get_task(label="code").label
([6, 3], 'code')

A weight for each task, of whatever you measure (regret, novelty, how seldom an opponent is beaten): `plr` draws in
proportion to the `signal` that came with the last score, and not by the score.

>>> weighted = {"type": "plr", "signal_timescale": 1.0, "staleness_share": 0.0, "rand_task_rate": 0.0}
>>> with lpcurr.CurriculumConfig(tasks=["a", "b", "c"], algorithm_config=weighted).make() as curriculum:
...     credited = curriculum.update_many([0, 1, 2], [0.0, 0.9, 0.5], signals=[1.0, 3.0, 4.0])
...     curriculum.probabilities()[1].tolist()
[0.125, 0.375, 0.5]

A law of your own, such as pass rates around one that falls with the training: choose ids by what `columns()` tells,
`np.random.choice(known["task_id"], 64, replace=False, p=weights)`, and report them like any others.

What it is doing: `stats()` and `lpcurr top` have the shares of the draws and the tasks that starve, reports the
probability by label (`lpcurr help statistics`).
"""
