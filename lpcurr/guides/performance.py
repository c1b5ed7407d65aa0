"""Performance
===========

What an episode costs: `get_task()`, `update_task_performance()` and `get_episode_stats()` together take about 1 µs from
Python, of which 0.14 µs are in the compiled kernels; in batches an episode costs 0.11 µs. It does not grow with the
pool but for the processor's caches: 2.3 µs at a million tasks. Why it need not grow: `lpcurr help concepts`.

Measure it on your machine, from a checkout:

    python -m asv_benchmarks.targets      ratios that hold on a noisy machine
    python -m asv_benchmarks.floors       the kernels against the least that touching a task can cost
    python -m asv_benchmarks.safety       what crash safety costs
    python -m asv_benchmarks.steady       steps a second of a training, with and without, over 100 epochs
    asv run; asv publish; asv preview     the history by commit

What else takes time in a training with a curriculum:

* the task generator: 10 to 25 µs for a new task, in about one of a hundred episodes. Configurations are cached by id
  (`env_cache_size`, in each process);
* `CurriculumEnv`: 0.2 µs a step and about 4 µs an episode, as any wrapper of Gymnasium's; and where a `SyncVectorEnv`
  stacks its four infos, some 50 µs an episode more, which `add_info=False` saves;
* changing the environment: that is your `apply_task`, and usually the largest part;
* `stats()`: once an epoch, 13 ms at 100,000 tasks;
* `get_episode_stats()` after an eviction, as it names every label that lost a task in this epoch: 20 µs with one label,
  0.3 ms with 4,000;
* compiling: once on a machine, about half a minute. `lpcurr warmup` does it ahead, in an image for instance; later a
  process is ready in under a second.

Settings under which a draw may look at every task, at some 3 ns each; no default comes near them, and the sweep
`python -m asv_benchmarks.cliffs` finds none beside them above 20 times the default's draw:

* `z_score_amplification` above 100 with a few tasks far ahead of the others;
* `new_task_rate=1` or the reference's rules (`eviction_among="all"`, `exploration="absolute"`), where most tasks are
  explored and too young to be evicted, as with `min_presentations_for_eviction` above `min_samples_for_lp`: 0.1 to
  0.3 ms at 100,000 tasks; so does `eviction_threshold_percentile=0` with learnability, up to 0.7 ms;
* a batch of *distinct* tasks where fewer have any chance (`plr` or score deviation without a uniform or stale share):
  one look for the whole batch, 2 ms at 100,000 tasks;
* tasks of one `label` that is rare: one look for a batch of any size, 13 ms at 100,000 tasks under the frontier; a
  label with a hundredth of the draws takes 0.1 ms and less;
* `plr` by rank costs 0.6 µs more an episode at 1,000 tasks, and 4 at a million: no cliff, O(log n);
* `performance_bonus_weight` above 0 with scores far below 0, such as −200, while new tasks come in, which stand at 0:
  1.6 ms at 100,000 tasks; scores within 0 … 1 are far from it;
* the reference's rules with an `exploration_bonus` that is not 0 and below 1 / tasks: 2 to 6 ms at 100,000 tasks.

Several processes share one lock, held for 0.1 µs in an episode of 1 µs, and hand its cache lines to and fro: whoever
finds it taken looks again some times before sleeping. Where the machine's cores are near to each other, two processes
make half as many episodes again as one; where a cache line takes 0.3 µs from core to core, as on some virtual machines,
no more than one (`python -m tests.stress.contention`).

The figures of each process (tries, lock waits) are in `curriculum.process_counters()` and in `lpcurr top`.
"""
