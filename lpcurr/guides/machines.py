"""Many machines
=============

One curriculum over all nodes of a training: each node has the pool in its own shared memory, where an episode costs
what it costs on one machine; now and then the nodes exchange what happened, and afterwards all pools are equal, to
the bit. One checkpoint, saved on any node, is the whole.

How to join is a page each: `lpcurr help torchrun` for `torch.distributed`, `lpcurr help ray` for Ray and RLlib.

How often
---------
Every rank calls `sync()` equally often; once an update of the learner is a good beginning. Or leave it to a thread:
`join(…, sync_every=5.0)` exchanges every five seconds on every node, until the first one closes its curriculum. Its
errors are logged, and raised by the next `stats()` or `sync()`; by Ray, the nodes meet a restarted actor anew by
themselves.

`lpcurr top` shows the nodes, with how many entries each was behind and sent at the last exchange, and who waits for
whom; `curriculum.stats()` has the same under `exchange/…`, and a report draws it.

What a node lacks is what the others played since the last exchange: with 8 nodes, 1,000 episodes a second in all and an
exchange every ten seconds, the last 8,750 episodes of others. An episode is two entries of 40 bytes (80 KB a second
there), and applying them takes less than a microsecond each, beside the training of the node's other processes. Between
two exchanges entries wait in the log: `log_entries=262_144`, 10 MB, by default. Where it overflows, what found no room
is undone at the next exchange, counted in `curriculum.last_exchange.lost` and warned of; the pools stay equal.

What old draws cost in teaching, on simulated students and four nodes: nothing with an exchange after each half episode
a task (of all nodes). After three to five, a third of what the frontier gains where tasks build on each other, and
after thirteen to twenty half; on generators without end little, and a third to a half. On other fixed sets nothing
(`asv_benchmarks/teaching/RESULTS.md`). So exchange before a task has been played a few times.

How far it goes
---------------
Every node applies everybody's entries, ten million a second on one core at 1,000 tasks and three million at 100,000
(`asv_benchmarks/distributed.py`, the log of 64 nodes on one machine). To bring a pool into place takes 0.1 ms at 1,000
tasks and 27 ms at a million. With an exchange every ten seconds:

    nodes  episodes/s in all  bytes of all  applying, 1,000 / 100,000 tasks  a node is behind by  log of a node
        8              1,000        0.8 MB                    2 ms / 7 ms       8,750 episodes         0.1 MB
        8            100,000         80 MB                  0.2 s / 0.7 s     875,000 episodes          10 MB
       64            100,000         80 MB                  0.2 s / 0.7 s     984,000 episodes         1.3 MB
       64          1,000,000        800 MB                      2 s / 7 s   9,844,000 episodes          13 MB
      512            100,000         80 MB                  0.2 s / 0.7 s     998,000 episodes         0.2 MB
      512          1,000,000        800 MB                      2 s / 7 s   9,980,000 episodes         1.6 MB

The limit is what one core applies: some 5 million episodes a second in all at 1,000 tasks, 1.5 million at 100,000,
however many nodes there are.

In a training it costs next to nothing: PPO under torchrun, two nodes with two ranks each, an exchange an update, made
1.00 (frontier) and 1.00 (learning progress) times the steps a second of no curriculum; RLlib on a cluster of two nodes
0.99 and 1.01 (medians of four and eight pairs, all on one machine of two cores, where single pairs lie between 0.8 and
1.3).

What is equal, and what is not
------------------------------
Equal after each exchange: the tasks with all that `columns()` says of them, their slots and entry numbers, labels
with their counts, the counters of `stats()`, the epoch, and the scheduler (`use()` on one node is everybody's). A
node's own: its random streams, its session, what `process_counters()` says, and which tasks it may evict by their
score: those whose id falls to it, so that nodes do not all evict the same one. A score for a task that another node
has evicted meanwhile is refused and counted, as on one machine; where two nodes' tasks want one free slot, the first
in the order of nodes gets it. Call `on_epoch_end()` on one rank alone. Lists of tasks cannot be appended to while
nodes share them.

When a node dies
----------------
The exchange ends with `ExchangeError` at its timeout, or at once where the connection breaks, and names who was
missing (by torch, node 0's error all of them, another's whom it waited for; by Ray, each node's all of them). Its
entries since the last exchange are lost, nobody else's. torchrun starts all ranks anew: `join(…, checkpoint=…)` goes
on from the file, on as many nodes as there are. A trainer that goes on by itself makes a new process group and says
`curriculum.meet(TorchDistributed())` on every rank, or with Ray `curriculum.meet(RayActor(…))`, each node with its new
number; nodes that are new `join` at that moment, and get the pool from the others.

Another transport
-----------------
`lpcurr.distributed.Transport` has three functions: meet the others, exchange entries in one order for all, and leave.

A recording
-----------
The same log, of one machine, written to a file:

>>> import tempfile, lpcurr
>>> folder = tempfile.TemporaryDirectory()
>>> with lpcurr.CurriculumConfig(num_active_tasks=4, seed=0, log_entries=100_000).make() as curriculum:
...     recording = curriculum.record(folder.name + "/played.log")
...     credited = curriculum.update_many(curriculum.sample_ids(8), [0.0, 1.0] * 4)
...     recording.close()
...     again = lpcurr.Curriculum.replay(folder.name + "/played.log")
...     again.get_state()["columns"] == curriculum.get_state()["columns"]
True
>>> folder.cleanup()

`lpcurr replay played.log --at 1000` shows the pool as it was after the thousandth entry.
"""
