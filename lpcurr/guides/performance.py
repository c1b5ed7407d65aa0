"""An episode costs a microsecond or two, Python included, whatever the size of the pool; a new one its generator's.

- **Batches** (`sample_ids`, `update_many`) take one turn of the lock for all: about 0.25 µs an episode.
- **Statistics** look at every task, and so are O(n): call `stats()` once an epoch. `performance_mode` leaves out all
  but the counters.
- **Kernels** are compiled once on a machine, in about 15 seconds; `lpcurr warmup` does it ahead, for example in a
  container's image. `NUMBA_CACHE_DIR` says where the code is kept.
- **Selectivity** costs tries: a draw picks tasks until it keeps one, 1 / mean(sigmoid) times. `lpcurr top` shows the
  tries; some tens are nothing beside an episode of an environment.
- **Waiting**: `lpcurr top` shows how long each process has waited for the lock. If that matters, draw in batches.
- **Watching** costs a trainer nothing that it could wait for: `lpcurr top` takes no lock.
- **Memory**: about 220 bytes a task, all reserved at the start.

>>> import lpcurr
>>> with lpcurr.CurriculumConfig(num_active_tasks=100, seed=0).make() as curriculum:
...     ids = curriculum.sample_ids(4096)
...     curriculum.update_many(ids, [0.5] * 4096)
4096
"""
