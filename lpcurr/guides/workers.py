"""Workers
=======

One pool, up to 4,096 processes at a time. Any of them draws, updates, creates and evicts any task. Copies that one
process unpickles count once, those that it attaches by name each.

Ways to join a pool:

    pickling      Give the curriculum to `multiprocessing` (spawn, forkserver), or to the function that makes an
                  environment in a vector environment: it attaches on the other side.
    fork          A forked child has its own place in the pool, and its own random stream, at once.
    by name       lpcurr.attach(curriculum.session_id), from an unrelated process of the same user on this machine.

>>> import lpcurr, pickle
>>> curriculum = lpcurr.CurriculumConfig(num_active_tasks=10, seed=0).make()
>>> other = lpcurr.attach(curriculum.session_id)
>>> task = other.get_task()
>>> curriculum.update_task_performance(task.task_id, 1.0)
True
>>> pickle.loads(pickle.dumps(curriculum)).stats()["num_completed"]
1.0
>>> other.close(); curriculum.close(); curriculum.unlink()

`lpcurr.attach(name, timeout=60)` waits for a session that is not there yet, where jobs start side by side. A drawn task
can be pickled by itself: it takes its configuration to a worker or a Ray actor on any machine, which plays it, and who
has the curriculum reports `update_task_performance(task.task_id, score)`.

The process that made the pool owns it: the pool goes when it calls `unlink()`, leaves its `with` block, or exits.
`close()` only leaves.

When a process is killed
------------------------
The lock is a robust mutex: the next process that wants it is told that its holder died, takes back the one call that
was unfinished, rebuilds what is derived, logs one warning and goes on. Nothing else is lost. Where the whole process
group was killed, the memory stays: `lpcurr sessions` lists it, `lpcurr sessions --reap` removes it, and so does a job
that is begun again under the same `session_id`. A killed trainer's segment is also removed by Python's resource tracker
if that survives.

A process that is stopped (Ctrl-Z, a debugger) in the middle of a call holds the others up. After ten seconds they say
which one it is and how to go on; Ctrl-C and other signal handlers end a wait within a second.

Where there is no robust mutex (macOS), a file lock around each call gives the same guarantees at a higher price.
On Windows, pools are local to a process (`use_shared_memory=False`): vectors of environments are `SyncVectorEnv` or
`DummyVecEnv`.

Watching
--------
`lpcurr top` shows a running pool from another terminal: rates, labels, hottest tasks, which workers live. It takes no
lock and no place in the pool. `lpcurr inspect SESSION` prints its tasks.
"""
