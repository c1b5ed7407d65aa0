"""Troubleshooting
===============

"shared memory has no room"
    /dev/shm is full or small. Docker gives 64 MB unless it is run with --shm-size. A task takes about 200 bytes; or set
    use_shared_memory=False where there is one process. What killed runs have left: `lpcurr sessions --reap`.

"a worker died inside the pool; its unfinished call was rolled back"
    A process was killed in the middle of a call. The pool was repaired and is whole; look for why it was killed (often
    the out-of-memory killer: dmesg).

"waiting for the lock of the pool since … s"
    The process that it names is stopped, or does not get a processor, in the middle of a call. Continue or kill it:
    its one unfinished call is then rolled back.

"processes are attached to this pool already, which is the limit"
    4,096 at a time; or one process that calls attach() again and again without close().

"is of a module that has not been imported"
    A file names a class of yours. Import its module before loading; `lpcurr help security` says why.

"the lock … beyond repair" (PoolLostError)
    Somebody gave the lock back unrepaired after its holder's death, which no lpcurr process does. Make a new pool from
    the last checkpoint.

update_task_performance() returns False
    The task has left the pool while it was played, which is normal among many workers: `num_refused` counts it.

"this curriculum is closed"
    close() was called, or its `with` block is over; attach again, or make a new one.

"task … cannot be played, another is taken"
    The generator, apply_task or the environment's reset raised. The log has the traceback, once in full. The task
    leaves the pool once it has failed in two processes, or for good in the only one that plays; not from a fixed set.

"resets in a row came in mid-episode"
    Every episode is abandoned, and no score is reported. Put `TimeLimit` and what else ends an episode inside of
    `CurriculumEnv`, or have the trainer go on with an episode where its rollout ends instead of resetting.

"a score of size … lies far outside 0 … 1"
    The scheduler goes by scores as they are, and tasks with large ones take its draws; or by successes, which are
    scores of `task_default_success_threshold` (0.5) or more, so that all of yours may be one or none. Report a success
    rate or a normalised return, set the threshold, or use `FrontierConfig()`, which puts each task on the scale of what
    it was seen to give.

"the scores of … go from … to …, and the stage after it goes by success"
    Likewise: with returns of 20 to 500 every episode is a success, and the stage opens at once. `lpcurr help tasks`.

Every process makes different draws with the same seed
    Each attached process has a random stream of its own. With one process, a seed gives the same draws every time.

The first call takes half a minute
    Kernels are compiled once on a machine; `lpcurr warmup` does it ahead. If it happens at every start, the cache
    cannot be written: set NUMBA_CACHE_DIR to a folder that can.

"overflow encountered in scalar add"
    NUMBA_DISABLE_JIT is set: kernels run in Python, with the same results and far slower, for looking into them. The
    64-bit words of their random streams overflow as they should.

"LPCURR_LOCK", "lock it in another way"
    Processes of one pool must agree on NUMBA_DISABLE_JIT and LPCURR_LOCK.

Training is slow
    `lpcurr top` shows lock waits and tries; `lpcurr help performance` says what else takes time.
"""
