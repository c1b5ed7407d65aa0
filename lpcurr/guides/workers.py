"""All workers see one pool: any of them draws, scores and evicts any task.

- **multiprocessing** (fork, spawn or forkserver), and vector environments: pass the curriculum; pickling it attaches on
  the other side, and a fork takes a place of its own.
- **an unrelated process** of the same user: `lpcurr.attach(session_id)`, with the id that `curriculum.session_id` is.

>>> import lpcurr
>>> curriculum = lpcurr.CurriculumConfig(num_active_tasks=4, seed=0).make()
>>> other = lpcurr.attach(curriculum.session_id)        # as another process would
>>> task = other.get_task()
>>> other.update_task_performance(task.task_id, 0.5), curriculum.stats()["num_completed"]
(True, 1.0)
>>> other.close(); curriculum.close(); curriculum.unlink()

A score for a task that another worker has evicted meanwhile is refused: `update_task_performance` returns False, and
`num_refused` counts it. That is normal.

**A killed worker** leaves its record, which `lpcurr top` shows as dead, until another process needs the place. If it
was killed inside the lock, the next process undoes its one unfinished call (`num_repairs`).

The segment belongs to the process that made it, and goes when that one unlinks it or exits. When everyone was killed,
`lpcurr sessions --reap` removes what is left.
"""
