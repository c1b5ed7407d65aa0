"""**"shared memory has no room"**: Docker gives /dev/shm 64 MB unless it is run with `--shm-size`. Dead sessions hold
some, too: `lpcurr sessions --reap`.

**The first start takes a quarter of a minute**: kernels are being compiled, once. If it happens every time, the cache
cannot be written or does not last: set `NUMBA_CACHE_DIR` to a folder that does.

**Nothing is learnt of the pool** (`lpcurr top` shows only new tasks): tasks leave before `min_samples_for_lp` episodes,
or there are too many of them for the number of episodes. Make the pool smaller.

**All tasks are drawn alike**: progress is the same everywhere, often zero. Are scores different from one another
(`lpcurr inspect SESSION --sort=-score`)? Are they between 0 and 1? Is `ema_timescale` so small that the averages have
not moved yet?

**One label takes everything**: that may be right. If its scores are merely noisy, slow the averages down
(`LearningProgressConfig.stable()`).

**"a worker died inside the pool"** in the log: it was killed in the middle of a call, which was undone. The pool is as
good as before; look for who kills workers (often the system, for want of memory).

**Many refused scores**: several workers play a task that is evicted meanwhile. Lower `new_task_rate`.

**A loaded curriculum wants a task generator**: a plain function is not kept in a checkpoint or a segment; pass it.

>>> import lpcurr
>>> with lpcurr.CurriculumConfig(num_active_tasks=2).make() as curriculum:
...     curriculum.update_task_performance(1, float("nan"))
Traceback (most recent call last):
    ...
lpcurr.errors.InvalidScoreError: score nan is not finite: report a finite number, by convention 0 … 1
"""
