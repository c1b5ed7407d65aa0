"""**A task** is a 53-bit id, from which a generator makes an environment. **The pool** holds the tasks that are active.

What a draw does (`get_task`), and what a score does (`update_task_performance`):

    get_task()
       │
       ├─ pool not full? ─────────────────────────► a new task
       ├─ now and then (new_task_rate): evict the
       │  explored task with the least progress ──► a new task in its place
       ├─ rand_task_rate of the draws ────────────► any task, uniformly
       ├─ share of the unexplored tasks ──────────► one of them, uniformly
       └─ otherwise: pick an explored task,
          keep it with probability sigmoid(z), ───► the task
          else pick again

    update_task_performance(id, score)
       │
       └─ fast average ┐
          slow average ┴─ distance = learning progress ─ z-score over the pool ─ sigmoid(z)

A task's **learning progress** is the distance between a fast and a slow moving average of its score: large while the
agent is getting better at it (or worse), near zero where the task is mastered or hopeless. A task with fewer than
`min_samples_for_lp` completions is **unexplored**: nobody knows yet, so it is drawn as often as the mean explored task.

Keeping a uniformly picked task with probability sigmoid(z) gives exactly the distribution p ∝ sigmoid(z), and needs no
sum over the pool: mean and deviation follow from running sums. So a draw reflects every score up to the last one and
costs the same for a thousand tasks and for a million.

What the segment of shared memory holds:

    ┌───────────┬────────────┬───────────┬──────────────────────────────┬─────────────┬────────┐
    │ header    │ processes  │ labels    │ columns, one cell a task:    │ derived:    │ config │
    │ lock      │ pid        │ names     │ id, entry, label, counts,    │ progress    │ JSON   │
    │ counters  │ random     │ counters  │ averages, p_fast, p_slow ... │ active list │        │
    │ journal   │ stream     │           │ the truth                    │ trees, index│        │
    └───────────┴────────────┴───────────┴──────────────────────────────┴─────────────┴────────┘

Everything derived can be rebuilt from the truth. A process writes into the **journal** what it is about to change; if
it is killed inside the lock, the next one undoes that one call, rebuilds what is derived, and goes on.

>>> import lpcurr
>>> with lpcurr.CurriculumConfig(num_active_tasks=8, seed=0).make() as curriculum:
...     for episode in range(200):
...         task = curriculum.get_task()
...         _ = curriculum.update_task_performance(task.task_id, (task.task_id + episode) % 10 / 10)
...     ids, probabilities = curriculum.probabilities()
>>> len(ids), round(float(probabilities.sum()), 9)
(8, 1.0)
"""
