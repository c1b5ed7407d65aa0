"""Choosing a scheduler
====================

Keep the default, the frontier, unless one of these is your case; and compare it with uniform draws on your own tasks,
`lpcurr train compare=true seeds=5`: that is the bar, and many curricula do not reach it.

    your tasks                                          take
    build on each other (chains, a tech tree)           `frontier`, the default
    come from a generator without end                   `frontier`; uniform draws never renew their pool
    are mostly out of reach, few can be learned now     `frontier`
    are prompts with a checked answer, success or not   `learnability`, with `attempts` for groups of answers
    give scores of any scale                            `frontier` or `learnability`; the others warn
    the learner has a number for what is left to learn  `plr`, reported as `signal`
    are a few hundred, played fifty times each and more `learning_progress`
    are alike, or you need the bar                      `discrete_random`

What simulated students had learned in the end, as a ratio to uniform draws at equal episodes (endless: to the better of
a fixed pool and a new task every episode), and how many of 28 families a scheduler loses: final or area below 0.97, or
the worst tenth of the tasks more than 0.03 below. Frontier: ten students a family; the others: two.

                     chains  slow   tree  needles  hidden  faint   equal  endless,        lost
                             chains                        noise   tasks  half hopeless
@TABLE@

*Needles* are 15 tasks that can be learned among 1,038, *hidden* is progress that does not show until it jumps, *faint
noise* are tasks that succeed once in five plays whatever is done. A simulated student is no agent: on real lakes the
frontier and learning progress are not told apart by three seeds (README). All figures, and those of students whose
families were kept for a last run: `asv_benchmarks/teaching/RESULTS.md`.

>>> import lpcurr
>>> lpcurr.CurriculumConfig(algorithm_config={"type": "learnability", "attempts": 8}).algorithm_config.attempts
8

What it is doing: `stats()` and `lpcurr top` have the shares of the draws and the tasks that starve, reports the
probability by label (`lpcurr help statistics`).
"""
